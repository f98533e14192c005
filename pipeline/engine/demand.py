"""How long samples get, as far as a run has seen: what admission counts with."""

from __future__ import annotations


class Demand:
    """Mean length of a sample by what has ended and what has been drawn so far.

    Tokens drawn over samples ended is the maximum-likelihood estimate where many are still running
    (an exponential distribution, censored): a plain mean would know the short ones alone at first.
    """

    def __init__(self, most: int) -> None:
        """most: tokens that no sample exceeds."""
        self._most = most
        self._drawn = self._ended = 0

    def end(self, tokens: int, samples: int) -> None:
        """So many samples have ended, of so many tokens together."""
        self._drawn += tokens
        self._ended += samples

    def tokens(self, running: int) -> int:
        """Of a sample, expected. running: tokens of samples that have not ended."""
        if not self._ended:
            return self._most
        return min(-(-(self._drawn + running) // self._ended), self._most)
