"""Whole recorded runs: how a window may go, told once."""

import hashlib
import json
from pathlib import Path

from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.journal import SIGNING_PREFIX
from runners.contract.states import (
    Classification,
    Departure,
    LinkState,
    RunnerState,
    WindowState,
)
from tests.observation.recorded_contributor import prepare, produce, runner, train, wait_with_beats
from tests.observation.recorded_journals import (
    LINUX,
    MAC,
    MONO_0,
    RUN_ID,
    WALL_0,
    Recorder,
    Recording,
    fixture_key,
    sha,
)
from tests.observation.recorded_window import admit, change, judge, opening, to_active


def healthy(scratch: Path, run_id: str = RUN_ID, *, promoted: bool = True) -> Recording:
    """A window from nothing to a promoted (or held) merge in 36 s."""
    run = Recorder(scratch, run_id)
    plan_healthy(run, promoted=promoted)
    return run.close()


def plan_healthy(run: Recorder, *, promoted: bool = True) -> None:
    mac, linux = to_active(run)
    done_mac = train(run, MAC, 8300, 83.0, mac, 60_000)
    done_linux = train(run, LINUX, 8350, 140.0, linux, 60_000)
    run.put(13_800, LINUX, "log", node.Log(level="warning", text="clock offset 12 ms"), revision=1)
    produce(run, MAC, done_mac + 60)
    wait_with_beats(run, MAC, done_mac, done_linux + 900)
    produce(run, LINUX, done_linux + 80)
    judge(run, done_linux + 600, promoted=promoted, skew_ms=done_linux - done_mac)


def stale(scratch: Path, run_id: str = RUN_ID) -> Recording:
    """The Linux worker falls silent at 17.65 s: stale at 22.7 s, lost at 25.2 s, closed at 27 s."""
    run = Recorder(scratch, run_id)
    mac, linux = to_active(run)
    done_mac = train(run, MAC, 8300, 83.0, mac, 60_000)
    train(run, LINUX, 8350, 140.0, linux, 18_000)
    produce(run, MAC, done_mac + 60)
    wait_with_beats(run, MAC, done_mac, 26_000)
    silent = 17_650
    known = {"cause": "no heartbeat, link up", "beat_age_ms": 5040, "bound_ms": 5000}
    runner(run, silent + 5050, LINUX, RunnerState.LIVE, RunnerState.STALE, **known)
    change(run, silent + 5060, WindowState.ACTIVE, WindowState.REPLAY_REQUIRED, f"{LINUX} is stale")
    known = {"cause": "no heartbeat, link up", "beat_age_ms": 7530, "bound_ms": 7500}
    runner(run, silent + 7550, LINUX, RunnerState.STALE, RunnerState.LOST, departure=Departure.TIMED_OUT, **known)
    change(run, 26_900, WindowState.REPLAY_REQUIRED, WindowState.CLOSED, "the bundle is written")
    body = coord.Closed(classification=Classification.REPLAY_REQUIRED, reason=f"{LINUX} timed out", heads=())
    run.put(27_000, "coordinator", "closed", body)
    return run.close()


def uneven(scratch: Path, run_id: str = RUN_ID) -> Recording:
    """The Linux worker is slow: at 31.9 s the skew passes its bound, and the coordinator waits once more."""
    run = Recorder(scratch, run_id)
    mac, linux = to_active(run)
    done_mac = train(run, MAC, 8300, 83.0, mac, 60_000)
    train(run, LINUX, 8350, 400.0, linux, 36_000)
    produce(run, MAC, done_mac + 60)
    wait_with_beats(run, MAC, done_mac, 36_000)
    skew = coord.SkewMeasured(skew_ms=15_050, first=MAC, last=LINUX, bound_ms=15_000, outcome="past_bound_waiting")
    run.put(done_mac + 60 + 15_100, "coordinator", "skew_measured", skew)
    return run.close()


def unlinked(scratch: Path, run_id: str = RUN_ID) -> Recording:
    """The way to the Linux host goes down at 14 s; its last line came before."""
    run = Recorder(scratch, run_id)
    mac, linux = to_active(run)
    train(run, MAC, 8300, 83.0, mac, 16_500)
    train(run, LINUX, 8350, 140.0, linux, 13_900)
    cut(run, 15_000)
    return run.close()


def unlinked_early(scratch: Path, run_id: str = RUN_ID) -> Recording:
    """The way to the Linux host goes down at 5 s, before its runner is ready."""
    run = Recorder(scratch, run_id)
    to_preparing(run)
    cut(run, 5000)
    prepare(run, MAC, 3900, 6000)
    return run.close()


def shipping(scratch: Path, run_id: str = RUN_ID) -> Recording:
    """A large slice goes to the Linux host from 4 s to 9 s."""
    run = Recorder(scratch, run_id)
    to_preparing(run)
    for at_ms, done in ((5000, 120_000_000), (8000, 480_000_000)):
        sent = coord.Working(activity="ship", node_id=LINUX, done=done, total=600_000_000, detail="")
        run.put(at_ms, "coordinator", "working", sent)
    shipped = coord.Shipped(node_id=LINUX, archive_sha256=sha("archive"), size_bytes=600_000_000, reused=False)
    run.put(9000, "coordinator", "shipped", shipped)
    return run.close()


def to_preparing(run: Recorder) -> None:
    opening(run)
    admit(run, 3500, MAC)
    admit(run, 3600, LINUX)
    change(run, 3710, WindowState.ADMITTING, WindowState.PREPARING, "both are admitted")


def cut(run: Recorder, at_ms: int) -> None:
    down = coord.LinkChanged(
        node_id=LINUX, state=LinkState.DOWN, reason="no answer to keepalive", endpoint="127.0.0.1:34101", rtt_ms=None,
        host_key_fingerprint=None,
    )  # fmt: skip
    run.put(at_ms, "coordinator", "link_changed", down)


def refused(scratch: Path, run_id: str = RUN_ID) -> Recording:
    """The Linux host doesn't hold the token."""
    run = Recorder(scratch, run_id)
    opening(run)
    admit(run, 3500, MAC)
    body = coord.AdmissionDecided(
        node_id=LINUX,
        outcome="refused",
        reason="token_mismatch",
        detail="expected a proof under this run's token, got another",
        token_custody="proved",
        receipt_digest=None,
        node_public_key=fixture_key(LINUX).public_hex,
    )
    run.put(3600, "coordinator", "admission_decided", body)
    change(run, 3650, WindowState.ADMITTING, WindowState.REFUSED, f"{LINUX} was not admitted")
    change(run, 4000, WindowState.REFUSED, WindowState.CLOSED, "the bundle is written")
    closed = coord.Closed(classification=Classification.REFUSED_ADMISSION, reason="token mismatch", heads=())
    run.put(4010, "coordinator", "closed", closed)
    return run.close()


def write_long_run(run_dir: Path, scratch: Path, beats: int) -> None:
    """A live run whose Linux worker has beaten `beats` times: lines are spelled by hand, because canonical JSON by the
    library costs minutes here, and signed for real."""
    run = Recorder(scratch)
    to_active(run)
    recording = run.close()
    recording.write(run_dir)
    key = fixture_key(LINUX)
    last = json.loads(next(entry.raw for entry in reversed(recording.entries) if entry.file.startswith(LINUX)))
    prev = hashlib.sha256(next(e.raw for e in reversed(recording.entries) if e.file.startswith(LINUX))).hexdigest()
    lines = []
    for beat_at in range(beats):
        seq, at = last["seq"] + 1 + beat_at, 8400 + beat_at
        body = (
            f'{{"beat":{beat_at},"loss":4.25,"memory_bytes":1,"memory_total_bytes":2,"phase":"training",'
            f'"samples":8,"step":1,"step_ms":83.5,"steps":100}}'
        )
        head = f'{{"body":{body},"epoch":1,"kind":"heartbeat","mono_ms":{MONO_0 + at},"node_id":"{LINUX}",'
        tail = f'"prev":"{prev}","revision":1,"role":"contributor","run_id":"{RUN_ID}",'
        rest = f'"schema_version":"swarm.journal_record.v1","seq":{seq},'
        wall = f'"wall_ms":{WALL_0 + at}}}'
        sig = key.sign(SIGNING_PREFIX + (head + tail + rest + wall).encode())
        raw = f'{head}{tail}{rest}"sig":"{sig}",{wall}'.encode()
        prev = hashlib.sha256(raw).hexdigest()
        lines.append(raw)
    path = run_dir / "mac" / "coordinator" / "mirror" / f"{LINUX}.contributor.r1.e1.jsonl"
    with path.open("ab") as stream:
        stream.write(b"".join(line + b"\n" for line in lines))
