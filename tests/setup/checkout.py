"""A checkout small enough to set up in a test: the real Makefile and set-up script, a lock of one's own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = Path("locks", "environment.py")
PROBE = (
    "from pathlib import Path; import environment as e; print(e.platform()); print(e.json.dumps(e.stamp_of(e.ROOT)))"
)


@dataclass(frozen=True)
class Checkout:
    root: Path

    @classmethod
    def make(cls, root: Path, *, lock: str) -> "Checkout":
        (root / "locks").mkdir(parents=True)
        shutil.copy(REPOSITORY / "Makefile", root)
        shutil.copy(REPOSITORY / SCRIPT, root / SCRIPT)
        (root / "pyproject.toml").write_text("[project]\nname = 'tiny'\nversion = '0'\n")
        checkout = cls(root)
        (root / "locks" / f"{checkout.probe()[0]}.txt").write_text(lock)
        return checkout

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def lock(self) -> Path:
        return self.root / "locks" / f"{self.probe()[0]}.txt"

    def probe(self) -> list[str]:
        """The platform's name and, where there is a lock, the stamp that a finished .venv would carry."""
        code = PROBE if list((self.root / "locks").glob("*.txt")) else PROBE.rpartition(";")[0]
        return _run([sys.executable, "-c", code], self.root / "locks").stdout.splitlines()

    def finish(self) -> None:
        """As if set-up had ended: this Python as .venv's own, and the stamp."""
        (self.venv / "bin").mkdir(parents=True)
        (self.venv / "bin" / "python").symlink_to(sys.executable)
        (self.venv / "swarm-setup.json").write_text(self.probe()[1])

    def is_ready(self) -> bool:
        return _run([sys.executable, str(SCRIPT), "--ready"], self.root).returncode == 0

    def set_up(self) -> "subprocess.CompletedProcess[str]":
        return _run([sys.executable, "-I", str(SCRIPT)], self.root)

    def make_target(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return _run(["make", *arguments], self.root)


def _run(argv: list[str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    # Nothing may be downloaded here, and the make that runs these tests must not speak to ours.
    outside = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    env = {**outside, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PYTHON": ""}
    env.pop("PIP_FIND_LINKS", None)
    return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=100)
