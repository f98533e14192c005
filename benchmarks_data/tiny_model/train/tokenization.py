"""The tiny model's tokenizer: byte-level BPE over our own generated text.

Numbers are single digits, so that copying one is copying its digits; ``n3``, ``t12``, an operator
with its blanks and a line's indentation are one piece each, so that programs are short.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

BOS, EOS, PAD = "<s>", "</s>", "<pad>"
BOS_ID, EOS_ID, PAD_ID = 0, 1, 2
VOCABULARY = 1536

_PIECES = "|".join(
    [
        r"import java\.\w+\.\*;",
        r" ?[nt]\d{1,2}(?!\w)",
        r"\.0(?!\d)",
        r"\d",
        r" [-+*/%]+ (?=[nt]?\d|math|Math|\()",
        r" = ",
        r";?[^\S\n]*\n\s*(?:double |var |return )?",
        r" ?[A-Za-z_]+",
        r" ?[^\sA-Za-z0-9_]+",
        r"\s+",
    ]
)


def train_tokenizer(texts: Iterable[str], vocabulary: int = VOCABULARY) -> Tokenizer:
    """Train on ``texts``; the result prepends one BOS when it encodes with special tokens."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, BOS_ID)]
    )
    return tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """Read ``tokenizer.json``."""
    return Tokenizer.from_file(str(path))
