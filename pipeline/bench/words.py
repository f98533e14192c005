"""A tokenizer and texts of a wanted number of tokens, where no published one can be had.

Every word of a text is one token, so that its length in tokens is known before it is tokenised.
"""

from __future__ import annotations

import itertools
import json
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

SPACE = "\u0120"  # how byte-level BPE writes a space (GPT-2, section 2.2)
END = "<|endoftext|>"
UNUSED = 256  # ids at the end of a large vocabulary that no token has, as in Qwen2.5's
LARGE = 4096


def words(count: int) -> Iterator[str]:
    """The first `count` words of lower-case letters, shorter ones first."""
    endless = (
        "".join(letters)
        for length in itertools.count(1)
        for letters in itertools.product(string.ascii_lowercase, repeat=length)
    )
    return itertools.islice(endless, count)


def write_tokenizer(folder: Path, vocab_size: int) -> None:
    """A byte-level BPE tokenizer of that many ids: bytes, then words with a space before them."""
    ids = vocab_size - UNUSED if vocab_size > LARGE else vocab_size
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    whole = list(words(ids - len(alphabet) - 1))
    vocab = {token: i for i, token in enumerate([*alphabet, *(SPACE + word for word in whole)])}
    merges = [(SPACE + word[:-1], word[-1]) for word in whole]
    tokenizer = Tokenizer(BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": END, "add_bos_token": False})
    )


def text(tokens: int, vocab_size: int, seed: int) -> str:
    """A text of exactly that many tokens of `write_tokenizer`'s, each a word drawn by the seed."""
    # Words of one and two letters are in every tokenizer; three letters are in all large ones.
    known = list(words(26 + 26**2 + 26**3 if vocab_size > 20000 else 26))
    drawn = np.random.default_rng(seed).integers(0, len(known), tokens)
    return "".join(" " + known[i] for i in drawn)
