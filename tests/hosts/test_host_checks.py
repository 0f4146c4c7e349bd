"""A host judged from one look, as tables; no host is there."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from console.hosts.destination import Destination
from console.hosts.errors import HostKeyChanged, HostKeyRevoked, HostKeyUnknown
from console.hosts.host_checks import Wanted, judge, judge_code
from console.hosts.known_hosts import find_pins, judge_host_key, name_in_known_hosts
from console.hosts.sight import Gpus, Look, Sight
from runners.contract.document import word_from_json
from runners.contract.identity import PackageVersion, RunnersIdentity
from tests.hosts.sights import BARE, GIB, GIVEN, LOOK, OURS, seen


def test_a_sound_host_passes_every_check() -> None:
    for wanted in (BARE, GIVEN):
        assert [check.name for check in judge(LOOK, wanted) if not check.holds] == []


@pytest.mark.parametrize(
    ("look", "wanted", "name", "must", "said"),
    [
        (replace(LOOK, sight=None), BARE, "python", True, "apt install"),
        (seen(python=(3, 9, 18)), BARE, "python", True, "3.9.18"),
        (seen(venv=False), BARE, "venv", True, "python3-venv"),
        (seen(system="FreeBSD"), BARE, "system", True, "FreeBSD"),
        (seen(directory_trouble="it lies in the checkout /users/ann/x"), BARE, "directory", True, "checkout"),
        (seen(disk_free_bytes=3 * GIB), BARE, "disk", True, "3.0 GiB"),
        (seen(inodes_free=12), BARE, "inodes", True, "df -i"),
        (seen(model_trouble="/x is no directory"), BARE, "model", True, "--model"),
        (seen(gpus=None), BARE, "gpu", False, "driver"),
        (seen(gpus=Gpus(trouble="no devices were found")), BARE, "gpu", False, "no devices"),
        (seen(ports={"34101": "Address already in use"}), BARE, "port 34101", False, "already in use"),
        (replace(LOOK, offset_ms=-3_600_000), BARE, "clock", False, "set-ntp"),
        (replace(LOOK, noise="Welcome!"), BARE, "quiet shell", True, "Welcome!"),
        (seen(versions={**OURS, "torch": None}), GIVEN, "packages", True, "pip install torch"),
        (seen(versions={**OURS, "numpy": "2.0"}), GIVEN, "packages", False, "numpy 2.0 (here 1.0)"),
    ],
)
def test_one_fault_fails_its_own_check_and_says_what_helps(
    look: Look, wanted: Wanted, name: str, must: bool, said: str
) -> None:
    failed = [check for check in judge(look, wanted) if not check.holds]
    assert [(check.name, check.must) for check in failed] == [(name, must)]
    assert failed[0].fix
    assert said in f"{failed[0].value} {failed[0].fix}"


def test_a_file_system_that_makes_inodes_as_needed_is_fine_and_a_build_suffix_is_no_other_version() -> None:
    look = seen(inodes_free=None, versions={**OURS, "torch": "1.0+cu128"})
    assert all(check.holds for check in judge(look, GIVEN))


def test_other_code_than_ours_is_refused_and_says_how_to_send_it_again() -> None:
    packages = tuple(PackageVersion(name=name, version="1.0") for name in OURS)
    there = RunnersIdentity(runners_sha256="a" * 64, python="CPython@3.11", platform="Linux", packages=packages)
    assert all(check.holds for check in judge_code(there, "a" * 64, OURS, "again"))
    (failed,) = [check for check in judge_code(there, "b" * 64, OURS, "swarm host add box") if not check.holds]
    assert (failed.name, failed.must, failed.fix) == ("code", True, "swarm host add box")


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("box", None, "box", None),
        ("ann@box.local:2222", "ann", "box.local", 2222),
        ("[fd7a::1]:22", None, "fd7a::1", 22),
        ("fd7a::1", None, "fd7a::1", None),
        ("a@b@box", "a@b", "box", None),
    ],
)
def test_a_destination_reads_as_ssh_reads_it(text: str, user: str | None, host: str, port: int | None) -> None:
    assert Destination.parse(text) == Destination(host, user, port)


@pytest.mark.parametrize(
    "text", ["", "@box", "box:", "-oProxyCommand=x", "a b", "box:0", "box:99999", "box:1x", "b\x1b"]
)
def test_what_is_no_destination_is_refused(text: str) -> None:
    if text == "box:":
        assert Destination.parse(text) == Destination("box")
        return
    with pytest.raises(ValueError, match="expected"):
        Destination.parse(text)


def known(folder: Path, *lines: str) -> tuple[Path, ...]:
    (folder / "known_hosts").write_text("\n".join(lines) + "\n")
    return (folder / "known_hosts",)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen on this machine")
def test_known_hosts_is_searched_as_ssh_does_hashed_names_and_bad_lines_included(tmp_path: Path) -> None:
    import asyncssh

    first, second = (asyncssh.generate_private_key("ssh-ed25519").convert_to_public() for _ in range(2))
    one, two = (key.export_public_key().decode().strip() for key in (first, second))
    files = known(tmp_path, "# a comment", "", f"[box]:2222 {one}", f"other {two}")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", files[0]], check=True, capture_output=True)
    assert "box" not in files[0].read_text()
    assert find_pins(files, "box", 22) == ()
    (pin,) = find_pins(files, "box", 2222)
    assert (pin.line, pin.key) == (3, first)
    assert find_pins(files, "third", 22) == ()
    spelled = name_in_known_hosts("box", 2222)

    def judged(key: asyncssh.SSHKey, fingerprint: str | None = None) -> str:
        return judge_host_key((pin,), key, name=spelled, files=files, expected_fingerprint=fingerprint)

    assert judged(first) == f"{files[0]} line 3 holds it"
    with pytest.raises(HostKeyChanged, match="line 3") as caught:
        judged(second)
    mend = f"ssh-keygen -R '[box]:2222' -f {files[0]}"
    assert mend in str(caught.value)
    subprocess.run(["sh", "-c", mend], check=True, capture_output=True)
    assert find_pins(files, "box", 2222) == ()
    assert judged(second, second.get_fingerprint()) == "the operator gave its fingerprint"
    with pytest.raises(HostKeyChanged, match="--fingerprint"):
        judged(second, first.get_fingerprint())
    with pytest.raises(HostKeyUnknown, match=re.escape(second.get_fingerprint())):
        judge_host_key((), second, name=spelled, files=files, expected_fingerprint=None)
    revoked = find_pins(known(tmp_path, "not a line at all", f"@revoked * {two}"), "box", 22)
    with pytest.raises(HostKeyRevoked, match="line 2"):
        judge_host_key(revoked, second, name="box", files=files, expected_fingerprint=second.get_fingerprint())


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_any_python_can_look_and_say_how_old_it_is(version: str, tmp_path: Path) -> None:
    python = _python(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    script = Path(__file__).resolve().parents[2] / "runners" / "bootstrap" / "look.py"
    order = {"mark": "mark ", "directory": ".swarm", "ports": [34101], "packages": ["torch"], "model": "/nowhere"}
    asked = subprocess.run(
        [python, "-I", script], input=json.dumps(order) + "\n", capture_output=True, text=True, check=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    sight = word_from_json(Sight, json.loads(asked.stdout.removeprefix("mark ")))
    assert ".".join(str(part) for part in sight.python[:2]) == version
    assert sight.directory == str(tmp_path.resolve() / ".swarm")
    assert sight.model_trouble == "/nowhere is no directory"
    assert list(tmp_path.iterdir()) == []


def _python(version: str) -> str | None:
    found = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin")
