"""The host as a whole, whatever system it runs."""

import platform
import shutil
from pathlib import Path

import psutil

from runners.contract.bringup import Machine
from runners.contract.names import as_label
from runners.process.probes import linux, mac
from runners.process.probes.commands import run


def machine(run_root: Path) -> Machine:
    """`run_root` must exist: the free space asked about is that of its disk."""
    system = platform.system()
    facts = mac.read_mac(run) if system == "Darwin" else None
    memory = psutil.virtual_memory()
    if facts is not None:
        version, model, chip = facts.version, facts.hardware_model, facts.chip
    else:
        version, model, chip = linux.os_version(), linux.hardware_model(), linux.chip()
    return Machine(
        os=os_word(system),
        os_version=(version or "unknown")[:200],
        os_build=as_label(facts.build) if facts is not None and facts.build else None,
        kernel=as_label(platform.release()),
        arch=as_label(platform.machine()),
        hardware_model=model[:200] if model else None,
        chip=(chip or platform.processor() or "unknown")[:200],
        cpu_count=psutil.cpu_count() or 1,
        memory_total_bytes=(facts.memory_bytes if facts is not None else None) or int(memory.total),
        memory_available_bytes=int(memory.available),
        memory_pressure=facts.memory_pressure if facts is not None else None,
        disk_free_bytes=shutil.disk_usage(run_root).free,
    )


def os_word(system: str) -> str:
    """As lanes spell it: `macos` for Darwin, otherwise the kernel's name in lower case."""
    return "macos" if system == "Darwin" else as_label(system.lower())
