"""Memory of this machine as this process may have it, and whether the kernel ended somebody for want of it."""

import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

OWN, CGROUPS, VMSTAT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"), Path("/proc/vmstat")
MIB = 1024 * 1024


@dataclass(frozen=True)
class Names:
    """Files of a control group. A container's limit is one."""

    most: str
    used: str
    cached: str  # a line of memory.stat: cached files can be given up
    events: str


V1 = Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "memory.oom_control")
V2 = Names("memory.max", "memory.current", "inactive_file", "memory.events")


def free_bytes() -> int:
    """What is available, within the limits of this process and of each control group above it."""
    available = int(psutil.virtual_memory().available)
    return max(0, min((available, *own_limits(), *group_limits())))


def own_limits() -> Iterator[int]:
    """Of addresses (`ulimit -v`): what a process holds of them is more than it uses, so this never says too much."""
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        yield most - int(psutil.Process().memory_info().vms)


def group_limits(own: Path = OWN, cgroups: Path = CGROUPS) -> Iterator[int]:
    """What each control group above this process leaves."""
    for group, names in _groups(own, cgroups):
        try:
            most, used = int((group / names.most).read_text()), int((group / names.used).read_text())
            cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no limit is the word `max`
            continue
        yield most - used + int(cached.get(names.cached, 0))


def kernel_kills(own: Path = OWN, cgroups: Path = CGROUPS, vmstat: Path = VMSTAT) -> int | None:
    """How many processes the kernel has ended for want of memory so far: of our control group where it counts, else of
    the whole machine; None where nobody counts."""
    counts = (group / names.events for group, names in _groups(own, cgroups))
    for path in (*counts, vmstat):
        try:
            words = dict(line.split(maxsplit=1) for line in path.read_text().splitlines())
            return int(words["oom_kill"])
        except (OSError, KeyError, ValueError):
            continue
    return None


def machine_kills() -> int | None:
    """Of the whole machine alone: for two processes that may be of different control groups, each with its count."""
    return kernel_kills(own=Path(os.devnull))


def _groups(own: Path, cgroups: Path) -> Iterator[tuple[Path, Names]]:
    """Ours and those above it, nearest first. Inside a container its own may be the topmost that is to be seen."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return
    for number, controllers, name in lines:
        if number == "0":
            top, names = cgroups, V2
        elif "memory" in controllers.split(","):
            top, names = cgroups / "memory", V1
        else:
            continue
        folder = top / name.lstrip("/")
        yield from ((group, names) for group in (folder, *folder.parents) if group.is_relative_to(top))
