"""Puts what was sent where it belongs, below one directory, whole or not at all. Runs on Python 3.11 and later.

In: one line of JSON, then the archives that it announces, one after the other. Out: one line of JSON for each step.
"""

import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

VENV_STAMP = "swarm-venv.json"  # written last: a venv without it is half made
PIP_LINES = 30


Tell = Callable[..., None]


def main() -> int:
    order = json.loads(sys.stdin.buffer.readline().decode())
    mark, directory = order["mark"], Path(order["directory"])

    def tell(step: str, **said: object) -> None:
        sys.stdout.write(mark + json.dumps({"step": step, **said}) + "\n")
        sys.stdout.flush()

    os.umask(0o077)
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "installing.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for tree in order["trees"]:
            tell("tree", kind=tree["kind"], outcome=take_tree(directory, tree))
        if order["requirements"]:
            tell("venv", outcome=make_venv(directory, order, lock.fileno(), tell))
    tell("done")
    return 0


def take_tree(directory: Path, tree: dict[str, Any]) -> str:
    """ "reused", "made", or "spoiled" for one that was not sent because it was there, and isn't what its name says."""
    target = directory / tree["kind"] / tree["name"]
    data = sys.stdin.buffer.read(tree["size_bytes"]) if tree["sent"] else None
    if matches(target, tree["files"]):
        return "reused"
    if data is None:
        return "spoiled"
    if hashlib.sha256(data).hexdigest() != tree["sha256"] or len(data) != tree["size_bytes"]:
        raise SystemExit(f"{tree['kind']}: expected {tree['size_bytes']} bytes with sha256 {tree['sha256']}")
    target.parent.mkdir(exist_ok=True)
    draft = target.parent / f".incoming-{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    unpack(data, draft, tree["files"])
    if not matches(draft, tree["files"]):
        raise SystemExit(f"{tree['kind']}: expected the announced files, got others")
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    return "made"


def unpack(data: bytes, draft: Path, files: dict[str, str]) -> None:
    """Only announced names, so nothing leaves the draft."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for name in files:
            source = archive.extractfile(name)
            assert source is not None
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as sink:
                shutil.copyfileobj(source, sink)
                sink.flush()
                os.fsync(sink.fileno())


def matches(folder: Path, files: dict[str, str]) -> bool:
    """Exactly these files; Python's caches aside."""
    if not folder.is_dir():
        return False
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or path.is_symlink()}
    if {name for name in found if "__pycache__" not in name} != set(files):
        return False
    for name, digest in files.items():
        path = folder / name
        if path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            return False
    return True


def make_venv(directory: Path, order: dict[str, Any], lock_fd: int, tell: Tell) -> str:
    target = directory / "venvs" / order["venv"]
    python = target / "bin" / "python"
    if read_stamp(target) == order["requirements"] and runs(python):
        return "reused"
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(exist_ok=True)
    tell("working", text="making a virtual environment")
    run([sys.executable, "-I", "-m", "venv", str(target)], lock_fd, tell)
    pip = [str(python), "-I", "-m", "pip", "--no-input", "--disable-pip-version-check", "install"]
    extra = ["--extra-index-url", order["index"]] if order.get("index") else []
    run([*pip, "--only-binary", ":all:", "--progress-bar", "off", *extra, *order["requirements"]], lock_fd, tell)
    stamp = target / (VENV_STAMP + ".partial")
    stamp.write_text(json.dumps(order["requirements"]))
    stamp.replace(target / VENV_STAMP)
    return "made"


def read_stamp(target: Path) -> object:
    try:
        stamp: object = json.loads((target / VENV_STAMP).read_text())
    except (OSError, ValueError):
        return None
    return stamp


def runs(python: Path) -> bool:
    try:
        return subprocess.run([str(python), "-IS", "-c", ""], stdin=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def run(argv: list[str], lock_fd: int, tell: Tell) -> None:
    """Its output line by line. The child holds the lock too: one that outlives us keeps the next contact waiting."""
    child = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(lock_fd,)
    )
    assert child.stdout is not None
    last: list[str] = []
    for raw in child.stdout:
        line = raw.decode(errors="replace").rstrip()[:500]
        last = [*last, line][-PIP_LINES:]
        tell("working", text=line)
    if child.wait() != 0:
        said = " | ".join(last[-4:])
        raise SystemExit(f"expected exit 0, got {child.returncode} from {' '.join(argv[:6])} ...: {said}")


if __name__ == "__main__":
    sys.exit(main())
