"""The faults of the matrix, each put into a run that stands at the cell's phase. A strike returns when it is over."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from runners.contract.canonical import canonical_bytes
from runners.contract.plan import ADAPTER_FILE
from runners.records.keys import SigningKey
from tests.faults.rig import CellFailed, FaultRun, eventually, fill
from tests.live.rig import LOCAL, REMOTE

Strike = Callable[[FaultRun, str], None]
BLOCK_BYTES, PRODUCED_BYTES, BEAT_BYTES, END_BYTES = 4096, 1600, 620, 480  # a block; records, the long and the short
SILENT_S = 1.5  # how long an agent is held so that a journal can be changed before it is read: no link goes down for it


def runner_of(run: FaultRun, phase: str, node_id: str = REMOTE) -> int | None:
    """Who computes for the cell in this phase: the contributor's runner, later the validator's own jobs."""
    if phase == "validating":
        return run.held("validating")
    if phase == "aggregating":
        eventually("the score job", lambda: run.job_pid("score"), 30)
        return run.job_pid("score")
    eventually(f"the launch of {node_id} to be journaled", lambda: run.runner_pid(node_id), 30)
    return run.runner_pid(node_id)


def kill_runner(run: FaultRun, phase: str) -> None:
    if phase == "aggregating":
        run.let_go("aggregating")
    run.signal(runner_of(run, phase), signal.SIGKILL)


def kill_both(run: FaultRun, phase: str) -> None:
    for node_id in (LOCAL, REMOTE):
        run.signal(runner_of(run, phase, node_id), signal.SIGKILL)


def stop_both(run: FaultRun, phase: str) -> None:
    for node_id in (LOCAL, REMOTE):
        run.signal(runner_of(run, phase, node_id), signal.SIGSTOP)
    _until_ended(run)


def kill_coordinator(run: FaultRun, _: str) -> None:
    run.signal(run.coordinator_pid(), signal.SIGKILL)


def kill_console(run: FaultRun, _: str) -> None:
    """Whoever follows: the screen and the command that started the run alike own nothing."""
    run.kill_watchers()


def kill_agent(run: FaultRun, phase: str) -> None:
    if run.box is not None:  # a host whose sshd goes down and comes up again
        run.box.kill()
        run.box.start()
        return
    run.signal(run.held("spawn") if phase == "spawn" else run.agent_pid(), signal.SIGKILL)


def stop(run: FaultRun, phase: str) -> None:
    """SIGSTOP until the coordinator has done with it."""
    run.signal(runner_of(run, phase), signal.SIGSTOP)
    if phase in ("training", "writing", "preparing"):
        _until_ended(run)


def _until_ended(run: FaultRun) -> None:
    eventually("the end of the attempt", lambda: run.has("closed"), 120)


def stop_for(seconds: float) -> Strike:
    def strike(run: FaultRun, phase: str) -> None:
        pid = runner_of(run, phase)
        run.signal(pid, signal.SIGSTOP)
        time.sleep(seconds)
        try:
            run.signal(pid, signal.SIGCONT)
        except CellFailed:
            run.stopped.discard(pid or 0)  # the coordinator was faster

    return strike


def link_reset(run: FaultRun, _: str) -> None:
    assert run.cable is not None
    run.cable.reset()


def blackhole_for(seconds: float) -> Strike:
    def strike(run: FaultRun, _: str) -> None:
        assert run.cable is not None
        run.cable.blackhole()
        time.sleep(seconds)
        run.cable.mend()

    return strike


def artifact(how: str) -> Strike:
    def strike(run: FaultRun, _: str) -> None:
        path = run.host_root / "outbox" / "r0" / ADAPTER_FILE
        other = path.with_name("adapter_config.json")
        path.chmod(0o644)
        path.parent.chmod(0o755)
        raw = bytearray(path.read_bytes())
        if how == "tampered":
            raw[len(raw) // 2] ^= 1
            path.write_bytes(raw)
        if how == "truncated":
            path.write_bytes(raw[: len(raw) // 2])
        if how == "swapped":
            path.write_bytes(other.read_bytes())
        if how == "symlinked":
            (run.folder / "elsewhere").write_bytes(raw)
            path.unlink()
            path.symlink_to(run.folder / "elsewhere")

    return strike


def journal(how: str) -> Strike:
    """The agent is held for a moment, so that what changes hasn't been read yet; the runner writes on."""

    def strike(run: FaultRun, _: str) -> None:
        path = next(run.host_root.glob("*.contributor.r0.e0.jsonl"))
        run.signal(run.agent_pid(), signal.SIGSTOP)
        before = path.read_bytes()
        eventually("another record", lambda: len(path.read_bytes()) > len(before), 10)
        raw = bytearray(path.read_bytes())
        if how == "tampered":
            raw[-40] ^= 1
            _overwrite(path, raw)
        if how == "truncated":
            os.truncate(path, len(raw) // 2)
        if how == "forked":
            _overwrite(path, raw[: -len(raw.splitlines(keepends=True)[-1])] + _another_line(run, raw))
        time.sleep(SILENT_S / 3)
        run.signal(run.agent_pid(), signal.SIGCONT)

    return strike


def _overwrite(path: Path, raw: bytes | bytearray) -> None:
    with path.open("r+b") as file:
        file.write(raw)
        file.truncate()


def _another_line(run: FaultRun, raw: bytes | bytearray) -> bytes:
    """Well signed by the node's own key, with the right number, on another past: what only its owner can do."""
    home = run.folder / "far-home" if run.owned_agent else run.runs / ".hosts" / REMOTE
    key = SigningKey.load_or_create(home / "keys" / f"{REMOTE}.pem")
    record = json.loads(raw.splitlines()[-1])
    record.pop("sig")
    record["prev"] = "0" * 64
    said = canonical_bytes(record)
    record["sig"] = key.sign(b"swarm.journal_record.v1\0" + said)
    return canonical_bytes(record) + b"\n"


def throttle(run: FaultRun, phase: str) -> None:
    """One part work, five parts rest, for six seconds: slow, and never silent for long."""
    pid = runner_of(run, phase)
    for _ in range(5):
        run.signal(pid, signal.SIGSTOP)
        time.sleep(1.0)
        run.signal(pid, signal.SIGCONT)
        time.sleep(0.2)


def disk_full(side: str) -> Strike:
    def strike(run: FaultRun, phase: str) -> None:
        if (side, phase) == ("host", "writing"):
            eventually("room for a last word alone", lambda: _room_for_a_last_word(run), 30)
        filler = fill(run.folder / "far" if side == "host" else run.runs)
        if side == "host":
            run.let_go("writing")
            eventually("the end of the attempt", lambda: run.has("closed"), 120)
        else:
            if phase == "aggregating":  # nobody says anything more that would have to be written
                run.let_go(phase)
            eventually("the coordinator to end", lambda: not run.coordinator_lives(), 60)
        filler.unlink()

    return strike


def _room_for_a_last_word(run: FaultRun) -> bool:
    """The journal's last block has room for a heartbeat and for why the runner ends, but not for what it produced."""
    size = next(run.host_root.glob("*.contributor.r0.e0.jsonl")).stat().st_size
    return BEAT_BYTES + END_BYTES <= -size % BLOCK_BYTES < PRODUCED_BYTES


def wall_clock(offset_s: int) -> Strike:
    def strike(run: FaultRun, _: str) -> None:
        run.tell("wall_offset_s", str(offset_s))
        time.sleep(2.5)

    return strike


def suspend(run: FaultRun, _: str) -> None:
    """Every process of both hosts stands still for ten seconds, and the kernel's boot clock says that it slept."""
    asleep = [process.pid for process in run.left() if process.pid not in run.watchers()]
    for pid in asleep:
        run.signal(pid, signal.SIGSTOP)
    time.sleep(10)
    run.tell("slept_ms", "600000")
    for pid in asleep:
        run.signal(pid, signal.SIGCONT)


def loop_blocked(run: FaultRun, _: str) -> None:
    run.tell("block_s", "8")
    eventually("the coordinator to take the order", lambda: not (run.folder / "block_s").exists(), 10)
    time.sleep(8)


def nothing(run: FaultRun, _: str) -> None:
    """The fault was there before the run."""
