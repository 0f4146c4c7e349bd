"""What `make` hands on to swarm, with a stand-in for swarm that tells what it was given."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.setup.checkout import REPOSITORY, Checkout

TELLS = '#!/bin/sh\necho "$@"\necho "PYTHONPATH=$PYTHONPATH"\n'
# A foreground child as Python is one: it gets the terminal's interrupt itself, and takes its time to clean up.
CLEANS_UP = "#!/bin/sh\ntrap 'sleep 0.4; touch cleaned; exit 0' INT\ntouch started\nwhile :; do sleep 0.05; done\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    checkout = Checkout.make(tmp_path / "clone", lock="# nothing\n")
    checkout.finish()
    return checkout


def stand_in(checkout: Checkout, script: str) -> None:
    swarm = checkout.venv / "bin" / "swarm"
    swarm.write_text(script)
    swarm.chmod(0o755)


@pytest.mark.parametrize("target", ["run", "console"])
def test_a_target_starts_swarm_with_the_options_given(
    checkout: Checkout, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "somewhere/with/another/console")
    stand_in(checkout, TELLS)

    done = checkout.make_target(target, "ARGS=--json --run-id r1")

    assert done.stdout == f"{target} --json --run-id r1\nPYTHONPATH=\n"


def test_a_failed_run_fails_make(checkout: Checkout) -> None:
    stand_in(checkout, "#!/bin/sh\nexit 1\n")

    assert checkout.make_target("run").returncode != 0


def test_ctrl_c_waits_until_swarm_has_cleaned_up(checkout: Checkout) -> None:
    stand_in(checkout, CLEANS_UP)
    process = subprocess.Popen(
        ["make", "run"], cwd=checkout.root, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not (checkout.root / "started").exists():
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: make and swarm both get it
        process.wait(timeout=PATIENCE_S)
        cleaned = (checkout.root / "cleaned").exists()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

    assert cleaned


def test_the_makefile_asks_nothing_of_make_that_macos_own_one_lacks() -> None:
    """Apple ships GNU make 3.81, of 2006. What came later is read there as something else, or as nothing."""
    text = (REPOSITORY / "Makefile").read_text()
    later = {
        ".ONESHELL": "3.82", ".RECIPEPREFIX": "3.82", "undefine ": "3.82", "private ": "3.82",
        "!=": "4.0", "::=": "4.0", "$(file ": "4.0", "$(guile ": "4.0", "load ": "4.0",
        ".EXTRA_PREREQS": "4.3", "&:": "4.3", "$(let ": "4.4", "$(intcmp ": "4.4",
        ".WAIT": "4.4", ".NOTINTERMEDIATE": "4.4",
    }  # fmt: skip
    recipes = [line for line in text.splitlines() if line.startswith("\t")]
    rules = [line for line in text.splitlines() if not line.startswith(("\t", "#"))]
    assert [word for word in later for line in rules if word in line] == []
    assert [word for word in ("$(file ", "$(guile ", "$(let ") for line in recipes if word in line] == []


def test_make_alone_explains_itself(checkout: Checkout) -> None:
    done = checkout.make_target()

    assert done.returncode == 0
    assert "make run" in done.stdout
