"""Facts of a Mac: `sw_vers`, `sysctl`, `system_profiler SPDisplaysDataType -json`."""

import json
from dataclasses import dataclass
from typing import Any

from runners.process.probes.commands import Run

SW_VERS = ("/usr/bin/sw_vers",)
SYSCTL_NAMES = ("hw.model", "hw.memsize", "machdep.cpu.brand_string", "kern.memorystatus_vm_pressure_level")
SYSCTL = ("/usr/sbin/sysctl",)
DISPLAYS = ("/usr/sbin/system_profiler", "SPDisplaysDataType", "-json")
PRESSURE = {"1": "normal", "2": "warning", "4": "critical"}  # DISPATCH_MEMORYPRESSURE_* of <dispatch/source.h>


@dataclass(frozen=True)
class MacFacts:
    """None is what a command didn't say."""

    version: str | None  # "15.3.1"
    build: str | None  # "24D70"
    hardware_model: str | None  # "Mac14,10"
    chip: str | None  # "Apple M2 Pro"
    memory_bytes: int | None
    memory_pressure: str | None


@dataclass(frozen=True)
class MacGpu:
    name: str
    cores: int | None
    metal_family: str | None  # "metal3"


def read_mac(run: Run) -> MacFacts:
    named, kernel = parse_pairs(run(SW_VERS)), parse_pairs(_kernel(run))
    return MacFacts(
        version=named.get("ProductVersion"),
        build=named.get("BuildVersion"),
        hardware_model=kernel.get("hw.model"),
        chip=kernel.get("machdep.cpu.brand_string"),
        memory_bytes=_whole(kernel.get("hw.memsize")),
        memory_pressure=PRESSURE.get(kernel.get("kern.memorystatus_vm_pressure_level", "")),
    )


def _kernel(run: Run) -> str:
    """One by one where it doesn't answer for all: for one name that a system lacks, sysctl(8) fails as a whole."""
    together = run((*SYSCTL, *SYSCTL_NAMES))
    return together if together is not None else "\n".join(run((*SYSCTL, name)) or "" for name in SYSCTL_NAMES)


def read_gpu(run: Run) -> MacGpu | None:
    return parse_displays(run(DISPLAYS))


def parse_pairs(text: str | None) -> dict[str, str]:
    """`name: value` lines, as `sw_vers` (tabs) and `sysctl` (one space, also of `sysctl -a`) print them."""
    pairs: dict[str, str] = {}
    for line in (text or "").splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip() and value.strip():
            pairs.setdefault(name.strip(), value.strip())
    return pairs


def parse_displays(text: str | None) -> MacGpu | None:
    """The first GPU that names a Metal family; a display without a GPU of its own has none."""
    try:
        body: Any = json.loads(text or "")
        cards = [card for card in body["SPDisplaysDataType"] if isinstance(card, dict)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    for card in cards:
        name = card.get("sppci_model") or card.get("_name")
        if not isinstance(name, str):
            continue
        # macOS 10.15 to 15 have the key with a `t`, older systems without it.
        family = card.get("spdisplays_mtlgpufamilysupport") or card.get("spdisplays_metal")
        if family is not None:
            cores = card.get("sppci_cores")
            return MacGpu(name, _whole(cores), str(family).removeprefix("spdisplays_")[:40])
    return None


def _whole(text: object) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else None
