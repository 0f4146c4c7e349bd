"""A running agent for tests, and ways to talk to it."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import psutil

from runners.contract.announcement import AgentAnnouncement
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parent.parent.parent


@dataclass
class AgentRig:
    """`start` may follow `kill`: same folders, same host key, same port."""

    folder: Path
    client_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    token: str | None = None
    limits: dict[str, float] = field(default_factory=dict)
    idle_exit_s: float | None = None
    port: int = 0
    dial: tuple[str, int] | None = None
    process: "subprocess.Popen[bytes] | None" = None
    announced: AgentAnnouncement | None = None

    @property
    def run_root(self) -> Path:
        return self.folder / "root"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def host_key(self) -> asyncssh.SSHKey:
        assert self.announced is not None
        return asyncssh.import_public_key(self.announced.host_key)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        order = {
            "port": self.port,
            "home": str(self.home),
            "run_root": str(self.run_root),
            "authorized_keys": [self.client_key.export_public_key().decode().strip()],
            "limits": self.limits,
            "idle_exit_s": self.idle_exit_s,
            "dial": self.dial,
            "token": self.token is not None,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.agent.serving", json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if self.token is not None:
            self.process.stdin.write(self.token.encode() + b"\n")
        self.process.stdin.close()
        self.announced = AgentAnnouncement.model_validate_json(self.process.stdout.readline())
        self.port = self.announced.port

    def kill(self) -> None:
        """As `kill -9`."""
        assert self.process is not None
        self.process.kill()
        self.wait()

    def wait(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        return code

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[asyncssh.SSHClientConnection]:
        async with asyncssh.connect(
            "127.0.0.1",
            self.port,
            username="swarm",
            client_keys=[self.client_key],
            known_hosts=([self.host_key], [], []),
            config=None,
            agent_path=None,
        ) as connection:
            yield connection


@contextmanager
def running(rig: AgentRig) -> Iterator[AgentRig]:
    rig.start()
    try:
        yield rig
    finally:
        if rig.process is not None and rig.process.returncode is None:
            rig.kill()


def end_process(pid: int) -> None:
    """A process that a test's own verb left behind, by its id."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()
