"""What attention can be asked for beside its tensors."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Options:
    """See `decode.decode_attention`."""

    scale: float
    window: int | None = None
    softcap: float | None = None
    sinks: Tensor | None = None  # [H]

    @property
    def cap(self) -> float:
        """The softcap, or a number that no kernel looks at."""
        return self.softcap if self.softcap is not None else 1.0

    def sinks_or(self, other: Tensor) -> Tensor:
        """The sinks, or a tensor that no kernel looks at."""
        return self.sinks if self.sinks is not None else other
