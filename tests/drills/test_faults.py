"""Faults on a real process: exactly that one, really stopped, and always let go again."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from console.drills.faults import Fault, FlippedByte, Killed, Slowed, Stopped, flip_one_bit
from console.observation.line import Line, Proof, Ref, Stamp
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.node_records import Began
from runners.contract.states import RunnerState
from runners.records.clock import Clock
from runners.records.process_identity import ProcessIdentity
from tests.drills.stories import NODE, OTHER
from tests.patience import until

JOURNAL = f"{NODE}.contributor.r0.e0.jsonl"
BREATHING = """
import sys, time
with open(sys.argv[1], "ab", buffering=0) as journal:
    while True:
        journal.write(b"beat\\n")
        time.sleep(0.01)
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[psutil.Process]:
    """A process that says something every 10 ms, like a runner whose heartbeat is fast."""
    child = subprocess.Popen([sys.executable, "-c", BREATHING, str(tmp_path / JOURNAL)])
    process = psutil.Process(child.pid)
    until("its first words", (tmp_path / JOURNAL).exists)
    yield process
    child.kill()
    child.wait()


def line(body: Word, node_id: str = OTHER, role: str = "coordinator", kind: str = "any") -> Line:
    return Line(
        ref=Ref("f", 0, 0, 1), sha256="0" * 64, run_id="r", node_id=node_id, role=role, revision=0, epoch=0, kind=kind,
        at=Stamp(1, 1), body=body, flaw="", proof=Proof.SIGNED, arrival_ms=1, order_ms=1,
    )  # fmt: skip


def launched(worker: psutil.Process, node_id: str = NODE) -> Line:
    return line(
        rec.Launched(
            node_id=node_id, revision=0, epoch=0, pid=worker.pid,
            process_started_ms=int(worker.create_time() * 1000), journal=JOURNAL,
        )
    )  # fmt: skip


def began(node_id: str = NODE) -> Line:
    return line(Began(begin_digest="0" * 64), node_id, "contributor", "began")


def found(after: RunnerState) -> Line:
    body = {"node_id": NODE, "before": RunnerState.STALE, "after": after, "beat_age_ms": 1, "bound_ms": 1}
    return line(rec.RunnerChanged(**body, departure=None, cause="", head=None))  # type: ignore[arg-type]


def told(fault: Fault, *lines: Line) -> None:
    for each in lines:
        fault.hear(each)
        fault.turn()


def is_stopped(worker: psutil.Process) -> bool:
    return bool(worker.status() == psutil.STATUS_STOPPED)


def test_nothing_strikes_before_the_node_itself_began_to_train(worker: psutil.Process) -> None:
    fault = Stopped(NODE, Clock())
    told(fault, launched(worker), began(OTHER))
    assert fault.struck is None
    told(fault, began())
    until("a stopped process", lambda: is_stopped(worker))
    assert fault.struck is not None
    fault.undo()


def test_a_stopped_worker_wakes_when_it_was_found_lost_and_not_before(worker: psutil.Process) -> None:
    fault = Stopped(NODE, Clock())
    told(fault, launched(worker), began(), found(RunnerState.STALE))
    until("a stopped process", lambda: is_stopped(worker))
    told(fault, found(RunnerState.LOST))
    until("a process that runs", lambda: not is_stopped(worker))


def test_another_nodes_process_is_never_touched(worker: psutil.Process) -> None:
    fault = Killed(NODE, Clock())
    told(fault, launched(worker, OTHER), began())
    assert fault.struck is None
    assert worker.is_running()


def test_a_process_that_took_over_the_pid_is_never_touched(worker: psutil.Process) -> None:
    earlier = ProcessIdentity(worker.pid, int(worker.create_time() * 1000) - 60_000)
    assert not earlier.send(signal.SIGKILL)
    assert worker.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_STOPPED)


def test_a_killed_worker_is_gone(worker: psutil.Process) -> None:
    fault = Killed(NODE, Clock())
    told(fault, launched(worker), began())
    until("its end", lambda: worker.status() == psutil.STATUS_ZOMBIE)
    assert fault.struck is not None


def test_a_slowed_worker_speaks_once_in_each_pause_and_is_free_once_the_skew_is_past(
    worker: psutil.Process, tmp_path: Path
) -> None:
    now = [0]
    fault = Slowed(NODE, Clock(mono_ms=lambda: now[0]), run_root=tmp_path)
    told(fault, launched(worker), began())
    for _ in range(3):
        until("a stopped process", lambda: is_stopped(worker))
        said = (tmp_path / JOURNAL).stat().st_size
        now[0] += 1999
        fault.turn()
        assert is_stopped(worker)
        now[0] += 2
        fault.turn()  # it may run now
        until("one more beat", lambda said=said: (tmp_path / JOURNAL).stat().st_size > said)  # type: ignore[misc]
        fault.turn()
    measured = {"skew_ms": 15001, "first": OTHER, "last": NODE, "bound_ms": 15000, "outcome": "past_bound_waiting"}
    told(fault, line(rec.SkewMeasured.model_validate(measured)))
    until("a process that runs", lambda: not is_stopped(worker))
    now[0] += 5000
    fault.turn()
    assert not is_stopped(worker)


def upload(folder: Path) -> Path:
    path = folder / "outbox" / "r0" / "adapter_model.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(101))
    path.chmod(0o444)
    return path


def agent(worker: psutil.Process) -> Line:
    return line(
        rec.AgentStarted(
            node_id=NODE, pid=worker.pid, process_started_ms=int(worker.create_time() * 1000), address="127.0.0.1",
            port=1, host_key="k", host_key_fingerprint="SHA256:x",
        )
    )  # fmt: skip


def test_a_byte_flips_only_after_the_contributor_said_that_it_produced(worker: psutil.Process, tmp_path: Path) -> None:
    fault = FlippedByte(NODE, Clock(), run_root=tmp_path)
    told(fault, agent(worker), launched(worker), began())
    path = upload(tmp_path)
    fault.turn()
    until("an agent that waits", lambda: is_stopped(worker))
    assert fault.struck is None
    assert path.read_bytes() == bytes(101)
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(b'{"kind":"produced"}\n')
    fault.turn()
    assert fault.struck is not None
    assert path.read_bytes() == bytes(50) + b"\x01" + bytes(50)
    until("an agent that serves again", lambda: not is_stopped(worker))


def test_an_agent_is_not_held_for_longer_than_a_link_bears(worker: psutil.Process, tmp_path: Path) -> None:
    now = [0]
    fault = FlippedByte(NODE, Clock(mono_ms=lambda: now[0]), run_root=tmp_path)
    upload(tmp_path)
    told(fault, agent(worker), launched(worker), began())
    until("an agent that waits", lambda: is_stopped(worker))
    now[0] = 2001
    fault.turn()
    until("an agent that serves again", lambda: not is_stopped(worker))
    assert fault.struck is None


def test_flipping_one_bit_changes_one_byte_and_leaves_the_file_read_only(tmp_path: Path) -> None:
    path = upload(tmp_path)
    offset = flip_one_bit(path)
    assert [index for index, byte in enumerate(path.read_bytes()) if byte] == [offset]
    assert path.stat().st_mode & 0o777 == 0o444
