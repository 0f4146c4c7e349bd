"""A lock names everything, exactly, and is what runs here."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.setup.checkout import REPOSITORY, Checkout

LOCKS = sorted((REPOSITORY / "locks").glob("*.txt"))
PIN = re.compile(r"^([a-z0-9]+(?:-[a-z0-9]+)*)(?:\[[a-z0-9,]+\])?==([0-9][0-9a-z.]*)$")


def pins(lock: Path) -> dict[str, str]:
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    matches = [(line, PIN.match(line)) for line in lines]
    assert [line for line, match in matches if match is None] == []
    return {match[1]: match[2] for _, match in matches if match is not None}


def asked_for(lock: Path) -> set[str]:
    """Names without the lines that are meant for Linux alone, where the lock is another system's."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["train"], *extras["dev"]]
    meant = [line for line in lines if lock.stem.startswith("linux") or "sys_platform == 'linux'" not in line]
    return {re.split(r"[^a-z0-9-]", line.lower())[0] for line in meant}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_line_of_a_lock_is_one_exact_version(lock: Path) -> None:
    names = [line for line in lock.read_text().splitlines() if not line.startswith("#")]

    assert len(pins(lock)) == len(names)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_holds_everything_that_the_project_asks_for(lock: Path) -> None:
    assert asked_for(lock) - set(pins(lock)) == set()


def test_both_platforms_have_a_lock_and_the_mac_one_admits_that_it_is_untried() -> None:
    assert [path.stem for path in LOCKS] == ["linux-x86_64", "macos-arm64"]
    assert "# NOT VERIFIED" in LOCKS[1].read_text()
    assert "# Lock for Linux" in LOCKS[0].read_text()


def test_torch_is_the_version_with_a_cpu_wheel_on_the_build_machines() -> None:
    assert {pins(lock)["torch"] for lock in LOCKS} == {"2.13.0"}


def test_this_environment_holds_exactly_the_locked_versions(tmp_path: Path) -> None:
    here = Checkout.make(tmp_path / "clone", lock="").probe()[0]
    locked = pins(REPOSITORY / "locks" / f"{here}.txt")

    found = {name: version(name).partition("+")[0] for name in locked}

    assert found == locked
