"""What is free on this host and on its device, for a training that is about to be placed there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psutil

from runners.contract.receipts import Device
from runners.process.probes.accelerator import free_bytes

Where = Literal["host", "device"]
CGROUPS = Path("/sys/fs/cgroup")


def free_memory(device: Device, *, held_bytes: int = 0) -> dict[Where, int]:
    """Bytes by `host` and, where the device has memory of its own, `device`. `held_bytes`: of what this process holds
    of the training already."""
    host = int(psutil.virtual_memory().available)
    if device.kind == "metal":
        host = free_bytes(device)()
    limits = (host, *_limits(Path("/proc/self/cgroup"), CGROUPS))
    free: dict[Where, int] = {"host": max(0, min(limits)) + held_bytes}
    if device.kind == "cuda":
        free["device"] = free_bytes(device)()
    return free


def _limits(own: Path, cgroups: Path) -> Iterator[int]:
    """What each control group above this process leaves; a container's limit is one. Cached files can be given up."""
    try:
        name = next(line[3:] for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return
    folder = cgroups / name.lstrip("/")
    for group in (folder, *folder.parents):
        if not group.is_relative_to(cgroups):
            return
        try:
            most, used = int((group / "memory.max").read_text()), int((group / "memory.current").read_text())
            cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no limit is the word `max`
            continue
        yield most - used + int(cached.get("inactive_file", 0))
