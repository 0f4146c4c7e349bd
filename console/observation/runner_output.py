"""What a host's runner printed, oldest first: what it journaled, and its own log where that lies on this machine."""

import os
from pathlib import Path

from console.evidence.kept_file import open_kept
from console.observation.figures import size
from console.observation.listing import listed
from console.observation.state import Host
from runners.records.errors import RecordsError

TAIL_BYTES = 128 * 1024


def runner_output(run_dir: Path, host: Host) -> str:
    """Text of another host: hostile until it is drawn as plain. Empty when nothing was heard or kept."""
    said = [*host.work.said]
    if host.trouble is not None:
        said.append(f"{host.trouble.reason}: {host.trouble.detail}")
    return "\n".join([*(_tail(path) for path in runner_logs(run_dir, host.node_id)), *said]).strip("\n")


def runner_logs(run_dir: Path, node_id: str) -> tuple[Path, ...]:
    """Oldest first. A run root is a folder that holds this node's own journals; a remote one isn't on this disk."""
    journals = f"{node_id}.contributor.r*.jsonl"
    roots = {path.parent for depth in ("*", "*/runner") for path in listed(run_dir, f"{depth}/{journals}")}
    return tuple(sorted(log for root in roots for log in root.glob("log-r*.txt")))


def _tail(path: Path) -> str:
    try:
        fd = open_kept(path)
    except (RecordsError, OSError):
        return ""
    with os.fdopen(fd, "rb") as stream:
        before = max(0, os.fstat(stream.fileno()).st_size - TAIL_BYTES)
        stream.seek(before)
        text = stream.read(TAIL_BYTES).decode(errors="replace")
    if not before:
        return text
    begun, _, whole = text.partition("\n")  # a line that began before is no line
    return f"({size(before)} of {path.name} come before this)\n{whole or begun}"
