"""Limits of control groups of both kinds, and what the kernel counts of whom it ended for want of memory."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from runners.records import host_memory
from runners.records.host_memory import group_limits, kernel_kills

TELL_FREE = "from runners.records.host_memory import free_bytes; print(free_bytes())"


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def grouped(folder: Path) -> tuple[Path, Path]:
    """A process in `/box/inner` of both kinds, the outer one limited."""
    own, groups = folder / "cgroup", folder / "sys"
    own.write_text("9:name=systemd:/\n4:cpu,memory:/box/inner\n0::/box/inner\n")
    for name, most in (("box", "1000"), ("box/inner", "max")):
        write(groups / name, memory__max=f"{most}\n", memory__current="700\n", memory__stat="inactive_file 100\n")
    for name, most in (("box", "900"), ("box/inner", "9223372036854771712")):
        write(
            groups / "memory" / name,
            memory__limit_in_bytes=f"{most}\n",
            memory__usage_in_bytes="700\n",
            memory__stat="total_inactive_file 50\n",
        )
    return own, groups


def test_a_containers_limit_counts_without_what_it_only_caches(tmp_path: Path) -> None:
    own, groups = grouped(tmp_path)
    assert sorted(group_limits(own, groups))[:2] == [250, 400]
    assert list(group_limits(tmp_path / "none", groups)) == []


def test_the_nearest_group_that_counts_says_how_many_the_kernel_ended(tmp_path: Path) -> None:
    own, groups = grouped(tmp_path)
    vmstat = tmp_path / "vmstat"
    assert kernel_kills(own, groups, vmstat) is None
    vmstat.write_text("pgfault 12\noom_kill 3\n")
    assert kernel_kills(own, groups, vmstat) == 3
    write(groups / "box", memory__events="low 0\noom 2\noom_kill 5\n")
    assert kernel_kills(own, groups, vmstat) == 5
    write(groups / "memory" / "box" / "inner", memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    assert kernel_kills(own, groups, vmstat) == 4
    assert kernel_kills(tmp_path / "none", groups, vmstat) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="macOS takes no limit of addresses")
def test_a_limit_of_addresses_is_seen() -> None:
    most = 1 << 30

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    said = subprocess.run(
        [sys.executable, "-c", TELL_FREE], preexec_fn=limited, capture_output=True, text=True, check=True
    )
    assert 0 < int(said.stdout) < most


def test_a_machine_without_any_limit_has_what_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind an sshd whose session sees no control groups."""
    monkeypatch.setattr(host_memory, "own_limits", lambda: iter(()))
    monkeypatch.setattr(host_memory, "group_limits", lambda: iter(()))
    assert host_memory.free_bytes() > 0
