"""Ids to bytes to text, and the one beginning-of-sequence token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as HFTokenizer
from tokenizers import decoders
from tokenizers.models import BPE

from pipeline.engine.tokenizer import Tokenizer
from pipeline.records import UserError
from tests.unit.engine.checkpoints import write_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return Tokenizer(folder, 400)


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_text_survives(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)[1:]
    decoded, ends = tokenizer.decode(ids)
    assert decoded == text
    assert list(ends) == sorted(ends)
    assert not ends or ends[-1] == len(text)


@settings(max_examples=200, deadline=None)
@given(ids=st.lists(st.integers(2, 300), max_size=30))
def test_any_ids_decode_as_the_tokenizer_does(tokenizer: Tokenizer, ids: list[int]) -> None:
    text, ends = tokenizer.decode(ids)
    assert text == tokenizer._tokenizer.decode(ids)
    for count, end in enumerate(ends[:-1], 1):
        # The first `end` characters are complete: no later token can change them.
        data = b"".join(tokenizer.bytes[i] for i in ids[:count])
        assert data.decode(errors="replace")[:end] == text[:end]
    assert len(ends) == len(ids)


def test_one_beginning_token(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("x")[0] == 0
    assert tokenizer.encode("<bos>x") == tokenizer.encode("x")
    assert tokenizer.encode("") == [0]


def test_ids_without_a_token_are_unknown(tokenizer: Tokenizer) -> None:
    assert tokenizer.known[0]
    assert not tokenizer.known[399]
    assert tokenizer.bytes[399] == b""
    assert tokenizer.decode([1, 399]) == ("", (0, 0))


def test_sentencepiece_keeps_leading_space_and_bytes(tmp_path: Path) -> None:
    vocab = {"\u2581a": 0, "b": 1, "<0xE2>": 2, "<0x82>": 3, "<0xAC>": 4}
    inner = HFTokenizer(BPE(vocab, [], byte_fallback=True))
    inner.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    inner.save(str(tmp_path / "tokenizer.json"))
    assert Tokenizer(tmp_path, 5).decode([0, 1, 2, 3, 4]) == (" ab\u20ac", (2, 3, 3, 3, 4))


def test_faults_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tokenizer\.json: file not found"):
        Tokenizer(tmp_path, 400)
    write_tokenizer(tmp_path)
    with pytest.raises(UserError, match="beyond the model's 10 embeddings"):
        Tokenizer(tmp_path, 10)
    spec = json.loads((tmp_path / "tokenizer.json").read_text())
    spec["decoder"] = {"type": "WordPiece", "prefix": "##", "cleanup": True}
    (tmp_path / "tokenizer.json").write_text(json.dumps(spec))
    with pytest.raises(UserError, match="WordPiece"):
        Tokenizer(tmp_path, 400)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UserError, match="not a tokenizer"):
        Tokenizer(tmp_path, 400)
