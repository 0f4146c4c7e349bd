"""One run for one cell of the fault matrix: real processes with holds in them, its hosts, its disks, and who is who."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import psutil

from runners.contract.announcement import AgentAnnouncement
from runners.records.admission import new_token
from runners.records.lock import is_held
from runners.records.verb_process import TOKEN_ENV
from tests.faults.cable import Cable
from tests.hosts.sshd_rig import SshdRig
from tests.live.rig import ROOT, LiveRun
from tests.small_disk import CannotMountError, small_disk

SITE = "from pathlib import Path\nfrom tests.faults.hooks import install\ninstall(Path({folder!r}))\n"
# As cheap as a run gets: what is tried here is what happens around the training.
SIZES = {"host": "size=512m", "coordinator": "size=512m"}  # filled when the fault strikes
TINY = {"steps": "6", "batch_samples": "2", "minimum_improvement": "0.0"}


class CellFailed(Exception):
    """The cell can't be judged: what it needed didn't happen."""


def eventually(what: str, happened: Callable[[], object], patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not happened():
        if time.monotonic() > deadline:
            raise CellFailed(f"expected {what} within {patience_s:g} s, got nothing")
        time.sleep(0.02)


@dataclass
class FaultRun(LiveRun):
    """`options` and `token` are set where the other host's owner runs its agent: behind `cable`."""

    options: tuple[str, ...] = ()
    token: str | None = None
    cable: Cable | None = None
    far_root: Path | None = None
    owned_agent: "subprocess.Popen[str] | None" = None
    box: SshdRig | None = None  # the other host has a system sshd
    contract_digest: str | None = None  # the only one that the host serves
    stopped: set[int] = field(default_factory=set)  # by SIGSTOP, to be let go
    _watchers: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hold", "at"):
            (self.folder / name).mkdir(exist_ok=True)
        site = self.folder / "site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(SITE.format(folder=str(self.folder)))

    def env(self, **more: str) -> dict[str, str]:
        paths = os.pathsep.join([str(self.folder / "site"), str(ROOT)])
        return super().env(**{"PYTHONPATH": paths, **more})

    # --- holds -----------------------------------------------------------------------------------------------------

    def hold(self, place: str) -> None:
        (self.folder / "hold" / place).touch()

    def let_go(self, place: str) -> None:
        (self.folder / "hold" / place).unlink(missing_ok=True)

    def let_go_of_all(self) -> None:
        for place in (self.folder / "hold").iterdir():
            place.unlink(missing_ok=True)

    def held(self, place: str) -> int | None:
        """The process that stands there."""
        with suppress(OSError, ValueError):
            return int((self.folder / "at" / place).read_text())
        return None

    def tell(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    # --- who is who ------------------------------------------------------------------------------------------------

    @property
    def host_root(self) -> Path:
        """Run root of the contributor behind SSH."""
        return self.far_root or self.root / "linux"

    def agent_pid(self) -> int | None:
        if self.owned_agent is not None:
            return self.owned_agent.pid
        started = [r["body"]["pid"] for r in self.records() if r["kind"] == "agent_started"]
        return int(started[-1]) if started else None

    def job_pid(self, job: str) -> int | None:
        for process in self.left():
            with suppress(psutil.Error):
                if process.cmdline()[-3:] == ["-m", "runners", job]:
                    return int(process.pid)
        return None

    def coordinator_lives(self) -> bool:
        return is_held(self.own)

    def done(self) -> bool:
        return self.bundle.exists() and not self.coordinator_lives()

    # --- who follows -----------------------------------------------------------------------------------------------

    def watch(self, process: "subprocess.Popen[str]") -> None:
        """What it says goes into the cell's folder: a full pipe would stop it."""
        self._watchers.append(process)

    def watchers(self) -> set[int]:
        return {process.pid for process in self._watchers}

    def watched(self) -> bool:
        return any(process.poll() is None for process in self._watchers)

    def kill_watchers(self) -> None:
        if not self.watched():
            raise CellFailed("expected somebody who follows the run, got nobody")
        for process in self._watchers:
            process.kill()
            process.wait(10)

    def end_watchers(self) -> None:
        """They leave by themselves once the bundle is in place."""
        for process in self._watchers:
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)

    def swarm(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        with (self.folder / "watcher.txt").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "console.cli.main", *arguments],
                cwd=self.folder, env=self.env(**more), text=True, process_group=0,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def signal(self, pid: int | None, number: signal.Signals) -> None:
        """Raises CellFailed where that process is gone already: a fault that struck nobody proves nothing."""
        if pid is None:
            raise CellFailed(f"{number.name}: expected a living process, got none")
        try:
            os.kill(pid, number)
        except ProcessLookupError as error:
            raise CellFailed(f"{number.name}: expected a living process, got {pid}, which is gone") from error
        if number is signal.SIGSTOP:
            self.stopped.add(pid)
        if number is signal.SIGCONT:
            self.stopped.discard(pid)

    def end(self) -> None:
        for pid in list(self.stopped):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        super().end()
        for process in self._watchers:
            process.wait(10)
        self.end_owned_agent()

    def end_owned_agent(self) -> None:
        """As its owner ends it, or as a host's own sshd ends with the host."""
        if self.box is not None:
            self.box.end()
        if self.owned_agent is not None:
            self.owned_agent.terminate()
            self.owned_agent.wait(10)


@contextmanager
def fault_run(
    folder: Path,
    prepared: Path,
    *,
    owned: bool = False,
    sshd: bool = False,
    small_disk: str | None = None,
    contract_digest: str | None = None,
    **lane: str,
) -> Iterator[FaultRun]:
    """`owned`: the other host's agent runs before the coordinator comes, behind a cable.
    `sshd`: it has a system sshd instead. `small_disk`: of the host, or of the coordinator."""
    from tests.faults.box import behind_sshd
    from tests.live.rig import fast_lane

    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        run = FaultRun(
            folder, prepared, fast_lane(folder, **{**TINY, **lane}), "run-fault", contract_digest=contract_digest
        )
        stack.callback(run.end)
        if small_disk is not None:
            stack.enter_context(_small_disk(run, small_disk))
        if sshd:
            stack.enter_context(behind_sshd(run))
        elif owned:
            _start_agent(run)
            assert run.owned_agent is not None and run.owned_agent.stdout is not None
            announced = AgentAnnouncement.model_validate_json(run.owned_agent.stdout.readline())
            stack.callback(run.owned_agent.stdout.close)
            (folder / "host.pub").write_text(announced.host_key + "\n")
            run.cable = stack.enter_context(Cable((announced.address, announced.port)))
            run.options = (
                "--remote", f"127.0.0.1:{run.cable.port}", "--remote-host-key", str(folder / "host.pub"),
                "--client-key", str(folder / "client.pem"),
            )  # fmt: skip
        yield run


def _start_agent(run: FaultRun) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    client = run.folder / "client.pem"
    client.write_bytes(key.export_private_key("pkcs8-pem"))
    client.chmod(0o600)
    run.token = new_token()
    run.far_root = run.far_root or run.folder / "far" / "linux"
    run.owned_agent = subprocess.Popen(
        [
            sys.executable, "-m", "runners", "agent", "--listen", "127.0.0.1", "--port", "0",
            "--home", str(run.folder / "far-home"), "--run-root", str(run.far_root),
            "--model", str(ROOT / "fixtures" / "swarm" / "base"), "--backend", "torch",
            "--authorized-key", key.export_public_key().decode().strip(), "--token-stdin",
            *(("--contract-digest", run.contract_digest) if run.contract_digest else ()),
        ],
        env=run.env(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=(run.folder / "agent.txt").open("w"), start_new_session=True,
    )  # fmt: skip
    assert run.owned_agent.stdin is not None
    run.owned_agent.stdin.write(run.token + "\n")
    run.owned_agent.stdin.close()


@contextmanager
def _small_disk(run: FaultRun, side: str) -> Iterator[None]:
    """A file system of its own that a filler can fill. Raises CellFailed where nothing may be mounted."""
    place, kept = run.folder / "far" if side == "host" else run.runs, run.folder / f"kept-{side}"
    try:
        with small_disk(place, SIZES[side]):
            if side == "host":
                run.far_root = place / "linux"
            else:
                (run.runs / ".prepared").symlink_to(run.prepared)
            try:
                yield
            finally:
                run.end()
                shutil.copytree(place, kept, symlinks=True)
    except CannotMountError as error:
        raise CellFailed(str(error)) from error
    finally:
        if kept.exists():
            shutil.rmtree(place)
            kept.rename(place)


def fill(place: Path) -> Path:
    """Not one byte is left there, but in what files have of their last block."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 1):
            with suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    return filler


def run_arguments(run: FaultRun) -> tuple[tuple[str, ...], dict[str, str]]:
    return run.options, {TOKEN_ENV: run.token} if run.token is not None else {}
