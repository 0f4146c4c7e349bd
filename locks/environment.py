"""Makes `.venv` from this platform's lock, or sees within milliseconds that it is there already.

Standard library only: it runs before anything is installed. `make` chooses the Python that runs it.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parent.parent
STAMP: Final = "swarm-setup.json"  # inside .venv, written last: without it .venv counts as half made
SYSTEMS: Final = {"Linux": "linux", "Darwin": "macos"}
INTERRUPTED: Final = 130


def platform() -> str:
    """`linux-x86_64`, `macos-arm64`, ..."""
    machine = os.uname()
    return f"{SYSTEMS.get(machine.sysname, machine.sysname.lower())}-{machine.machine}"


def lock_file(root: Path) -> Path:
    lock = root / "locks" / f"{platform()}.txt"
    if not lock.is_file():
        known = ", ".join(sorted(path.stem for path in lock.parent.glob("*.txt")))
        refuse(f"expected a machine that has a lock ({known}), got {platform()}; see locks/write.py to make one")
    return lock


def stamp_of(root: Path) -> dict[str, str]:
    """What a finished `.venv` was made from. It can't be moved, so the place belongs to it."""
    return {
        "lock": hashlib.sha256(lock_file(root).read_bytes()).hexdigest(),
        "project": hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest(),
        "root": str(root),
    }


def read_stamp(root: Path) -> dict[str, str]:
    try:
        found = json.loads((root / ".venv" / STAMP).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_ready(root: Path) -> bool:
    return read_stamp(root) == stamp_of(root)


def make(root: Path, lock_fd: int) -> None:
    """Everything again when the lock or the place changed; the project alone when only pyproject.toml did."""
    venv, wanted, found = root / ".venv", stamp_of(root), read_stamp(root)
    kept = found.get("lock") == wanted["lock"] and found.get("root") == wanted["root"] and runs(venv)
    (venv / STAMP).unlink(missing_ok=True)
    if not kept:
        say(
            f"making .venv from {lock_file(root).relative_to(root)} with Python {sys.version.split()[0]}; takes minutes"
        )
        remove(venv)
        run([sys.executable, "-I", "-m", "venv", str(venv)], lock_fd)
        # Wheels only: a source distribution would be built with whatever versions it asks for.
        pip(venv, lock_fd, "install", "--only-binary", ":all:", "--requirement", str(lock_file(root)))
        pip(venv, lock_fd, "check")
    pip(venv, lock_fd, "install", "--no-build-isolation", "--no-deps", "--editable", str(root))
    partial = venv / f"{STAMP}.partial"
    partial.write_text(json.dumps(wanted))
    partial.replace(venv / STAMP)
    say(".venv is ready")


def runs(venv: Path) -> bool:
    try:
        return subprocess.run([venv / "bin" / "python", "-IS", "-c", ""], check=False).returncode == 0
    except OSError:
        return False


def remove(venv: Path) -> None:
    if venv.is_symlink():
        venv.unlink()  # what it leads to isn't ours
    elif venv.exists():
        shutil.rmtree(venv)


def pip(venv: Path, lock_fd: int, *arguments: str) -> None:
    """-I, so that neither PYTHONPATH nor the user's own packages count as installed. Errors are always shown."""
    quiet = [] if sys.stderr.isatty() else ["--quiet", "--quiet"]
    run([str(venv / "bin" / "python"), "-I", "-m", "pip", "--no-input", *quiet, *arguments], lock_fd)


def run(argv: list[str], lock_fd: int) -> None:
    """The child inherits the lock: a pip that outlives us keeps others out of a folder it still writes to."""
    code = subprocess.run(
        argv, check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr, pass_fds=(lock_fd,)
    ).returncode
    if code != 0:
        refuse(
            f"expected exit 0, got {code} from: {' '.join(argv)}; .venv counts as unfinished; mend it and start again"
        )


def say(text: str) -> None:
    print(f"set-up: {text}", file=sys.stderr, flush=True)


def refuse(text: str) -> NoReturn:
    say(text)
    sys.exit(1)


def main() -> int:
    if "--ready" in sys.argv[1:]:
        return 0 if is_ready(ROOT) else 1
    lock_fd = os.open(ROOT, os.O_RDONLY)  # two terminals may start at once on a fresh clone
    fcntl.flock(lock_fd, fcntl.LOCK_EX)
    if not is_ready(ROOT):
        make(ROOT, lock_fd)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("interrupted; .venv counts as unfinished and the next start makes it again")
        sys.exit(INTERRUPTED)
