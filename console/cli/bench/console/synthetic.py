"""A run that nobody trains: real journals, keys, chains and signatures, as many records per second as are asked for."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.document import Word
from runners.contract.execution import ExecutionSettings
from runners.contract.journal import SIGNING_PREFIX, Writer
from runners.contract.lane import Policies
from runners.contract.receipts import Device
from runners.contract.states import LinkState, Phase, RunnerState, WindowState
from runners.records.journal_file import JournalFile
from runners.records.keys import SigningKey
from runners.records.lock import FolderLock

MAC, LINUX = "swarm-mac-a", "swarm-linux-a"
NODES = (MAC, LINUX)
STEPS = 1_000_000
RUN_ID = "bench-run"
POLICIES = Policies(
    heartbeat_ms=1000, stale_ms=5000, loss_ms=7500, skew_ms=15_000, skew_wait_ms=15_000, contact_ms=20_000,
    prepare_ms=60_000, fetch_ms=10_000, replay_ms=60_000, max_revisions=2,
)  # fmt: skip


class SyntheticRun:
    """Its window is active and its lock is held, so the console takes it for live. Nothing here was trained."""

    def __init__(self, runs_dir: Path) -> None:
        self.run_dir = runs_dir / RUN_ID
        self.folder = self.run_dir / "mac" / "coordinator"
        for name in ("journals", "mirror", "inbox"):
            (self.folder / name).mkdir(parents=True)
        self.keys = {name: SigningKey.generate() for name in ("coordinator", *NODES)}
        self.lock = FolderLock(self.folder)
        self.lock.acquire()
        writer = Writer(run_id=RUN_ID, node_id=MAC, role="coordinator", revision=0, epoch=1)
        self._coordinator = JournalFile(self.folder / "journals" / writer.file_name, writer, self.keys["coordinator"])
        self.records = 0  # of the coordinator
        self._open()

    def decide(self, kind: str, body: Word) -> None:
        """A record of the coordinator, now."""
        self._coordinator.append(kind, body)
        self.records += 1

    def pen(self, node_id: str) -> "Pen":
        """One for each contributor; it begins the journal."""
        return Pen(self.folder / "mirror", node_id, self.keys[node_id])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._coordinator.close()
        self.lock.release()

    def stale(self, node_id: str) -> None:
        """The coordinator's word."""
        self._runner(node_id, RunnerState.LIVE, RunnerState.STALE, beat_age_ms=5040, bound_ms=5000)

    def alive(self, node_id: str) -> None:
        """No coordinator takes STALE back; a benchmark does, to see it come again."""
        self._runner(node_id, RunnerState.STALE, RunnerState.LIVE, beat_age_ms=None, bound_ms=None)

    def _open(self) -> None:
        self.decide("run_opened", self._opening())
        self._window(WindowState.PLANNED, WindowState.ADMITTING)
        for name in NODES:
            self.decide("link_changed", coord.LinkChanged(
                node_id=name, state=LinkState.UP, reason="", endpoint=f"{name}:22", rtt_ms=None if name == MAC else 4.0,
                host_key_fingerprint=None))  # fmt: skip
            self.decide("bringup_received", coord.BringupReceived(
                node_id=name, disposition="ready_to_attempt", reasons=(), report_digest=_sha(name),
                backend_label=_device(name).backend_label, device_label="cpu:0", device_name="no device: a benchmark",
                node_public_key=self.keys[name].public_hex))  # fmt: skip
        self._window(WindowState.ADMITTING, WindowState.PREPARING)
        for name in NODES:
            self.decide("launched", coord.Launched(
                node_id=name, revision=1, epoch=1, pid=os.getpid(), process_started_ms=0,
                journal=f"{name}.contributor.r1.e1.jsonl"))  # fmt: skip
        self.decide("window_opened", coord.WindowOpened(begin_digest=_sha("begin")))
        self._window(WindowState.PREPARING, WindowState.ACTIVE)
        for name in NODES:
            self._runner(name, RunnerState.PREPARING, RunnerState.LIVE, beat_age_ms=None, bound_ms=None)

    def _opening(self) -> coord.RunOpened:
        cards = (
            coord.NodeCard(node_id=MAC, roles=("coordinator", "validator", "contributor"), backend="mlx",
                           transport="local", contract_endpoint="local"),
            coord.NodeCard(node_id=LINUX, roles=("contributor",), backend="torch", transport="ssh",
                           contract_endpoint="127.0.0.1:34101"),
        )  # fmt: skip
        public = self.keys["coordinator"].public_hex
        return coord.RunOpened(lane_id="bench", contract_digest=_sha("contract"), contributors=cards, policies=POLICIES,
                               steps=STEPS, coordinator_public_key=public, operator_public_key=public,
                               pid=os.getpid())  # fmt: skip

    def _window(self, before: WindowState, after: WindowState) -> None:
        self.decide("window_changed", coord.WindowChanged(before=before, after=after, reason="a benchmark", heads=()))

    def _runner(self, node_id: str, before: RunnerState, after: RunnerState, **known: Any) -> None:
        self.decide("runner_changed", coord.RunnerChanged(
            node_id=node_id, before=before, after=after, departure=None, cause="a benchmark", head=None, **known,
        ))  # fmt: skip


class Pen:
    """Signs a contributor's lines ahead of their time. JSON is spelled here, because canonical JSON by the library
    takes ten times as long; every reader still holds it against the canonical form."""

    def __init__(self, folder: Path, node_id: str, key: SigningKey) -> None:
        self.path = folder / f"{node_id}.contributor.r1.e1.jsonl"
        self.node_id, self._key = node_id, key
        self._seq, self._prev = 0, "0" * 64
        self._beat = 0
        ready = node.Ready(device=_device(node_id), head_sha256=_sha("head"), slice_sha256=_sha("slice"),
                           initial_adapter_sha256=_sha("initial"), execution=_execution(node_id),
                           start=None)  # fmt: skip
        now = time.time_ns() // 1_000_000
        with self.path.open("ab") as stream:
            stream.write(self.line("ready", ready.to_json(), now))
            stream.write(self.line("began", {"begin_digest": _sha("begin")}, now))

    def line(self, kind: str, body: dict[str, Any], wall_ms: int) -> bytes:
        """The next line of the chain, with its LF."""
        spelled = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        start = f'{{"body":{spelled},"epoch":1,"kind":"{kind}",'
        middle = (
            f'"mono_ms":{wall_ms},"node_id":"{self.node_id}","prev":"{self._prev}","revision":1,"role":"contributor",'
            f'"run_id":"{RUN_ID}","schema_version":"swarm.journal_record.v1","seq":{self._seq},'
        )
        end = f'"wall_ms":{wall_ms}}}'
        sig = self._key.sign(SIGNING_PREFIX + (start + middle + end).encode())
        raw = f'{start}{middle}"sig":"{sig}",{end}'.encode()
        self._seq, self._prev = self._seq + 1, hashlib.sha256(raw).hexdigest()
        return raw + b"\n"

    def beat(self, wall_ms: int) -> bytes:
        self._beat += 1
        body = node.Heartbeat(
            beat=self._beat, phase=Phase.TRAINING, step=self._beat, steps=STEPS, samples=self._beat,
            loss=4.25 + 1 / (self._beat + 3), step_ms=83.5, memory_bytes=412_000_000, memory_total_bytes=16_000_000_000,
        )  # fmt: skip
        return self.line("heartbeat", body.to_json(), wall_ms)

    def log(self, text: str, wall_ms: int, level: str = "info") -> bytes:
        return self.line("log", {"level": level, "text": text}, wall_ms)

    def lines(self, count: int, start_ms: int, per_second: float) -> Iterator[bytes]:
        """What a busy contributor writes: a beat each second, all else log lines; one in a thousand is a warning."""
        next_beat = start_ms
        for place in range(count):
            wall_ms = start_ms + int(place * 1000 / per_second)
            if wall_ms >= next_beat:
                next_beat += 1000
                yield self.beat(wall_ms)
            else:
                yield self.log(f"batch {place} took 3.1 ms", wall_ms, "info" if place % 1000 else "warning")


class Flood:
    """Signed lines of both contributors that a process of their own writes at their time, within a `with`."""

    def __init__(self, run: SyntheticRun, per_second: float, seconds: float, *, lead_s: float = 0.0) -> None:
        """Signs everything as it starts: 50 to 100 microseconds a line. The first line is due `lead_s` after that."""
        self.count = int(per_second * seconds)
        self._per_second, self._lead_s = per_second, lead_s
        self._pens = tuple(run.pen(name) for name in NODES)
        self._pid: int | None = None

    def __enter__(self) -> Self:
        """Lines are signed for the times at which they will be written, so signing comes first."""
        half, rate = self.count // 2, self._per_second / 2
        signing_s = self.count * 80e-6 + 0.5
        begin = time.time() + signing_s + self._lead_s
        written = [list(pen.lines(half, int(begin * 1000), rate)) for pen in self._pens]
        self.begins_at = max(begin, time.time())
        self._pid = os.fork()
        if self._pid == 0:
            _write_in_time([pen.path for pen in self._pens], written, rate, self.begins_at)
            os._exit(0)
        return self

    @property
    def going(self) -> bool:
        if self._pid is not None and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = None
        return self._pid is not None

    def __exit__(self, *_: object) -> None:
        if self.going and self._pid is not None:
            os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)
            self._pid = None


def _write_in_time(paths: list[Path], written: list[list[bytes]], rate: float, begin: float) -> None:
    fds = [os.open(path, os.O_WRONLY | os.O_APPEND) for path in paths]
    done = 0
    while done < len(written[0]):
        time.sleep(0.005)
        due = min(len(written[0]), int((time.time() - begin) * rate))
        if due > done:
            for fd, lines in zip(fds, written, strict=True):
                os.write(fd, b"".join(lines[done:due]))
            done = due


def _sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _execution(node_id: str) -> ExecutionSettings:
    device = _device(node_id)
    return ExecutionSettings(backend="none@0", backend_label=device.backend_label, device_name=device.name, threads=1,
                             blas=device.blas, tf32=False, chunk_tokens=512, tiles=(),
                             runners_sha256=_sha("runners"))  # fmt: skip


def _device(node_id: str) -> Device:
    backend = "mlx" if node_id == MAC else "torch"
    return Device(backend_label=f"open_adapter_backend.{backend}.cpu.gpt_oss_lm_head", kind="cpu", device_label="cpu:0",
                  name="no device: a benchmark", memory_total_bytes=16_000_000_000, threads=1, blas="none",
                  tf32=False)  # fmt: skip
