"""Makes `.venv` from this platform's lock, or sees within milliseconds that it is there already.

Standard library only: it runs before anything is installed. `make` chooses the Python that runs it.
"""

import fcntl
import hashlib
import json
import os
import platform as system
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parent.parent
STAMP: Final = "swarm-setup.json"  # inside .venv, written last: without it .venv counts as half made
SYSTEMS: Final = {"Linux": "linux", "Darwin": "macos"}
INTERRUPTED: Final = 130
OLDEST_MACOS: Final = 14  # of MLX's and torch's wheels
TRANSLATED: Final = ("/usr/sbin/sysctl", "-n", "sysctl.proc_translated")  # 1 in a process that Rosetta runs


def platform() -> str:
    """`linux-x86_64`, `macos-arm64`, ..."""
    machine = os.uname()
    return f"{SYSTEMS.get(machine.sysname, machine.sysname.lower())}-{machine.machine}"


def trouble_of(sysname: str, machine: str, macos: str, *, translated: bool) -> str | None:
    """Why nothing can be installed on a Mac, where pip would only say that it finds no such version."""
    if sysname != "Darwin":
        return None
    if translated:
        return (
            f"expected a Python for Apple silicon, got one for {machine} that Rosetta runs ({sys.executable}); "
            "name another: make PYTHON=/opt/homebrew/bin/python3"
        )
    if machine != "arm64":
        return f"expected a Mac with Apple silicon, got {machine}: MLX has no Metal on others"
    major = macos.partition(".")[0]
    if major.isdigit() and int(major) < OLDEST_MACOS:
        return f"expected macOS {OLDEST_MACOS} or newer, got {macos}: MLX and torch have no wheel for it"
    return None


def is_translated() -> bool:
    if os.uname().sysname != "Darwin":
        return False
    try:
        return subprocess.run(TRANSLATED, check=False, capture_output=True, timeout=10).stdout.strip() == b"1"
    except (OSError, subprocess.TimeoutExpired):
        return False


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
    found, wanted = read_stamp(root), stamp_of(root)
    return {**found, "root": ""} == {**wanted, "root": ""} and is_here(found.get("root"), root)


def is_here(place: object, root: Path) -> bool:
    """Macs don't tell Code from code: the same checkout by another spelling is no moved one."""
    return isinstance(place, str) and Path(place).exists() and root.samefile(place)


def make(root: Path, lock_fd: int) -> None:
    """Everything again when the lock or the place changed; the project alone when only pyproject.toml did."""
    venv, wanted, found = root / ".venv", stamp_of(root), read_stamp(root)
    kept = found.get("lock") == wanted["lock"] and is_here(found.get("root"), root) and runs(venv)
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
    with suppress(OSError):  # a network disk may know no locks, or none of a folder: then nobody waits
        fcntl.flock(lock_fd, fcntl.LOCK_EX)
    machine = os.uname()
    trouble = trouble_of(machine.sysname, machine.machine, system.mac_ver()[0], translated=is_translated())
    if trouble is not None:
        refuse(trouble)
    if not is_ready(ROOT):
        make(ROOT, lock_fd)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("interrupted; .venv counts as unfinished and the next start makes it again")
        sys.exit(INTERRUPTED)
