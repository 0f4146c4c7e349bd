"""The machine under a backend, as it names itself."""

import ctypes
import os
import platform
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

from runners.contract.names import as_label

CHIP = ("/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string")


def cpu_name() -> str:
    """Model name of the processor: /proc/cpuinfo on Linux, sysctl on macOS."""
    if platform.system() == "Darwin":
        return _asked(CHIP) or platform.machine()
    for line in _lines(Path("/proc/cpuinfo")):
        name, _, value = line.partition(":")
        if name.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine()


def _asked(argv: Sequence[str]) -> str:
    """What a command of the system says; nothing where it can't be had. A name on a label ends no run."""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(argv, capture_output=True, check=True, timeout=10).stdout.decode(errors="replace").strip()
    return ""


def memory_total_bytes() -> int:
    return int(psutil.virtual_memory().total)


def numpy_blas() -> str:
    """As NumPy was built, e.g. `scipy-openblas@0.3.31`."""
    config = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]  # type: ignore[index,call-overload,unused-ignore]
    return as_label(f"{blas['name']}@{blas['version']}")


def set_numpy_threads(threads: int) -> int:
    """Ask the OpenBLAS inside NumPy for `threads`; the number it then says. Where there is none, all processors."""
    for path in sorted(loaded_files()):
        if "openblas" not in Path(path).name or "numpy" not in path:
            continue
        library = ctypes.CDLL(path)
        for suffix in ("64_", ""):
            setter = getattr(library, f"scipy_openblas_set_num_threads{suffix}", None)
            getter = getattr(library, f"scipy_openblas_get_num_threads{suffix}", None)
            if setter is not None and getter is not None:
                setter(ctypes.c_int(threads))
                return int(getter())
    return os.cpu_count() or 1


def loaded_files() -> set[str]:
    """Paths that this process has mapped; Linux only."""
    return {line.split(maxsplit=5)[-1] for line in _lines(Path("/proc/self/maps")) if "/" in line}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []
