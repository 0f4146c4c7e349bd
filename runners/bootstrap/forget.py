"""Shows, then removes, what first contacts put below one directory; nothing else there. Runs on Python 3.11 and later.

In: one line of JSON. Out: one line of JSON for each thing found or removed, then "done". Only folders whose names are
digests, of the kinds that install.py makes, and what it left half made: no link is followed, no other name is touched.
So keys (the host's own, made at bring-up) and admission_token (put there by its owner) stay.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

KINDS = ("runners", "models", "venvs")
NAMED = re.compile(r"[0-9a-f]{32,64}|\.(incoming|forgetting)-[0-9a-f]{1,64}")
LOCK = "installing.lock"
PS = ("/bin/ps", "-axwwE", "-o", "pid=,command=")  # of macOS: all, unclipped, ours with their environment


def main() -> int:
    order = json.loads(sys.stdin.buffer.readline().decode())
    mark, directory = order["mark"], Path(order["directory"])

    def tell(step: str, **said: object) -> None:
        sys.stdout.write(mark + json.dumps(dict(said, step=step)) + "\n")
        sys.stdout.flush()

    trouble = trouble_of(directory)
    if trouble is not None:
        raise SystemExit(trouble)
    if not directory.is_dir():
        tell("done", stays=[])
        return 0
    with (directory / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SystemExit(f"expected nobody at work below {directory}, got a first contact under way") from error
        users = processes_below(directory)
        if users:
            raise SystemExit(f"expected no process of ours, got {', '.join(users)}: stop the run first")
        if order["remove"] is None:
            for kind, name in found_below(directory):
                files, size = weigh(directory / kind / name)
                tell("found", kind=kind, name=name, files=files, size_bytes=size)
        else:
            for kind, name in found_below(directory):
                if [kind, name] in order["remove"]:
                    remove(directory / kind, name)
                    tell("removed", kind=kind, name=name)
            tidy(directory)
    tell("done", stays=stays_in(directory))
    return 0


def trouble_of(directory: Path) -> str | None:
    """Only a true folder below the home: what a link points at is somebody else's."""
    home = Path("~").expanduser().resolve()
    if directory.resolve() != directory or home not in directory.parents:
        return f"expected a folder below {home} that no link leads to, got {directory}"
    return None


def found_below(directory: Path) -> list[tuple[str, str]]:
    found = []
    for kind in KINDS:
        folder = directory / kind
        if folder.is_symlink() or not folder.is_dir():
            continue
        for name in sorted(path.name for path in folder.iterdir())[:1000]:
            place = folder / name
            if NAMED.fullmatch(name) and place.is_dir() and not place.is_symlink():
                found.append((kind, name))
    return found


def weigh(folder: Path) -> tuple[int, int]:
    """Files and bytes; links count as themselves."""
    files = size = 0
    for at, _, names in os.walk(folder):
        for name in names:
            files += 1
            size += (Path(at) / name).lstat().st_size
    return files, size


def remove(folder: Path, name: str) -> None:
    """Renamed first: what is left of a removal that was cut short has no name that anything is found by."""
    draft = folder / f".forgetting-{name.rpartition('-')[2]}"
    if name != draft.name:
        shutil.rmtree(draft, ignore_errors=True)
        (folder / name).rename(draft)
    shutil.rmtree(draft)


def tidy(directory: Path) -> None:
    """Folders that are empty now. The lock goes last, and only with the directory itself."""
    for kind in KINDS:
        remove_empty(directory / kind)
    if [path.name for path in directory.iterdir()] == [LOCK]:
        (directory / LOCK).unlink()
        remove_empty(directory)


def remove_empty(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        try:
            folder.rmdir()
        except OSError:
            return


def stays_in(directory: Path) -> list[str]:
    if not directory.is_dir():
        return []
    return sorted(path.name for path in directory.iterdir() if path.name != LOCK)[:100]


def processes_below(directory: Path) -> list[str]:
    """Whose command line, program or (on a Mac) environment names a file below the directory."""
    if os.uname().sysname == "Darwin":
        listed = subprocess.run(PS, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=20).stdout
        return named_in(listed.decode(errors="replace"), directory)
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) in (os.getpid(), os.getppid()):
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            runs = str((entry / "exe").readlink())
        except OSError:
            continue
        if any(f"{directory}/" in word for word in [*words, runs]):
            found.append(f"process {entry.name}")
    return found[:5]


def named_in(listed: str, directory: Path) -> list[str]:
    """Lines of `PS`. A Python that is a framework (python.org's, Homebrew's) starts the app inside it, under the app's
    name: that it runs a venv of ours stands in its environment alone."""
    others = []
    for line in listed.splitlines():
        pid, _, words = line.strip().partition(" ")
        if int(pid) not in (os.getpid(), os.getppid()) and not words.startswith(PS[0]) and f"{directory}/" in words:
            others.append(f"process {pid}")
    return others[:5]


if __name__ == "__main__":
    sys.exit(main())
