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


class StopTables:
    """Transitions of all sets of stop strings that were asked for."""

    def __init__(
        self, token_bytes: Sequence[bytes], eos: Sequence[int], device: torch.device
    ) -> None:
        self._bytes = token_bytes
        self._device = device
        self._starts: dict[tuple[str, ...], int] = {}
        width = max((len(b) for b in token_bytes), default=0)
        # [V, width]; 256 means: no byte here
        self._matrix = np.full((len(token_bytes), max(width, 1)), 256, dtype=np.int16)
        for i, data in enumerate(token_bytes):
            self._matrix[i, : len(data)] = np.frombuffer(data, dtype=np.uint8)
        self._states = 1
        # [S, V] int16: next state of each state on each token
        self.table: Tensor = torch.zeros((1, len(token_bytes)), dtype=torch.int16, device=device)
        self.ends: Tensor = torch.zeros(len(token_bytes), dtype=torch.bool, device=device)
        if eos:
            self.ends[torch.tensor(list(eos), device=device)] = True

    def start(self, stops: tuple[str, ...]) -> int:
        """The initial state for a set of stop strings; builds its table the first time."""
        if stops not in self._starts:
            rows = self._build([stop.encode() for stop in stops if stop])
            self.table = torch.cat([self.table, torch.from_numpy(rows).to(self._device)])
            self._starts[stops] = self._states
            self._states += len(rows)
        return self._starts[stops]

    def step(self, states: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """states, tokens [R] int64 -> next states [R] int64, and whether the row has ended."""
        following = self.table[states, tokens].long()
        return following, (following == STOPPED) | self.ends[tokens]

    def _build(self, patterns: Sequence[bytes]) -> NDArray[np.int16]:
        automaton = _automaton(patterns)  # [S, 257]; -1 is a match
        states = len(automaton)
        padded = np.vstack([automaton, np.full((1, 257), -1, dtype=np.int32)])  # row -1 stays -1
        current = np.repeat(np.arange(states, dtype=np.int32)[:, None], len(self._matrix), axis=1)
        lengths = (self._matrix != 256).sum(1)
        for place in range(self._matrix.shape[1]):
            longer = np.flatnonzero(lengths > place)
            current[:, longer] = padded[current[:, longer], self._matrix[longer, place]]
        if self._states + states > np.iinfo(np.int16).max:
            raise ValueError("too many different stop strings in one run")
        return np.where(current < 0, STOPPED, current + self._states).astype(np.int16)


def _automaton(patterns: Sequence[bytes]) -> NDArray[np.int32]:
    """[S, 257] next state by byte, state 0 the start, -1 where a pattern is complete."""
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
    table = np.zeros((len(goto), 257), dtype=np.int32)
    table[:, 256] = np.arange(len(goto))
    fail = [0] * len(goto)
    queue = deque([0])
    while queue:
        state = queue.popleft()
        if state:
            table[state, :256] = table[fail[state], :256]
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
