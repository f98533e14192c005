"""What the scheduler had to do for want of memory or of places, counted for the record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SchedulerEvents:
    """Of all sessions of an engine."""

    parked_rows: int = 0  # rows whose own keys went to the host until there was room again
    closed_prompts: int = 0  # prompts whose keys were given up and computed again
    heights_refused: int = 0  # heights of step that gave no more tokens a second than lower ones
    plans: int = 0  # new plans of what rows attend to
