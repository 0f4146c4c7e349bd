"""From a path to a scene: which folder is read, and what of it was asked for."""

from dataclasses import dataclass, field
from pathlib import Path

from console.evidence.checks.folder import Folder, Refused
from console.evidence.checks.psionic.kinds import kind_of
from console.evidence.checks.psionic.notation import MAX_BYTES, parse
from console.evidence.checks.psionic.scene import Document, Scene
from console.evidence.checks.stored import UnreadableError
from console.evidence.checks.verdict import Finding, shown

LANE_MARKS = ("first_swarm_run_contract_v1.json", "first_swarm_trusted_lan_topology_contract_v1.json")
CLIMB = 5  # a snapshot lies four folders under its lane
MAX_TENSOR_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 256 * 1024 * 1024
MAX_DOCUMENTS = 128


@dataclass
class Reading:
    """Everything that was read, and what in the part asked for could not be."""

    scene: Scene = field(default_factory=Scene)
    asked: tuple[str, ...] = ()  # relative paths of the documents that the verdict is about
    findings: list[Finding] = field(default_factory=list)


def read_tree(path: Path) -> Reading:
    """The lane around `path` is read for its links; the verdict is about `path` alone. Never raises."""
    reading = Reading()
    try:
        place = path.resolve()
        is_file, exists = place.is_file() and not path.is_symlink(), place.exists()
    except (OSError, ValueError, RuntimeError) as error:
        reading.findings.append(Finding("readable_file", shown(str(path)), "a path", shown(str(error))))
        return reading
    if not exists or not (is_file or place.is_dir()):
        got = "something else" if exists else "nothing there"
        reading.findings.append(Finding("readable_file", shown(str(path)), "a file or a folder", got))
        return reading
    root = _lane_of(place if place.is_dir() else place.parent)
    wanted = place.relative_to(root).as_posix() if place.is_relative_to(root) else "."
    folder = Folder(root)
    _read_all(folder, reading, "" if wanted == "." else wanted, is_file=is_file)
    return reading


def _lane_of(start: Path) -> Path:
    """The nearest folder, from here upwards or just below, that holds a lane's contracts; else the start itself."""
    for candidate in (start, *start.parents[:CLIMB], start / "fixtures" / "swarm", start / "swarm"):
        if any((candidate / mark).is_file() for mark in LANE_MARKS):
            return candidate
    return start


def _read_all(folder: Folder, reading: Reading, wanted: str, *, is_file: bool) -> None:
    def concerns(path: str) -> bool:
        return path == wanted if is_file else not wanted or path.startswith(f"{wanted}/") or path == wanted

    total, asked = 0, []
    for path, refused in sorted(folder.refused.items()):
        if concerns(path):
            reading.findings.append(Finding("readable_file", shown(path), refused.expected, refused.got))
    for path, size in sorted(folder.files.items()):
        total += size
        problem = _too_big(path, size, total) or _read_one(folder, reading.scene, path)
        if problem and concerns(path):
            reading.findings.append(Finding("readable_file", shown(path), problem.expected, problem.got))
        if path in reading.scene.documents and concerns(path):
            asked.append(path)
    reading.asked = tuple(asked)
    if not asked and not reading.findings:
        reading.findings.append(Finding("old_document", shown(wanted or "."), "a document of the old system", "none"))


def _too_big(path: str, size: int, total: int) -> Refused | None:
    limit = MAX_BYTES if path.endswith(".json") else MAX_TENSOR_BYTES
    if size > limit:
        return Refused(f"at most {limit} bytes", str(size))
    return Refused(f"at most {MAX_TOTAL_BYTES} bytes in all", "more") if total > MAX_TOTAL_BYTES else None


def _read_one(folder: Folder, scene: Scene, path: str) -> Refused | None:
    if path.endswith(".json") and len(scene.documents) >= MAX_DOCUMENTS:
        return Refused(f"at most {MAX_DOCUMENTS} documents", "more")
    read = folder.read(path)
    if isinstance(read, Refused):
        return read
    scene.hashes[path], scene.sizes[path] = read.sha256, read.size
    if path.endswith(".safetensors"):
        scene.tensors[path] = read.head
    if not path.endswith(".json"):
        return None
    try:
        body = parse(read.head)
    except UnreadableError as error:
        return Refused(error.expected, error.got)
    kind = kind_of(body)
    if kind is None:
        return Refused("a document of the old system", "a JSON file of another make")
    scene.documents[path] = Document(path, kind, body, read.sha256)
    return None
