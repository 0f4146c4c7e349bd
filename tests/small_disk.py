"""A small file system of its own, which can be filled. Only root may make one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotMountError(Exception):
    """Not allowed here, or this system has no tmpfs."""


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[None]:
    """`options` of tmpfs: "size=16k". Raises CannotMountError."""
    place.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", options, "tmpfs", str(place))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True, capture_output=True)


def grow(place: Path, size: str) -> None:
    """Room is made, and what lies there stays."""
    _mount("-o", f"remount,size={size}", str(place))


def _mount(*arguments: str) -> None:
    try:
        subprocess.run(["mount", *arguments], capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or error
        raise CannotMountError(f"expected to mount a small file system, got: {str(said).strip()}") from error
