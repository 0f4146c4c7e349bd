"""`.venv` is made whole or counts as not made, and is looked at only once it is there."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.setup.checkout import REPOSITORY, SCRIPT, Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.make(tmp_path / "clone", lock="# nothing\n")


def test_a_finished_environment_is_left_alone(checkout: Checkout) -> None:
    checkout.finish()
    before = sorted(path.name for path in checkout.venv.rglob("*"))

    done = checkout.make_target("setup")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in checkout.venv.rglob("*")) == before


def test_a_changed_lock_asks_for_set_up_again(checkout: Checkout) -> None:
    checkout.finish()
    checkout.lock.write_text("# something else\n")

    assert not checkout.is_ready()


def test_a_changed_project_asks_for_set_up_again(checkout: Checkout) -> None:
    checkout.finish()
    (checkout.root / "pyproject.toml").write_text("[project]\nname = 'tiny'\nversion = '1'\n")

    assert not checkout.is_ready()


def test_a_moved_checkout_asks_for_set_up_again(checkout: Checkout) -> None:
    checkout.finish()
    moved = Checkout(checkout.root.rename(checkout.root.with_name("moved")))

    assert not moved.is_ready()


def test_a_damaged_stamp_asks_for_set_up_again(checkout: Checkout) -> None:
    checkout.finish()
    (checkout.venv / "swarm-setup.json").write_text("{")

    assert not checkout.is_ready()


def test_a_failed_install_says_so_and_leaves_no_finished_environment(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "clone", lock="no-such-package==1.0\n")

    done = checkout.set_up()

    assert done.returncode == 1
    assert "no-such-package" in done.stderr
    assert ".venv counts as unfinished" in done.stderr
    assert not checkout.is_ready()


def test_a_killed_set_up_leaves_no_finished_environment(checkout: Checkout) -> None:
    process = subprocess.Popen(
        [sys.executable, "-I", str(SCRIPT)], cwd=checkout.root, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while not (checkout.venv / "pyvenv.cfg").exists():
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    assert not checkout.is_ready()


def test_a_machine_without_a_lock_is_told_which_ones_there_are(checkout: Checkout) -> None:
    lock = checkout.lock
    lock.rename(lock.with_name("amiga-m68k.txt"))

    done = checkout.set_up()

    assert done.returncode == 1
    assert "expected a machine that has a lock (amiga-m68k), got" in done.stderr
    assert not checkout.venv.exists()


@pytest.mark.parametrize(
    ("sysname", "machine", "macos", "translated", "told"),
    [
        ("Linux", "x86_64", "", False, None),
        ("Darwin", "arm64", "14.0", False, None),
        ("Darwin", "arm64", "26.1", False, None),
        ("Darwin", "arm64", "", False, None),
        ("Darwin", "arm64", "13.6.9", False, "expected macOS 14 or newer, got 13.6.9"),
        ("Darwin", "x86_64", "15.3", False, "expected a Mac with Apple silicon, got x86_64"),
        ("Darwin", "x86_64", "15.3", True, "that Rosetta runs"),
    ],
)
def test_a_mac_that_the_wheels_are_not_for_is_told_why(
    sysname: str, machine: str, macos: str, translated: bool, told: str | None
) -> None:
    """pip would say that it could find no version of mlx, after minutes."""
    environment = runpy.run_path(str(REPOSITORY / SCRIPT))
    found = environment["trouble_of"](sysname, machine, macos, translated=translated)
    assert (found is None) if told is None else (told in found)


def test_a_checkout_by_another_name_of_its_folder_is_ready(checkout: Checkout) -> None:
    """A Mac's disk takes ~/code for ~/Code; here a link stands in for it."""
    checkout.finish()
    stamp = checkout.venv / "swarm-setup.json"
    other = checkout.root.with_name("Clone")
    other.symlink_to(checkout.root)
    stamp.write_text(stamp.read_text().replace(str(checkout.root), str(other)))
    assert checkout.is_ready()

    other.unlink()
    assert not checkout.is_ready()


def test_a_stamp_without_a_place_asks_for_set_up_again(checkout: Checkout) -> None:
    checkout.finish()
    stamp = checkout.venv / "swarm-setup.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "root": 7}))
    assert not checkout.is_ready()
    assert "Traceback" not in checkout.set_up().stderr


def test_without_a_new_enough_python_set_up_says_what_it_needs(checkout: Checkout) -> None:
    old = checkout.root / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")  # what any Python below 3.11 answers to the Makefile's question
    old.chmod(0o755)

    done = checkout.make_target("setup", f"PYTHON={old}")

    assert done.returncode != 0
    assert "expected Python 3.11 or newer" in done.stderr
    assert not checkout.venv.exists()
