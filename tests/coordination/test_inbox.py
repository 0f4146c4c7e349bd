"""Operator commands as files: what counts, what is refused, and that nothing counts twice."""

import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.coordination.fold import fold
from console.coordination.inbox import leave_command, read_commands
from console.coordination.state import RunState
from runners.contract import coordinator_records as rec
from runners.records.durable import create_once, read_regular
from runners.records.keys import SigningKey
from tests.coordination.window import opened

RUN = "run-1"


class Desk(SimpleNamespace):
    """What `read_commands` touches of the coordinator's desk."""

    state: RunState

    def note(self, body: rec.OperatorActed) -> None:
        self.noted.append(body)
        self.state = fold(self.state, body, 0)


@pytest.fixture
def operator(tmp_path: Path) -> SigningKey:
    return SigningKey.load_or_create(tmp_path / "keys" / "operator.pem")


@pytest.fixture
def desk(tmp_path: Path, operator: SigningKey) -> Any:
    (tmp_path / "inbox").mkdir()
    return Desk(
        paths=SimpleNamespace(inbox=tmp_path / "inbox"),
        spec=SimpleNamespace(run_id=RUN, operator_public_key=operator.public_hex),
        state=fold(RunState(), opened(1), 0),
        read_inbox=set(),
        noted=[],
    )


def leave(desk: Any, key: SigningKey, run_id: str = RUN) -> Path:
    command_id = leave_command(desk.paths.inbox, key, run_id, command="stop", reason="enough", wall_ms=1)
    path: Path = desk.paths.inbox / f"{command_id}.json"
    return path


def test_a_signed_command_is_noted_once(desk: Any, operator: SigningKey) -> None:
    leave(desk, operator)
    read_commands(desk)
    read_commands(desk)
    assert [body.command for body in desk.noted] == ["stop"]
    assert desk.state.stop_reason == "enough"


def test_a_command_noted_before_a_restart_is_not_noted_again(desk: Any, operator: SigningKey) -> None:
    leave(desk, operator)
    read_commands(desk)
    desk.read_inbox = set()
    read_commands(desk)
    assert len(desk.noted) == 1


def test_two_commands_are_two_records(desk: Any, operator: SigningKey) -> None:
    leave(desk, operator)
    leave(desk, operator)
    read_commands(desk)
    assert len(desk.noted) == 2


def assert_refused_once(desk: Any, capsys: pytest.CaptureFixture[str], expected: str) -> None:
    read_commands(desk)
    read_commands(desk)
    assert desk.noted == []
    assert desk.state.stop_reason is None
    said = capsys.readouterr().err
    assert said.count("refused") == 1 and expected in said


def test_another_operators_command_is_refused(desk: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(desk, SigningKey.load_or_create(tmp_path / "keys" / "other.pem"))
    assert_refused_once(desk, capsys, "expected")


def test_a_command_for_another_run_is_refused(
    desk: Any, operator: SigningKey, capsys: pytest.CaptureFixture[str]
) -> None:
    leave(desk, operator, "run-2")
    assert_refused_once(desk, capsys, "expected run-1, got run-2")


def test_a_command_under_another_name_is_refused(
    desk: Any, operator: SigningKey, capsys: pytest.CaptureFixture[str]
) -> None:
    path = leave(desk, operator)
    path.rename(path.with_name("stop-again.json"))
    assert_refused_once(desk, capsys, "got stop-again.json")


def test_a_symlink_in_the_inbox_is_refused(
    desk: Any, operator: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = leave(desk, operator)
    path.rename(tmp_path / path.name)
    path.symlink_to(tmp_path / path.name)
    assert_refused_once(desk, capsys, "regular file")


def test_a_hard_link_in_the_inbox_is_refused(
    desk: Any, operator: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.link(leave(desk, operator), tmp_path / "second-name")
    assert_refused_once(desk, capsys, "one link")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b'"reason": "enough"', b'"reason": "change"', "digest"),
        (b'"stop"', b'"publish"', "command"),
        (b"{", b"{ ", "stored form"),
    ],
)
def test_a_changed_command_is_refused(
    old: bytes, new: bytes, expected: str, desk: Any, operator: SigningKey, capsys: pytest.CaptureFixture[str]
) -> None:
    path = leave(desk, operator)
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    assert_refused_once(desk, capsys, expected)


def test_a_signature_of_other_words_is_refused(
    desk: Any, operator: SigningKey, capsys: pytest.CaptureFixture[str]
) -> None:
    from runners.contract.receipts import OperatorCommand

    path = leave(desk, operator)
    body = OperatorCommand.read(path.read_bytes()).to_json()
    path.write_bytes(OperatorCommand.seal(**{**body, "reason": "another"}).to_bytes())
    assert_refused_once(desk, capsys, "signature")


def test_a_command_read_while_it_is_put_in_place_is_never_refused(tmp_path: Path) -> None:
    """`create_once` gives a file two names for an instant; a reader that comes just then must not lose it."""
    done = threading.Event()

    def write() -> None:
        for number in range(300):
            create_once(tmp_path / f"{number}.json", b"whole")
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen: set[Path] = set()
    while not done.is_set() or len(seen) < 300:
        for path in set(tmp_path.glob("*.json")) - seen:
            assert read_regular(path, limit=100) == b"whole"
            seen.add(path)
    writer.join()
