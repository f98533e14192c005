"""Stop strings as an automaton over tokens, so that the device finds them without the host.

An Aho-Corasick automaton over bytes (Aho and Corasick, CACM 18(6), 1975) is stepped through the
bytes of every token in advance: one table look-up a token then tells whether some stop string has
been completed, whatever token boundaries or partial characters lie inside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

STOPPED = 0  # the state after any stop string, of every set; it is never left
ROOM = 1024  # states, at most, that there is room for beyond those needed


class StopTables:
    """Transitions of all sets of stop strings that were asked for."""

    def __init__(
        self, token_bytes: Sequence[bytes], eos: Sequence[int], device: torch.device
    ) -> None:
        self._device = device
        self._starts: dict[tuple[str, ...], int] = {}
        width = max((len(b) for b in token_bytes), default=0)
        lengths = np.array([len(data) for data in token_bytes], np.int64)
        # Tokens, the longest first; how many of them have a byte at each place, and which.
        order = np.argsort(-lengths, kind="stable")
        padded = b"".join(token_bytes[i].ljust(width, b"\0") for i in order.tolist())
        matrix = np.frombuffer(padded, np.uint8).reshape(len(token_bytes), width)
        self._longest_first = torch.from_numpy(order).to(device)
        self._matrix = torch.from_numpy(matrix.copy()).to(device)  # [V, width]
        self._reaching = [int((lengths > place).sum()) for place in range(width)]
        self._states = 1
        # [S, V] int16: next state of each state on each token. With room for sets to come, because
        # graphs hold its address.
        self.table: Tensor = torch.zeros((1, len(token_bytes)), dtype=torch.int16, device=device)
        self.ends: Tensor = torch.zeros(len(token_bytes), dtype=torch.bool, device=device)
        if eos:
            self.ends[torch.tensor(list(eos), device=device)] = True

    def start(self, stops: tuple[str, ...]) -> int:
        """The initial state for a set of stop strings; builds its table the first time."""
        if stops not in self._starts:
            rows = self._build([stop.encode() for stop in stops if stop])
            needed = self._states + len(rows)
            if needed > len(self.table):
                room = min(needed, ROOM)
                spare = self.table.new_zeros((room, self.table.shape[1]))
                self.table = torch.cat([self.table[: self._states], rows, spare])
            else:
                self.table[self._states : needed] = rows
            self._starts[stops] = self._states
            self._states = needed
        return self._starts[stops]

    def step(self, states: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """states, tokens [R] int64 -> next states [R] int64, and whether the row has ended."""
        following = self.table[states, tokens].long()
        return following, (following == STOPPED) | self.ends[tokens]

    def _build(self, patterns: Sequence[bytes]) -> Tensor:
        """[S, V] int16: the states of one set, numbered after those that there are."""
        automaton = _automaton(patterns)  # [S, 256]; -1 is a match
        states = len(automaton)
        if self._states + states > np.iinfo(np.int16).max:
            raise ValueError("too many different stop strings in one run")
        # A match is a state of its own, the last, which every byte stays in.
        closed = np.vstack([automaton, np.full((1, 256), -1, dtype=np.int32)])
        closed[closed < 0] = states
        following = torch.from_numpy(closed.astype(np.int64)).to(self._device).flatten()
        current = torch.arange(states, device=self._device)[:, None].repeat(1, self.table.shape[1])
        for place, count in enumerate(self._reaching):  # [S, V], the longest tokens first
            at = current[:, :count] * 256 + self._matrix[:count, place]
            current[:, :count] = following.take(at)
        found = torch.empty_like(current)
        found[:, self._longest_first] = current
        return torch.where(found == states, STOPPED, found + self._states).to(torch.int16)


def _automaton(patterns: Sequence[bytes]) -> NDArray[np.int32]:
    """[S, 256] next state by byte, state 0 the start, -1 where a pattern is complete."""
    goto: list[dict[int, int]] = [{}]
    final = [False]
    for pattern in patterns:
        state = 0
        for byte in pattern:
            if byte not in goto[state]:
                goto[state][byte] = len(goto)
                goto.append({})
                final.append(False)
            state = goto[state][byte]
        final[state] = True
    table = np.zeros((len(goto), 256), dtype=np.int32)
    fail = [0] * len(goto)
    queue = deque([0])
    while queue:
        state = queue.popleft()
        if state:
            table[state] = table[fail[state]]
        for byte, following in goto[state].items():
            fail[following] = int(table[state, byte]) if state else 0
            final[following] = final[following] or final[fail[following]]
            queue.append(following)
        for byte, following in goto[state].items():
            table[state, byte] = following
    complete = np.array(final)
    return np.where(complete[table], -1, table).astype(np.int32)


def earliest_stop(text: str, stops: Sequence[str]) -> str:
    """The stop string that begins first in text; of two that begin together, the one listed
    first; "" where there is none."""
    found = [(text.find(stop), i) for i, stop in enumerate(stops) if stop and stop in text]
    return stops[min(found)[1]] if found else ""
