"""Which machine measured, how busy it was, and when: no figure goes without them."""

import os
import platform
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CHIP = ("/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string")  # of a Mac


def about() -> dict[str, Any]:
    cores = os.cpu_count() or 1
    return {
        "machine": f"{cores} cores of {_processor()}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%MZ"),
    }


def _processor() -> str:
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(CHIP, capture_output=True, check=True, timeout=10).stdout.decode(errors="replace").strip()
    return platform.processor() or platform.machine()
