"""Messages over the socket between a program and its judge."""

from __future__ import annotations

import os
from typing import Any

import isolated_codec as codec  # type: ignore[import-not-found]  # beside this in the image


class HungUpError(Exception):
    """The other side is gone."""


def _read(descriptor: int, size: int) -> bytes:
    parts = []
    while size:
        try:
            part = os.read(descriptor, min(size, 1 << 20))
        except ConnectionError:
            part = b""
        if not part:
            raise HungUpError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive(descriptor: int) -> Any:
    """The next message. Raises HungUpError and codec.ForgedError."""
    size = int.from_bytes(_read(descriptor, 4), "big")
    if size > codec.MOST_BYTES:
        raise codec.ForgedError(f"a message of {size} bytes")
    return codec.load(_read(descriptor, size))


def send(descriptor: int, message: Any) -> None:
    """Raises HungUpError, and codec.TooMuchError for a message that is too large."""
    data = codec.dump(message)
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except (BrokenPipeError, ConnectionError) as error:
            raise HungUpError from error
