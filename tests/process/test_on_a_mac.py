"""What macOS does otherwise, where it decides something on a host. No Mac was at hand: the answers are AUTHORED from
its manual pages and from reports of others, and Linux stands in for its file systems."""

import errno
import fcntl
import os
import platform
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from runners.bootstrap import forget
from runners.process.probes import mac
from runners.records import durable
from runners.records.process_group import signal_group
from runners.training import hardware
from tests.patience import PATIENCE_S
from tests.process.sampled import text

FULL = 51  # F_FULLFSYNC of macOS' <fcntl.h>


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of the two syncs were asked for, in order."""
    asked: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda _: asked.append("fsync"))
    return asked


def answers(asked: list[str], error: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fcntl_of_a_mac(_: int, command: int) -> int:
        assert command == FULL
        asked.append("full")
        if error is not None:
            raise OSError(error, os.strerror(error))
        return 0

    monkeypatch.setattr(fcntl, "fcntl", fcntl_of_a_mac)


def test_a_full_sync_is_enough(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers(asked, None, monkeypatch)
    durable.sync_fd(3, FULL)
    assert asked == ["full"]


@pytest.mark.parametrize("error", [errno.ENOTSUP, errno.ENOTTY, errno.EINVAL], ids=["nfs", "exfat", "fuse"])
def test_a_volume_without_full_sync_is_synced_as_it_can(
    asked: list[str], error: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Go, SQLite and libuv do: `SWARM_RUNS` on another disk must not end the first run."""
    answers(asked, error, monkeypatch)
    durable.sync_fd(3, FULL)
    assert asked == ["full", "fsync"]


def test_a_full_sync_that_fails_is_an_error(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers(asked, errno.EIO, monkeypatch)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        durable.sync_fd(3, FULL)
    assert asked == ["full"]


@pytest.mark.parametrize("error", [errno.ENOTSUP, errno.EPERM], ids=["exfat on a mac", "vfat on linux"])
def test_a_disk_without_hard_links_is_named_as_one(error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(OSError, match="expected a disk with hard links, as APFS and ext4 have them") as told:
        durable.create_once(tmp_path / "key.pem", b"")
    assert told.value.errno == error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [errno.ESRCH, errno.EPERM], ids=["linux", "macos"])
def test_a_group_that_has_ended_takes_a_signal_without_an_error(error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one whose members nobody waited for yet killpg(2) says EPERM on a Mac: whoever ends a job as it ends by itself
    must not fail for it."""

    def killpg(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "killpg", killpg)
    signal_group(1, signal.SIGTERM)


def test_a_group_takes_a_signal() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "sleep 60 & wait"], start_new_session=True) as shell:
        signal_group(shell.pid, signal.SIGKILL)
        assert shell.wait(PATIENCE_S) == -signal.SIGKILL


def test_one_name_that_sysctl_lacks_hides_no_other() -> None:
    """sysctl(8) prints what it knows and ends with 1; a command that fails has no output for us."""
    lines = mac.parse_pairs(text("authored_m2_pro", "sysctl.txt"))
    asked: list[tuple[str, ...]] = []

    def run(argv: Sequence[str]) -> str | None:
        asked.append(tuple(argv))
        names = argv[1:]
        if argv[0] not in mac.SYSCTL or "kern.memorystatus_vm_pressure_level" in names:
            return None
        return "".join(f"{name}: {lines[name]}\n" for name in names)

    facts = mac.read_mac(run)
    assert (facts.chip, facts.hardware_model, facts.memory_pressure) == ("Apple M2 Pro", "Mac14,10", None)
    assert facts.memory_bytes == 16 << 30


def test_a_runner_of_a_framework_python_is_found_by_its_environment() -> None:
    """Before its host is forgotten: on a Mac neither program nor command line names the venv."""
    listed = text("authored_m2_pro", "ps.txt")
    assert forget.named_in(listed, Path("/users/ann/.swarm")) == ["process 4211"]
    assert forget.named_in(listed, Path("/users/ann/.other")) == []


def test_a_processor_that_nobody_names_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    for broken in ((str(tmp_path / "no such command"),), ("/bin/sh", "-c", "exit 1")):
        monkeypatch.setattr(hardware, "CHIP", broken)
        assert hardware.cpu_name() == "arm64"
    monkeypatch.setattr(hardware, "CHIP", ("/bin/sh", "-c", "echo Apple M2 Pro"))
    assert hardware.cpu_name() == "Apple M2 Pro"
