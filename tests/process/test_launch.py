"""`launch`: one process per revision, and none without permission."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from runners.contract.canonical import canonical_bytes
from runners.process.launch import runner_environment
from runners.records import detaching
from runners.records.admission import new_token
from runners.records.keys import SigningKey
from tests.patience import PATIENCE_S
from tests.process.inputs import contract, shipment
from tests.process.node import Node


def processes_of(node: Node) -> list[int]:
    """Living runners whose working folder is this node's run root."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == node.settings.run_root:
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found


def test_launched_twice_is_one_process_and_one_answer(node: Node) -> None:
    sent = shipment(node.lane)
    launched = node.launch(sent)
    assert node.ask_here("launch", node.launch_request(sent)) == (0, launched.to_json())
    assert processes_of(node) == [launched.pid]


def test_two_launches_at_once_are_one_process(node: Node) -> None:
    sent = shipment(node.lane)
    node.admit()
    node.ship(sent)
    line = canonical_bytes(node.launch_request(sent).to_json()) + b"\n"
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "runners", "launch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=node.environment(),
        )
        for _ in range(2)
    ]
    answers = [process.communicate(line, timeout=PATIENCE_S)[0] for process in both]
    assert answers[0] == answers[1]
    launched = node.root.launched(0)
    assert launched is not None
    assert processes_of(node) == [launched.pid]


def test_the_runner_is_in_a_session_of_its_own_without_a_terminal(node: Node) -> None:
    """That `launch` returned at all shows that no stream of it was inherited: its caller reads them to their end."""
    launched = node.launch(shipment(node.lane))
    assert os.getsid(launched.pid) == launched.pid
    assert psutil.Process(launched.pid).terminal() is None


def test_a_users_own_systemd_takes_the_runner_in(node: Node, tmp_path: Path) -> None:
    """Stand-ins for systemctl and systemd-run, which aren't on this machine: the argv that they get is the real one."""
    for name, body in (
        ("systemctl", 'test "$1 $2" = "--user show-environment"'),
        ("systemd-run", f'echo "$@" > {tmp_path}/asked; while [ "$1" != -- ]; do shift; done; shift; exec "$@"'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    launched = node.launch(shipment(node.lane), PATH=path, XDG_RUNTIME_DIR=str(tmp_path))
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("--user --scope --quiet --collect --description=swarm runner in ")
    assert asked.rstrip().endswith("-P -m runners work --revision 0")
    assert processes_of(node) == [launched.pid]
    assert os.getsid(launched.pid) == launched.pid


@pytest.mark.parametrize("body", ["exit 1", "sleep 60"])
def test_a_systemd_that_does_not_answer_is_gone_without(
    tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detaching, "ASK_S", 0.2)
    for name in ("systemctl", "systemd-run"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body.replace('sleep', 'exec sleep')}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert detaching.user_systemd({**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}) is None
    assert detaching.in_own_scope(["python", "x"], None, "a run") == ["python", "x"]


def test_only_a_mac_is_kept_awake_and_only_while_the_process_lives() -> None:
    """caffeinate is not on this machine: the argv that it would get."""
    assert detaching.awake_argv(123, "darwin") == ["/usr/bin/caffeinate", "-i", "-w", "123"]
    assert detaching.awake_argv(123, "linux") is None


def test_the_callers_secrets_do_not_reach_the_runner(node: Node) -> None:
    token = new_token()
    environment = {"PSIONIC_SWARM_ADMISSION_TOKEN": token, "AWS_SECRET_ACCESS_KEY": token, "OMP_NUM_THREADS": "1"}
    assert runner_environment(node.settings, {"AGX_RELAX_CDM_CTXSTORE_TIMEOUT": "1"})["AGX_RELAX_CDM_CTXSTORE_TIMEOUT"]
    assert token not in runner_environment(node.settings, environment).values()
    launched = node.launch(shipment(node.lane), PSIONIC_SWARM_ADMISSION_TOKEN=token, OMP_NUM_THREADS="1")
    runner = psutil.Process(launched.pid)
    assert token not in runner.environ().values()
    assert runner.environ()["OMP_NUM_THREADS"] == "1"
    assert token not in " ".join(runner.cmdline())


def refuse(node: Node, request: Any, reason: str) -> None:
    code, line = node.ask_here("launch", request)
    assert (code, line.get("refused")) == (1, reason), line
    assert node.root.launched(0) is None
    assert processes_of(node) == []


def test_without_admission_nothing_is_launched(node: Node) -> None:
    node.key  # noqa: B018 - brought up, not admitted
    sent = shipment(node.lane)
    node.ship(sent)
    refuse(node, node.launch_request(sent), "not_admitted")


def test_an_admission_of_another_coordinator_is_none(node: Node) -> None:
    sent = shipment(node.lane)
    node.admit()
    node.ship(sent)
    other = node.launch_request(sent).model_copy(update={"coordinator_public_key": SigningKey.generate().public_hex})
    refuse(node, other, "not_admitted")


def test_an_admission_under_another_contract_is_none(node: Node) -> None:
    node.admit()
    node.lane = contract(steps=6)
    sent = shipment(node.lane)
    node.ship(sent)
    refuse(node, node.launch_request(sent), "not_admitted")


def test_an_admission_that_was_changed_on_disk_is_none(node: Node) -> None:
    sent = shipment(node.lane)
    node.admit()
    node.ship(sent)
    signature = node.root.admission.with_name("admission.json.sig")
    signature.write_text(SigningKey.generate().sign(b"x") + "\n")
    refuse(node, node.launch_request(sent), "bad_signature")


def test_inputs_that_were_never_shipped_are_refused(node: Node) -> None:
    node.admit()
    refuse(node, node.launch_request(shipment(node.lane)), "archive_missing")


def test_an_assignment_under_another_contract_is_refused(node: Node) -> None:
    sent = shipment(contract(steps=6))
    node.admit()
    node.ship(sent)
    refuse(node, node.launch_request(sent), "contract_digest_mismatch")


def test_an_assignment_that_was_changed_on_the_way_is_refused(node: Node) -> None:
    sent = shipment(node.lane)
    node.admit()
    node.ship(sent)
    changed = sent.assignment.model_copy(update={"assignment_id": "another"})
    refuse(node, node.launch_request(sent).model_copy(update={"assignment": changed}), "digest_mismatch")


def test_another_assignment_for_a_launched_revision_is_refused(node: Node) -> None:
    sent = shipment(node.lane)
    launched = node.launch(sent)
    other = shipment(node.lane, name="assignment-b")
    node.ship(other)
    assert node.ask_here("launch", node.launch_request(other))[1]["refused"] == "conflicting_request"
    assert processes_of(node) == [launched.pid]


def test_the_next_revision_waits_until_the_runner_of_this_one_is_gone(node: Node) -> None:
    first = node.launch(shipment(node.lane))
    second = shipment(node.lane, revision=1)
    node.ship(second)
    assert node.ask_here("launch", node.launch_request(second))[1]["refused"] == "run_root_busy"
    os.kill(first.pid, signal.SIGKILL)
    node.await_death()
    assert node.ask_here("launch", node.launch_request(second))[0] == 0
    # The lock is the successor's by now, which says nothing against the death of the first one.
    assert node.status(0)["proven_dead"]
    assert node.status(1)["alive"]


def test_a_runner_that_ends_before_its_journal_is_refused_and_leaves_no_launch(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = shipment(node.lane)
    node.admit()
    node.ship(sent)
    monkeypatch.setattr("runners.process.launch.sys.executable", str(shutil.which("false")))
    code, line = node.ask_here("launch", node.launch_request(sent))
    assert (code, line["refused"]) == (1, "launch_failed")
    assert node.status()["detail"] == "never launched"


def test_a_previous_journal_that_is_broken_is_reported_and_stays_as_it_is(node: Node) -> None:
    first = node.launch(shipment(node.lane))
    os.kill(first.pid, signal.SIGKILL)
    node.await_death()
    journal = node.root.folder / first.journal
    journal.write_bytes(journal.read_bytes().replace(b'"seq":0', b'"seq":7', 1))
    broken = journal.read_bytes()
    second = node.launch(shipment(node.lane, revision=1))
    assert node.body(second, "opened")["previous_tail"] is None
    node.await_record(second, "log")
    assert first.journal in node.body(second, "log")["text"]
    assert journal.read_bytes() == broken
