"""`swarm host add|list|doctor|forget` against a real sshd that has nothing of ours."""

import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from console.coordination.lane_file import load_lane
from console.hosts.endpoints import endpoints_of, try_endpoint
from console.hosts.host_book import HostBook
from runners.records.sources import sources_sha256
from tests.hosts.conftest import Swarm
from tests.hosts.sshd_rig import SshdRig, running_sshd

pytestmark = pytest.mark.ssh
PYTHON = ("--python", sys.executable)


def test_a_bare_host_becomes_ready_and_a_second_contact_sends_nothing(
    swarm: Swarm, sshd: SshdRig, tmp_path: Path
) -> None:
    code, said = swarm("host", "add", "box", *PYTHON)
    assert code == 0, said
    assert "to be sent" in said
    assert "runners: made" in said
    assert f"{sshd.known_hosts} line 2 holds it" in said
    host = HostBook(tmp_path / "home").get("box")
    assert host.directory == str(sshd.home / ".swarm")
    assert host.runners_sha256 == sources_sha256()
    code, said = swarm("host", "add", "box", *PYTHON)
    assert code == 0
    assert "runners: reused" in said
    assert "models: reused" in said
    assert {path.name for path in sshd.home.iterdir()} == {".swarm"}
    code, said = swarm("host", "list")
    assert "box" in said
    assert "as here" in said


def test_done_again_what_is_not_said_is_as_it_was(swarm: Swarm, sshd: SshdRig, tmp_path: Path) -> None:
    sshd.known_hosts.write_text("")
    first = (*PYTHON, "--directory", ".ours", "--token-on-host", "--fingerprint", sshd.fingerprint)
    assert swarm("host", "add", "box", *first)[0] == 0
    before = HostBook(tmp_path / "home").get("box")
    code, said = swarm("host", "add", "box")
    assert code == 0, said
    after = HostBook(tmp_path / "home").get("box")
    assert after == before.model_copy(update={"added_wall_ms": after.added_wall_ms, "digest": after.digest})
    assert swarm("host", "add", "box", "--no-token-on-host")[0] == 0
    assert HostBook(tmp_path / "home").get("box").token_custody == "handed_over"
    sshd.kill()
    sshd.host_key = asyncssh.generate_private_key("ssh-ed25519")
    sshd.start()
    sshd.known_hosts.write_text("")
    code, said = swarm("host", "add", "box")
    assert code == 1
    assert f"--fingerprint {sshd.fingerprint}" in said


def test_doctor_names_changed_code_and_a_host_that_is_away_with_what_helps(
    swarm: Swarm, sshd: SshdRig, tmp_path: Path
) -> None:
    swarm("host", "add", "box", *PYTHON)
    code, said = swarm("host", "doctor")
    assert code == 0, said
    package = Path(HostBook(tmp_path / "home").get("box").package_dir)
    (package / "runners" / "__init__.py").write_text("# changed\n")
    code, said = swarm("host", "doctor", "box")
    assert code == 1
    assert "NO  code" in said
    assert "-> swarm host add box" in said
    code, said = swarm("host", "add", "box", *PYTHON)
    assert code == 0
    assert "runners: spoiled" in said
    assert "runners: made" in said
    assert swarm("host", "doctor")[0] == 0
    sshd.kill()
    code, said = swarm("host", "doctor")
    assert code == 1
    assert "NO  reached" in said


def test_an_unknown_host_key_is_refused_and_its_fingerprint_from_the_operator_accepted(
    swarm: Swarm, sshd: SshdRig
) -> None:
    sshd.known_hosts.write_text("")
    code, said = swarm("host", "add", "box", *PYTHON)
    assert code == 1
    assert f"--fingerprint {sshd.fingerprint}" in said
    assert "Accepted" not in sshd.log.read_text()
    code, said = swarm("host", "add", "box", *PYTHON, "--fingerprint", sshd.fingerprint)
    assert code == 0, said


def test_a_changed_host_key_is_refused_with_the_line_and_the_command_that_mends_it(swarm: Swarm, sshd: SshdRig) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    sshd.know(other)
    code, said = swarm("host", "add", "box", *PYTHON)
    assert code == 1
    assert f"{other.get_fingerprint()} ({sshd.known_hosts} line 2)" in said
    assert f"got {sshd.fingerprint}" in said
    assert "Accepted" not in sshd.log.read_text()
    mend = said[said.index("ssh-keygen -R") :].splitlines()[0]
    subprocess.run(shlex.split(mend), check=True, capture_output=True)
    code, said = swarm("host", "add", "box", *PYTHON)
    assert "got no line for it" in said


def test_a_pinned_host_that_comes_back_with_another_key_is_refused(swarm: Swarm, sshd: SshdRig) -> None:
    swarm("host", "add", "box", *PYTHON)
    sshd.kill()
    sshd.host_key = asyncssh.generate_private_key("ssh-ed25519")
    sshd.start()
    code, said = swarm("host", "doctor")
    assert code == 1
    assert f"got {sshd.fingerprint}" in said
    assert f"because {sshd.known_hosts} line 2 holds it" in said


def test_nothing_is_put_outside_the_home_or_into_a_checkout(swarm: Swarm, sshd: SshdRig, tmp_path: Path) -> None:
    (sshd.home / "project" / ".git").mkdir(parents=True)
    for directory, reason in ((str(tmp_path / "elsewhere"), "outside the home"), ("project/swarm", "in the checkout")):
        code, said = swarm("host", "add", "box", *PYTHON, "--directory", directory)
        assert code == 1
        assert reason in said
        assert "not added" in said
    assert not (tmp_path / "elsewhere").exists()
    assert [path.name for path in (sshd.home / "project").iterdir()] == [".git"]
    assert HostBook(tmp_path / "home").names() == ()


def test_a_bare_host_behind_a_jump_host_becomes_ready_too(swarm: Swarm, sshd: SshdRig, tmp_path: Path) -> None:
    with running_sshd(tmp_path / "jump") as jump:
        hop = jump.ssh_config.read_text().replace("Host box", "Host hop")
        sshd.ssh_config.write_text(hop + sshd.ssh_config.read_text() + "  ProxyJump hop\n")
        code, said = swarm("host", "add", "box", *PYTHON)
        assert code == 0, said
        assert "Accepted publickey" in jump.log.read_text()
        assert list(jump.home.iterdir()) == []


def test_a_checkpoint_that_the_host_does_not_have_is_named_before_anything_is_sent(
    swarm: Swarm, sshd: SshdRig, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    code, said = swarm("host", "add", "box", *PYTHON, "--model", str(tmp_path / "model"))
    assert code == 1
    assert "holds no config.json" in said
    assert list(sshd.home.iterdir()) == []


def test_a_shell_that_greets_is_named_before_anything_is_sent(swarm: Swarm, sshd: SshdRig) -> None:
    (sshd.home / ".bashrc").write_text("printf 'Welcome \\033[31mback\\n'\n")
    greeted = subprocess.run(
        ["ssh", "-F", sshd.ssh_config, "box", "true"], capture_output=True, text=True, check=True
    ).stdout
    if "Welcome" not in greeted:
        pytest.skip("this user's login shell reads no ~/.bashrc for a command")
    code, said = swarm("host", "add", "box", *PYTHON)
    assert code == 1
    assert "NO  quiet shell" in said
    assert not (sshd.home / ".swarm").exists()


@pytest.mark.parametrize(
    ("answer", "said_of_it"),
    [
        ('{"machine": "\\u001b]0;owned\\u0007"}', "Field required"),
        ("not json \x1b[2J", "expected JSON"),
        ("[1]", "got list"),
        ('{"a": 1, "a": 2}', "twice"),
        ("x" * 300_000, "expected"),
    ],
    ids=["an escape", "no JSON", "a list", "a key twice", "no end"],
)
def test_what_a_hostile_host_answers_is_refused_and_never_reaches_the_terminal(
    swarm: Swarm, sshd: SshdRig, tmp_path: Path, answer: str, said_of_it: str
) -> None:
    evil = tmp_path / "python"
    evil.write_text(
        f"#!{sys.executable}\n"
        "import sys, re, json\n"
        "size = int(re.search(r'read\\((\\d+)\\)', sys.argv[3])[1])\n"
        "sys.stdin.buffer.read(size)\n"
        "mark = json.loads(sys.stdin.buffer.readline())['mark']\n"
        f"sys.stdout.write(mark + json.loads({json.dumps(answer)!r}) + '\\n')\n"
        "sys.stderr.write('\\x1b[31mred\\n')\n"
    )
    evil.chmod(0o755)
    code, said = swarm("host", "add", "box", "--python", str(evil))
    assert code == 1
    assert said_of_it in said


def test_a_python_is_named_from_the_hosts_own_home_and_kept_as_it_names_itself(
    swarm: Swarm, sshd: SshdRig, tmp_path: Path
) -> None:
    chosen = sshd.home / "my python"
    code, said = swarm("host", "add", "box", "--python", "~/my python")
    assert code == 1
    assert "~/my python on the host: expected a Python that its user may run" in said
    chosen.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    chosen.chmod(0o755)
    code, said = swarm("host", "add", "box", "--python", "~/my python")
    assert code == 0, said
    assert HostBook(tmp_path / "home").get("box").python == sys.executable
    assert swarm("host", "add", "box", "--python=-c")[0] == 2


def test_a_known_host_is_tried_as_a_run_would_reach_it_by_its_alias_its_key_and_ours(
    swarm: Swarm, sshd: SshdRig, tmp_path: Path
) -> None:
    assert swarm("host", "add", "box", *PYTHON)[0] == 0
    box = endpoints_of(load_lane("loopback"), HostBook(tmp_path / "home"))[-1]
    assert (box.name, box.spelled) == ("box", "box")  # where that is, only the ssh_config says
    tried = try_endpoint(box, managed=False)
    assert (tried.answers, tried.interface, tried.network) == (True, "lo", "this machine")
    assert tried.result == f"let in by its pinned key at 127.0.0.1:{sshd.port}"
    assert box.known is not None
    older = replace(box, known=box.known.model_copy(update={"runners_sha256": "0" * 64}))
    told = try_endpoint(older, managed=False)  # a run would refuse it
    assert (told.answers, told.result) == (False, f"{tried.result}; its runners are older: `swarm host add box`")
    (sshd.folder / "authorized_keys").write_text("")
    refused = try_endpoint(box, managed=False)
    assert refused.answers is False
    assert "expected our client key to be accepted" in refused.result


def test_a_run_needs_a_known_host_and_this_machines_runners(swarm: Swarm, tmp_path: Path) -> None:
    code, said = swarm("run", "--remote", "nobody", "--coordinator-port", "0")
    assert code == 2
    assert "swarm host add nobody" in said
    swarm("host", "add", "box", *PYTHON)
    book = HostBook(tmp_path / "home")
    host = book.get("box")
    fields = {name: getattr(host, name) for name in type(host).model_fields if name != "digest"}
    book.keep(type(host).seal(**{**fields, "runners_sha256": "0" * 64}))
    for words in (
        ("run", "--remote", "box", "--coordinator-port", "0"),
        ("host", "agent", "box", "--listen", "10.0.0.7"),
    ):
        code, said = swarm(*words)
        assert code == 2
        assert "swarm host add box" in said
    assert not (tmp_path / "runs").exists()


@pytest.mark.soak
def test_the_hosts_own_pip_makes_the_environment_once(swarm: Swarm, sshd: SshdRig, tmp_path: Path) -> None:
    """Real pip, real index: needs a package index within reach."""
    code, said = swarm("host", "add", "box", "--without-torch")
    if "No matching distribution" in said or "connection" in said.lower():
        pytest.skip(f"no package index within reach: {said[-300:]}")
    assert code == 0, said[-2000:]
    assert "environment: made" in said
    host = HostBook(tmp_path / "home").get("box")
    assert host.python.startswith(f"{sshd.home}/.swarm/venvs/")
    code, said = swarm("host", "add", "box", "--without-torch")
    assert code == 0
    assert "environment: reused" in said
    code, said = swarm("host", "doctor")
    assert code == 0
    assert "!   torch" in said
