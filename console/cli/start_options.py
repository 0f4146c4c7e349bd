"""What an operator may choose about a run, and where this host's own things lie."""

import os
from dataclasses import dataclass
from pathlib import Path

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


def host_home() -> Path:
    """This host's own things: node keys, operator key, known hosts. `SWARM_HOME` overrides `~/.swarm`."""
    return Path(os.environ.get("SWARM_HOME") or Path.home() / ".swarm").expanduser().absolute()
