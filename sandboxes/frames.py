"""How the Docker engine marks which stream a piece of a container's output belongs to."""

from __future__ import annotations

import struct

_HEAD = struct.Struct(">BxxxI")  # the stream, the bytes that follow
_STDOUT = 1


class Frames:
    """Takes an attached stream apart as it arrives, in pieces of any size."""

    def __init__(self) -> None:
        self._head = bytearray()  # of a frame, until it is whole
        self._stream, self._left = _STDOUT, 0  # of the frame under way

    def take(self, data: bytes, stdout: bytearray, stderr: bytearray) -> None:
        """Adds what the piece holds of each stream to the two."""
        at = 0
        while at < len(data):
            if not self._left:
                lacking = _HEAD.size - len(self._head)
                self._head += data[at : at + lacking]
                at += lacking
                if len(self._head) == _HEAD.size:
                    self._stream, self._left = _HEAD.unpack(self._head)
                    self._head.clear()
                continue
            part = data[at : at + self._left]
            (stdout if self._stream == _STDOUT else stderr).extend(part)
            self._left -= len(part)
            at += len(part)
