"""Runs, and agents of other hosts, that end with their test."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from runners.contract.announcement import AgentAnnouncement
from tests.live.rig import ROOT, LiveRun, fast_lane
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.live
MakeRun = Callable[..., LiveRun]


@dataclass
class Agent:
    """The remote host's own agent, started by its owner as the README says."""

    process: "subprocess.Popen[str]"
    announced: AgentAnnouncement
    host_key_file: Path
    client_key_file: Path

    def options(self) -> list[str]:
        where = f"{self.announced.address}:{self.announced.port}"
        return [
            "--remote", where, "--remote-host-key", str(self.host_key_file), "--client-key", str(self.client_key_file)
        ]  # fmt: skip


StartAgent = Callable[..., Agent]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Hidden states are captured once; runs of one session share them, whichever comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "prepared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def make_run(tmp_path: Path, prepared: Path) -> Iterator[MakeRun]:
    made: list[LiveRun] = []

    def make(run_id: str = "run-live", **lane: str) -> LiveRun:
        made.append(LiveRun(tmp_path, prepared, fast_lane(tmp_path, **lane), run_id))
        return made[-1]

    yield make
    for run in made:
        run.end()


@pytest.fixture
def start_agent(tmp_path: Path) -> Iterator[StartAgent]:
    started: list[subprocess.Popen[str]] = []

    def start(run: LiveRun, token: str, *options: str, **environment: str) -> Agent:
        client_key = asyncssh.generate_private_key("ssh-ed25519")
        client_file, host_file = tmp_path / "client.pem", tmp_path / "host.pub"
        client_file.write_bytes(client_key.export_private_key("pkcs8-pem"))
        client_file.chmod(0o600)
        process = subprocess.Popen(
            [
                sys.executable, "-m", "runners", "agent", "--listen", "127.0.0.1", "--port", "0",
                "--home", str(tmp_path / "far"), "--run-root", str(tmp_path / "far-runs" / "linux"),
                "--model", str(ROOT / "fixtures" / "swarm" / "base"), "--backend", "torch",
                "--authorized-key", client_key.export_public_key().decode().strip(), "--token-stdin", *options,
            ],
            env=run.env(**environment), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        started.append(process)
        assert process.stdin and process.stdout
        process.stdin.write(token + "\n")
        process.stdin.close()
        announced = AgentAnnouncement.model_validate_json(process.stdout.readline())
        host_file.write_text(announced.host_key + "\n")
        return Agent(process, announced, host_file, client_file)

    yield start
    for process in started:
        process.terminate()
        process.wait(PATIENCE_S)
        if process.stdout:
            process.stdout.close()
