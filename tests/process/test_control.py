"""`begin`, `release`, `status`, `stop`."""

import json
import os
import re
import signal
from types import SimpleNamespace

import pytest

from runners.contract.canonical import canonical_bytes
from runners.records.lock import is_held
from tests.process.inputs import contract, shipment
from tests.process.node import Node, runner_request


def test_a_killed_runner_is_proven_dead_and_its_lock_is_free(node: Node) -> None:
    launched = node.launch(shipment(node.lane))
    node.await_record(launched, "ready")
    assert node.status() | {"detail": ""} == {
        "alive": True,
        "proven_dead": False,
        "pid": launched.pid,
        "detail": "",
    }
    os.kill(launched.pid, signal.SIGKILL)
    node.await_death()
    code, lines = node.ask("status", runner_request())
    assert (code, lines[-1]["alive"], lines[-1]["proven_dead"]) == (0, False, True)
    assert not is_held(node.root.folder)
    assert "exited" not in node.kinds(launched)


@pytest.mark.parametrize(
    ("kills", "told"),
    [
        (
            (3, 5),
            "the kernel has since ended 2 of this machine's processes for want of memory; it had counted: chunks of ",
        ),
        ((3, 3), "not for want of memory"),
        ((None, None), "by whom can't be told here; it had counted: chunks of "),
    ],
)
def test_a_killed_runner_is_told_with_what_it_had_counted(
    node: Node, monkeypatch: pytest.MonkeyPatch, kills: tuple[int | None, int | None], told: str
) -> None:
    """The kill is real, the kernel's count is not."""
    launched = node.launch(shipment(node.lane))
    node.await_record(launched, "ready")
    place = node.root.memory_note(0)
    note = json.loads(place.read_bytes())
    assert re.fullmatch(r"chunks of \d+ tokens; host: \d+ MiB needed, \d+ MiB free", note["counted"])
    place.write_bytes(canonical_bytes(note | {"kernel_kills": kills[0]}))
    monkeypatch.setattr("runners.process.memory_note.machine_kills", lambda: kills[1])
    assert node.ask_here("status", runner_request())[1]["detail"].endswith("lives, lock held")
    os.kill(launched.pid, signal.SIGKILL)
    node.await_death()
    assert f"is gone or another process, lock free; {told}" in node.ask_here("status", runner_request())[1]["detail"]


def test_a_dead_runners_full_disk_is_told(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is left is simulated; `tests/training/test_full_disk.py` has real ones."""
    launched = node.launch(shipment(node.lane))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4096))
    assert "disk" not in node.ask_here("status", runner_request())[1]["detail"]
    os.kill(launched.pid, signal.SIGKILL)
    node.await_death()
    assert node.ask_here("status", runner_request())[1]["detail"].endswith("; 4096 bytes are left on its disk")


def test_a_stopped_process_is_not_proven_dead(node: Node) -> None:
    """Silent is not dead: a suspended runner still holds its lock."""
    launched = node.launch(shipment(node.lane))
    os.kill(launched.pid, signal.SIGSTOP)
    assert node.status()["proven_dead"] is False
    assert node.status()["alive"] is True


def test_a_pid_that_is_another_process_by_now_is_proof_of_death(node: Node) -> None:
    launched = node.launch(shipment(node.lane))
    os.kill(launched.pid, signal.SIGKILL)
    node.await_death()
    reused = launched.model_copy(update={"pid": os.getpid(), "process_started_ms": 1})
    node.root.launch(0).unlink()
    node.root.keep(node.root.launch(0), reused)
    assert node.status()["proven_dead"]
    assert node.ask_here("stop", runner_request())[1]["proven_dead"]  # and this very process lives on


def test_what_was_never_launched_is_dead_and_says_so(node: Node) -> None:
    node.settings.make_run_root()
    assert node.status() == {"alive": False, "proven_dead": True, "pid": None, "detail": "never launched"}


def test_a_launch_that_broke_off_proves_nothing(node: Node) -> None:
    sent = shipment(node.lane)
    node.settings.make_run_root()
    node.root.keep(node.root.request(0), node.launch_request(sent))
    assert node.status()["proven_dead"] is False


def test_stop_ends_a_runner_that_trains_and_can_be_asked_again(node: Node) -> None:
    node.lane = contract(steps=4000)
    sent = shipment(node.lane)
    launched = node.launch(sent)
    node.await_record(launched, "ready")
    node.ask_here("begin", node.begin_request(sent))
    node.await_step(launched)
    code, lines = node.ask("stop", runner_request())
    assert code == 0
    assert lines[-1]["proven_dead"]
    assert lines[-1]["detail"].startswith("ended on SIGTERM")
    assert node.body(launched, "exited")["reason"] == "stopped"
    assert not node.root.memory_note(0).exists()  # it has said itself why it ended
    assert node.ask_here("stop", runner_request())[1]["proven_dead"]


def test_stop_kills_a_runner_that_does_not_listen(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.process.control.STOP_PATIENCE_S", 0.5)
    launched = node.launch(shipment(node.lane))
    os.kill(launched.pid, signal.SIGSTOP)  # SIGTERM stays pending, SIGKILL doesn't
    line = node.ask_here("stop", runner_request())[1]
    assert line["proven_dead"]
    assert line["detail"].startswith("ended on SIGKILL")


def test_release_lets_only_a_finished_runner_go_and_can_be_asked_again(node: Node) -> None:
    sent = shipment(node.lane)
    launched = node.launch(sent)
    assert node.ask_here("release", runner_request()) == (0, {"done": True})
    assert node.ask("release", runner_request()) == (0, [{"done": True}])
    node.await_record(launched, "ready")
    node.ask_here("begin", node.begin_request(sent))
    node.await_death()
    assert "produced" in node.kinds(launched)


def test_begin_can_be_asked_again_but_not_changed(node: Node) -> None:
    sent = shipment(node.lane)
    launched = node.launch(sent)
    given = node.begin_request(sent)
    assert node.ask("begin", given) == (0, [{"done": True}])
    assert node.ask_here("begin", given) == (0, {"done": True})
    changed = node.begin_request(sent, assignment_digests=(sent.assignment.digest, "e" * 64))
    assert node.ask_here("begin", changed)[1]["refused"] == "conflicting_request"
    node.await_record(launched, "began")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"window_id": "window-2"}, "begin_of_another"),
        ({"contract_digest": "e" * 64}, "contract_digest_mismatch"),
        ({"assignment_digests": ("e" * 64,)}, "begin_of_another"),
        ({"run_id": "run-2"}, "another_run"),
        ({"revision": 1}, "not_launched"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_permission_for_something_else_is_refused(
    launched_once: Node, change: dict[str, object], reason: str
) -> None:
    node = launched_once
    code, line = node.ask_here("begin", node.begin_request(shipment(node.lane), **change))
    assert (code, line["refused"]) == (1, reason)
    assert not list(node.root.folder.glob("begin-r*"))


def test_a_permission_by_another_key_is_refused(launched_once: Node) -> None:
    given = launched_once.begin_request(shipment(launched_once.lane))
    forged = given.model_copy(update={"signature": "0" * 128})
    assert launched_once.ask_here("begin", forged)[1]["refused"] == "bad_signature"


@pytest.mark.parametrize("verb", ["status", "release", "stop"])
def test_a_request_about_another_run_is_refused(launched_once: Node, verb: str) -> None:
    code, line = launched_once.ask_here(verb, runner_request(run_id="run-2"))
    assert (code, line["refused"]) == (1, "another_run")
    assert launched_once.status()["alive"]
