"""What an operator may choose about a run, and where this host's own things lie."""

import os
from dataclasses import dataclass
from pathlib import Path

from console.hosts.ways import Way
from console.places import data_dir

LOOPBACK = ("localhost", "127.0.0.1", "::1")  # only there can this process start a lane's remote host by itself


@dataclass(frozen=True)
class StartOptions:
    """None is the lane's own value."""

    lane: str = "loopback"
    run_id: str | None = None
    coordinator_port: int | None = None
    contributor_port: int | None = None
    remote: str | None = None  # a name of `swarm host list`, or HOST:PORT of an agent that runs already
    remote_host_key: Path | None = None
    client_key: Path | None = None
    dial_in: str | None = None  # address of this machine that the contributor dials
    model: Path | None = None  # a checkpoint here, of this host and of every host that this process starts
    dataset: Path | None = None  # a folder with a manifest under the lane's dataset_ref

    @classmethod
    def by(cls, way: Way, lane: str) -> "StartOptions":
        """The lane as it is, its contributor reached by that way."""
        return cls(
            lane=lane, remote=way.remote, dial_in=way.dial_in, remote_host_key=way.host_key, client_key=way.client_key,
            coordinator_port=way.coordinator_port,
        )  # fmt: skip

    @property
    def model_dir(self) -> Path:
        """The tiny base of the repository unless another one is named."""
        return (self.model or data_dir("fixtures") / "swarm" / "base").absolute()

    @property
    def dataset_dir(self) -> Path:
        return (self.dataset or data_dir("fixtures") / "swarm" / "dataset").absolute()


def host_home() -> Path:
    """This host's own things: node keys, operator key, known hosts. `SWARM_HOME` overrides `~/.swarm`."""
    return Path(os.environ.get("SWARM_HOME") or Path.home() / ".swarm").expanduser().absolute()
