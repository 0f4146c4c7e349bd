"""What a bare host is: looked at, nothing written. One line of JSON in, one out. Runs on Python 3.6 and later."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

# Annotations with brackets stay quoted: an old Python must be able to say how old it is.


def main() -> None:
    order = json.loads(sys.stdin.buffer.readline().decode())
    home = Path("~").expanduser().resolve()
    directory = (home / Path(order["directory"]).expanduser()).resolve()
    status = os.statvfs(str(nearest(directory)))
    seen = {
        "python": list(sys.version_info[:3]),
        "executable": sys.executable,
        "venv": importable("venv") and importable("ensurepip"),
        "system": os.uname().sysname,
        "machine": os.uname().machine,
        "home": str(home),
        "directory": str(directory),
        "directory_trouble": trouble_of(directory, home),
        "disk_free_bytes": status.f_bavail * status.f_frsize,
        # A file system that makes inodes as it needs them reports none at all.
        "inodes_free": status.f_favail if status.f_files else None,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": gpus(),
        "ports": {str(port): port_trouble(port) for port in order["ports"]},
        "versions": {name: version_of(name) for name in order["packages"]},
        "systemd_user": systemd_user(),
        "model_trouble": model_trouble(order["model"]),
        "held": {kind: names_in(directory / kind) for kind in ("runners", "models", "venvs")},
        "wall_ms": int(time.time() * 1000),
    }
    sys.stdout.write(order["mark"] + json.dumps(seen) + "\n")
    sys.stdout.flush()


def importable(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def version_of(name: str) -> "str | None":
    try:
        from importlib.metadata import version

        return version(name)
    except Exception:  # what is broken counts as absent
        return None


def trouble_of(directory: Path, home: Path) -> "str | None":
    """Why nothing of ours may be put there, or nothing."""
    if home not in directory.parents:
        return "it lies outside the home directory {}".format(home)
    for place in (directory, *directory.parents):
        if place == home:
            break
        if (place / ".git").exists():
            return "it lies in the checkout {}".format(place)
        if place.exists() and not place.is_dir():
            return "{} is no directory".format(place)
    existing = nearest(directory)
    if not os.access(str(existing), os.W_OK | os.X_OK):
        return "{} can't be written to".format(existing)
    return None


def nearest(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.is_dir())


def model_trouble(text: "str | None") -> "str | None":
    """Why that can't be a checkpoint; whether it is the lane's is judged by its digest at bring-up."""
    if text is None:
        return None
    folder = Path(text)
    if not folder.is_dir():
        return "{} is no directory".format(folder)
    if not any(folder.glob("*.safetensors")) or not (folder / "config.json").is_file():
        return "{} holds no config.json with safetensors beside it".format(folder)
    return None


def port_trouble(port: int) -> "str | None":
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def gpus() -> "dict[str, object] | None":
    """Lines of nvidia-smi: name, driver, memory; None without it, and its own words when it fails."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    asked = output_of([tool, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"])
    if asked is None:
        return {"trouble": "nvidia-smi failed: run it on the host and read what it says"}
    return {"lines": [line.strip() for line in asked.splitlines() if line.strip()][:16]}


def systemd_user() -> bool:
    """May a process of ours be handed to the user's own systemd?"""
    tool = shutil.which("systemctl")
    if tool is None or shutil.which("systemd-run") is None or not os.environ.get("XDG_RUNTIME_DIR"):
        return False
    return (output_of([tool, "--user", "show-environment"]) or "") != ""


def output_of(argv: "list[str]") -> "str | None":
    """None where it fails, hangs, or can't be started."""
    try:
        asked = subprocess.run(
            argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.decode(errors="replace")[:4000] if asked.returncode == 0 else None


def names_in(folder: Path) -> "list[str]":
    """What earlier contacts left. Whether it is whole is checked when it is used."""
    try:
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))[:200]
    except OSError:
        return []


if __name__ == "__main__":
    main()
