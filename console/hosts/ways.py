"""Which way a run takes to its contributor: the lane's own, or one that the operator named."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Way:
    """None everywhere is the lane's own way. No key is in it, only the place of one."""

    remote: str | None = None  # a name of `swarm host list`, or HOST:PORT of an agent that runs there
    dial_in: str | None = None  # an address of this machine that the contributor dials
    host_key: Path | None = None  # the host's OpenSSH public key, pinned
    client_key: Path | None = None  # ours
    coordinator_port: int | None = None

    @property
    def name(self) -> str:
        """As a person calls it; empty for the lane's own."""
        return self.remote or (f"dial-in at {self.dial_in}" if self.dial_in else "")

    def words(self) -> tuple[str, ...]:
        """As `swarm run` and `swarm bringup lane` take it."""
        told = (
            ("--remote", self.remote), ("--dial-in", self.dial_in), ("--remote-host-key", self.host_key),
            ("--client-key", self.client_key), ("--coordinator-port", self.coordinator_port),
        )  # fmt: skip
        return tuple(word for option, value in told if value is not None for word in (option, str(value)))


@dataclass(frozen=True, slots=True)
class NamedWay:
    """One of the operator's settings. `node_id` None: to every contributor that SSH leads to."""

    name: str
    way: Way
    node_id: str | None = None
