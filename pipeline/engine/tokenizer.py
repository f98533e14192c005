"""tokenizer.json: prompts to ids, and ids to bytes."""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as HFTokenizer

from pipeline.records import UserError, digest


class Tokenizer:
    """Tokenises whole prompts and knows the bytes of every id.

    Text is the concatenation of the ids' bytes, decoded as UTF-8. That equals the tokenizer's own
    decoding, except that a SentencePiece decoder strips a leading space, which would be wrong here
    because a completion continues its prompt.
    """

    def __init__(self, folder: Path, vocab_size: int) -> None:
        """vocab_size: rows of the model's embedding; ids that no token has decode to nothing.

        Raises UserError for a missing file, a decoder that is not understood, or ids beyond the
        embedding.
        """
        path = folder / "tokenizer.json"
        try:
            text = path.read_text()
            self._tokenizer = HFTokenizer.from_str(text)
        except FileNotFoundError:
            raise UserError(f"{path}: file not found; a checkpoint needs it") from None
        except Exception as error:  # the binding raises plain Exception for a malformed file
            raise UserError(f"{path}: not a tokenizer: {error}") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.hash = digest(text)
        spec = json.loads(text)
        vocab = self._tokenizer.get_vocab(with_added_tokens=True)
        beyond = max(vocab.values(), default=0)
        if beyond >= vocab_size:
            raise UserError(f"{path}: id {beyond} lies beyond the model's {vocab_size} embeddings")
        self.bytes: list[bytes] = _token_bytes(path, spec, vocab, vocab_size)
        self.known = [False] * vocab_size  # ids that the tokenizer has; the others are padding
        for token_id in vocab.values():
            self.known[token_id] = True
        self._bos = self._find_bos(folder, vocab)

    def _find_bos(self, folder: Path, vocab: dict[str, int]) -> tuple[int, bool] | None:
        """The beginning-of-sequence id and whether every prompt starts with it."""
        path = folder / "tokenizer_config.json"
        config = json.loads(path.read_text()) if path.exists() else {}
        token = config.get("bos_token")
        token = token.get("content") if isinstance(token, dict) else token
        if token not in vocab:
            return None
        return vocab[token], config.get("add_bos_token") is True

    def encode(self, prompt: str) -> list[int]:
        """Ids of a whole prompt with at most one beginning-of-sequence token, and no end token."""
        encoding = self._tokenizer.encode(prompt, add_special_tokens=True)
        ids: list[int] = encoding.ids
        # A template may end sequences; a prompt that is to be continued must not be ended.
        while ids and encoding.special_tokens_mask[len(ids) - 1] and len(ids) > 1:
            ids = ids[:-1]
        if self._bos is not None:
            bos, always = self._bos
            while len(ids) > 1 and ids[0] == bos and ids[1] == bos:
                ids = ids[1:]
            if (always or not ids) and ids[:1] != [bos]:
                ids = [bos, *ids]
        return ids

    @cached_property
    def _ascii_lengths(self) -> NDArray[np.int64]:
        """[V] bytes of each id; -1 where some are not ASCII."""
        return np.array([len(data) if data.isascii() else -1 for data in self.bytes], np.int64)

    def decode(self, ids: Sequence[int]) -> tuple[str, tuple[int, ...]]:
        """Text of generated ids, and after each id how many of its characters are complete.

        Bytes that are no UTF-8 become U+FFFD; those of an unfinished last character do so at the
        end, and count with the last id.
        """
        lengths = self._ascii_lengths[np.asarray(ids, np.int64)]
        if lengths.min(initial=0) >= 0:  # a byte a character, and no character between two tokens
            whole = b"".join([self.bytes[token_id] for token_id in ids]).decode("ascii")
            return whole, tuple(lengths.cumsum().tolist())
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        pieces: list[str] = []
        ends: list[int] = []
        length = 0
        for token_id in ids:
            piece = decoder.decode(self.bytes[token_id])
            pieces.append(piece)
            length += len(piece)
            ends.append(length)
        rest = decoder.decode(b"", final=True)
        if rest:
            pieces.append(rest)
            ends[-1] += len(rest)
        return "".join(pieces), tuple(ends)


def _token_bytes(
    path: Path, spec: dict[str, Any], vocab: dict[str, int], vocab_size: int
) -> list[bytes]:
    table = [b""] * vocab_size
    convert = _converter(path, spec.get("decoder") or {})
    added = {token["id"]: token for token in spec.get("added_tokens", [])}
    for token, token_id in vocab.items():
        if token_id not in added:
            table[token_id] = convert(token)
        elif not added[token_id].get("special"):
            table[token_id] = added[token_id]["content"].encode()
    return table


def _converter(path: Path, decoder: dict[str, Any]) -> Any:
    parts = decoder.get("decoders", [decoder]) if decoder.get("type") == "Sequence" else [decoder]
    kinds = [part.get("type") for part in parts]
    if "ByteLevel" in kinds:
        alphabet = byte_level_alphabet()
        return lambda token: bytes(alphabet[c] for c in token)
    if "Metaspace" in kinds or "ByteFallback" in kinds:

        def convert(token: str) -> bytes:
            if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
                return bytes([int(token[3:5], 16)])
            return token.replace("\u2581", " ").encode()

        return convert
    raise UserError(
        f"{path}: decoder {kinds} is not supported (ByteLevel, Metaspace, ByteFallback)"
    )


def byte_level_alphabet() -> dict[str, int]:
    """The characters by which byte-level BPE writes the 256 bytes (GPT-2, section 2.2).

    Printable Latin-1 bytes stand for themselves; the others take code points from 256 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if byte not in set(printable))
    alphabet.update({chr(256 + i): byte for i, byte in enumerate(others)})
    return alphabet
