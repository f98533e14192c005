"""What a sandbox can read of its own control group: the runner's meter, asked from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandboxes import engine
from sandboxes.protocol import parse_status


@dataclass(frozen=True)
class Readings:
    """One look at the meter. -1: not readable."""

    cgroup: str  # v1, v2 or none
    cpu_us: int
    memory: int  # bytes
    oom_kills: int

    @classmethod
    def parse(cls, text: bytes) -> Readings:
        """Raises KeyError or ValueError for anything but what the runner prints."""
        found = parse_status(text)
        return cls(
            found["cgroup"], int(found["cpu_us"]), int(found["memory"]), int(found["oom_kills"])
        )

    @property
    def unread(self) -> list[str]:
        """What cannot be read, in words."""
        values = {"CPU time": self.cpu_us, "memory": self.memory, "memory kills": self.oom_kills}
        return [name for name, value in values.items() if value < 0]


def read(client: Any, image: str) -> Readings:
    """The readings in a new container of a sandbox image. Raises UserError where none starts."""
    with engine.speaking(client, "reading a control group"):
        said: bytes = client.containers.run(
            image, ["--meter", "/sys/fs/cgroup"], remove=True, network_mode="none",
            read_only=True, labels=engine.owner(),
        )  # fmt: skip
    return Readings.parse(said)
