"""`swarm host forget`: what was put on a host goes, and nothing else."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from console.hosts.host_book import HostBook
from tests.hosts.conftest import Swarm
from tests.hosts.sshd_rig import SshdRig

pytestmark = pytest.mark.ssh
PYTHON = ("--python", sys.executable)


def test_forgetting_shows_asks_and_removes_what_was_put_there_and_nothing_else(
    swarm: Swarm, sshd: SshdRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swarm("host", "add", "box", *PYTHON)
    ours = sshd.home / ".swarm"
    (ours / "keys").mkdir()
    (ours / "keys" / "node.pem").write_text("its own")
    (ours / "runners" / "notes").mkdir()  # no digest: somebody else's
    (sshd.home / "swarm-runs" / "run").mkdir(parents=True)
    elsewhere = sshd.home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    (ours / "models" / ("e" * 64)).symlink_to(elsewhere)
    place = HostBook(tmp_path / "home").place("box")
    known_hosts = sshd.known_hosts.read_bytes()

    assert swarm("host", "forget", "box")[0] == 2  # nobody to ask
    answers = io.StringIO("no\nyes\n")
    answers.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", answers)
    code, said = swarm("host", "forget", "box")
    assert code == 1
    assert "nothing was removed" in said
    assert place.is_file()
    assert len(list((ours / "runners").iterdir())) == 2

    code, said = swarm("host", "forget", "box")
    assert code == 0, said
    assert "MB in" in said
    assert f"MB below {ours}" in said
    assert "stays there: keys" in said
    assert "removed on" in said
    assert "2 of 2 folders" in said
    assert {path.relative_to(sshd.home).as_posix() for path in sshd.home.rglob("*")} == {
        ".swarm", ".swarm/installing.lock", ".swarm/keys", ".swarm/keys/node.pem", ".swarm/runners",
        ".swarm/runners/notes", ".swarm/models", f".swarm/models/{'e' * 64}", "elsewhere", "elsewhere/kept",
        "swarm-runs", "swarm-runs/run",
    }  # fmt: skip
    assert not place.exists()
    assert sshd.known_hosts.read_bytes() == known_hosts
    assert swarm("host", "forget", "box", "--yes")[0] == 2


def test_forgetting_leaves_an_empty_home_and_adding_again_makes_it_ready(swarm: Swarm, sshd: SshdRig) -> None:
    swarm("host", "add", "box", *PYTHON)
    assert swarm("host", "forget", "box", "--yes")[0] == 0
    assert list(sshd.home.iterdir()) == []
    assert swarm("host", "add", "box", *PYTHON)[0] == 0


def test_a_folder_that_another_name_uses_stays_and_only_the_name_is_forgotten(
    swarm: Swarm, sshd: SshdRig, tmp_path: Path
) -> None:
    swarm("host", "add", "box", *PYTHON)
    book = HostBook(tmp_path / "home")
    host = book.get("box")
    fields = {name: getattr(host, name) for name in type(host).model_fields if name != "digest"}
    book.keep(type(host).seal(**{**fields, "name": "crate"}))
    code, said = swarm("host", "forget", "crate", "--yes")
    assert code == 0
    assert "box uses the same folder there" in said
    assert book.names() == ("box",)
    assert swarm("host", "doctor", "box")[0] == 0


def test_a_host_where_something_of_ours_runs_or_that_is_away_is_not_forgotten(
    swarm: Swarm, sshd: SshdRig, tmp_path: Path
) -> None:
    swarm("host", "add", "box", *PYTHON)
    book = HostBook(tmp_path / "home")
    named = f"{book.get('box').directory}/runners/x"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", named]) as runner:
        code, said = swarm("host", "forget", "box", "--yes")
        runner.kill()
    assert code == 1
    assert f"process {runner.pid}" in said
    assert Path(book.get("box").package_dir).is_dir()
    sshd.kill()
    code, said = swarm("host", "forget", "box", "--yes")
    assert code == 1
    assert "swarm host forget box --here" in said
    assert book.has("box")
    assert swarm("host", "forget", "box", "--here", "--yes")[0] == 0
    assert not book.has("box")


def test_a_folder_of_ours_that_became_a_link_is_not_followed(swarm: Swarm, sshd: SshdRig) -> None:
    swarm("host", "add", "box", *PYTHON)
    (sshd.home / ".swarm").rename(sshd.home / "moved")
    (sshd.home / ".swarm").symlink_to(sshd.home / "moved")
    before = sorted((sshd.home / "moved").rglob("*"))
    code, said = swarm("host", "forget", "box", "--yes")
    assert code == 1
    assert "that no link leads to" in said
    assert sorted((sshd.home / "moved").rglob("*")) == before
