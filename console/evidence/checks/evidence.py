"""A bundle as read: every file once, every document that has its shape, every journal line that can be read.

What could not be read is kept as a mismatch for the rule that speaks of it; rules see only what has its shape, so
they can rely on fields and types.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.evidence.checks.document_shapes import DOCUMENT_SHAPES
from console.evidence.checks.folder import HEAD_BYTES, KEPT_BYTES, MAX_BYTES, FileRead, Folder
from console.evidence.checks.journals import Journal, Line, read_journal
from console.evidence.checks.layout import BUNDLE_FILE, MAX_SIGNATURE_BYTES, SIGNATURE_FILE, kind_of
from console.evidence.checks.shapes import misfit
from console.evidence.checks.stored import MAX_DOCUMENT_BYTES, UnreadableError, parse, parse_stored
from console.evidence.checks.tensors import Adapter, Entry, Header, read_adapter, read_header
from console.evidence.checks.verdict import Mismatch
from console.evidence.checks.word_shapes import BEGIN

Body = dict[str, Any]
# What stays in memory, in all: JSON takes ten times its bytes there, an adapter four times.
ROOM = {"document": 384 * 1024**2, "adapter": 1024**3}
LET_GO = ("shard", "state", "quarantined")  # their bytes are read anew where a rule needs them


class Evidence:
    """Everything that a rule may look at."""

    def __init__(self, root: Path, allowed_signers: Path | None = None) -> None:
        self.folder = Folder(root)
        self.allowed_signers = allowed_signers
        self.unreadable: list[Mismatch] = []  # documents, tensors and texts that don't have their form
        self.documents: dict[str, Body] = {}
        self.adapters: dict[str, Adapter] = {}
        self.shards: dict[str, dict[str, Entry]] = {}
        self.states: dict[str, Header] = {}  # training checkpoints; their tensors are read when a rule needs them
        self.configs: dict[str, Body] = {}
        self.signatures: dict[str, str] = {}
        self.journals: dict[str, Journal] = {}
        self._room = dict(ROOM)
        self._take(BUNDLE_FILE)
        self.bundle: Body = self.documents.get(BUNDLE_FILE, {})
        self.listing: dict[str, Body] = {item["path"]: item for item in self.bundle.get("files", [])}
        self.listed_bytes = sum(item["size_bytes"] for item in self.listing.values())
        for path in sorted(self.folder.files):
            if self.is_as_large_as_listed(path):
                self._take(path)
        self._said: dict[tuple[str, str | None], list[Line]] = {}
        self._first: dict[tuple[str, str | None, tuple[str, ...], str | None], int | None] = {}
        self._lines: dict[str, list[Line]] = {}
        self.coordinator = self._coordinator_lines()

    def is_as_large_as_listed(self, path: str) -> bool:
        """Nothing else is read: what nobody signed for, or has another size, is refused for that, and may be huge."""
        item = self.listing.get(path)
        return self.listed_bytes <= MAX_BYTES and item is not None and self.folder.files.get(path) == item["size_bytes"]

    # What lies in the bundle, by the names of docs/layout.md. None where it doesn't exist.

    @property
    def contract(self) -> Body | None:
        return self.documents.get("contract/run_contract.json")

    @property
    def plan(self) -> Body | None:
        return self.documents.get("contract/window_plan.json")

    @property
    def membership(self) -> Body | None:
        return self.documents.get("contract/membership_receipt.json")

    @property
    def merge_report(self) -> Body | None:
        return self.documents.get("retained_artifacts/merged_artifact_report.json")

    @property
    def contributors(self) -> tuple[str, ...]:
        """Nodes of the contract with the role: all of them are required."""
        nodes = self.contract["nodes"] if self.contract else []
        return tuple(node["node_id"] for node in nodes if "contributor" in node["roles"])

    def node_contract(self, node: str) -> Body | None:
        nodes = self.contract["nodes"] if self.contract else []
        return next((item for item in nodes if item["node_id"] == node), None)

    def assignment(self, node: str) -> Body | None:
        assignments = self.plan["assignments"] if self.plan else []
        return next((item for item in assignments if item["node_id"] == node), None)

    def bringup(self, node: str) -> Body | None:
        return self.documents.get(f"reports/{node}_bringup.json")

    def admission(self, node: str) -> Body | None:
        return self.documents.get(f"receipts/admission_{node}.json")

    def replay(self, node: str) -> Body | None:
        return self.documents.get(f"receipts/replay_{node}.json")

    def receipt(self, node: str) -> Body | None:
        return self.documents.get(f"retained_artifacts/{node}/contributor_receipt.json")

    def adapter(self, folder: str) -> Adapter | None:
        return self.adapters.get(f"retained_artifacts/{folder}/adapter_model.safetensors")

    def file_of(self, path: str) -> FileRead | None:
        own = {BUNDLE_FILE: MAX_DOCUMENT_BYTES, SIGNATURE_FILE: MAX_SIGNATURE_BYTES}.get(path)
        known = self.folder.files.get(path, 0) <= own if own else self.is_as_large_as_listed(path)
        got = self.folder.read(path) if known and path in self.folder.files else None
        return got if isinstance(got, FileRead) else None

    def content(self, path: str) -> bytes:
        """All bytes of a file. Raises UnreadableError."""
        return self.folder.again(path)

    # What the journals say.

    def said(self, kind: str, node: str | None = None) -> list[Line]:
        """The coordinator's records of a kind, about a node if one is given, in order."""
        if (kind, node) not in self._said:
            lines = self.said(kind) if node is not None else self.coordinator
            about = [line for line in lines if line.kind == kind and node in (None, line.body.get("node_id"))]
            self._said[(kind, node)] = about
        return self._said[(kind, node)]

    def first_said(self, kind: str, field: str | None, values: tuple[str, ...], node: str | None) -> int | None:
        """Position of the first such record. Kept: a hostile journal asks a hundred thousand times."""
        key = (kind, field, values, node)
        if key not in self._first:
            lines = (line for line in self.said(kind, node) if field is None or line.body[field] in values)
            self._first[key] = next((self.position(line) for line in lines), None)
        return self._first[key]

    def position(self, line: Line) -> int:
        return self._positions[(line.file, line.end)]

    def journals_of(self, node: str | None, role: str) -> list[Journal]:
        found = [j for j in self.journals.values() if j.role == role and node in (None, j.node_id)]
        return sorted(found, key=lambda j: (j.node_id, j.revision, j.epoch))

    def lines_of(self, node: str) -> list[Line]:
        """A contributor's own records, epoch after epoch."""
        if node not in self._lines:
            self._lines[node] = [line for journal in self.journals_of(node, "contributor") for line in journal.lines]
        return self._lines[node]

    def story_of(self, node: str) -> list[Journal]:
        """A contributor's journals as far as anything rests on them: up to the contribution that was received. What it
        told besides, or when it was refused, is kept as it came; its lies there are nobody else's."""
        if not self.received(node):
            return []
        cut = {line.body["head"]["file"]: line.body["head"]["offset"] for line in self.said("contribution_seen", node)}
        return [
            replace(journal, lines=tuple(line for line in journal.lines if line.end <= cut.get(journal.file, line.end)))
            for journal in self.journals_of(node, "contributor")
        ]

    def story_lines(self, node: str) -> list[Line]:
        return [line for journal in self.story_of(node) for line in journal.lines]

    def received(self, node: str) -> bool:
        return any(line.body["outcome"] == "received" for line in self.said("submission_judged", node))

    def heads(self) -> Iterator[tuple[str, Body]]:
        """Every citation of a journal's head: place and head."""
        for line in self.coordinator:
            if head := line.body.get("head"):
                yield line.where, head
            for head in line.body.get("heads", []):
                yield line.where, head
        for head in self.documents.get("coordinator_runtime_report.json", {}).get("journal_heads", []):
            yield "coordinator_runtime_report.json", head
        for account in self.documents.get("contributor_runtime_report.json", {}).get("contributors", []):
            for head in account["journal_heads"]:
                yield "contributor_runtime_report.json", head

    def _coordinator_lines(self) -> list[Line]:
        lines = [line for journal in self.journals_of(None, "coordinator") for line in journal.lines]
        self._positions = {(line.file, line.end): index for index, line in enumerate(lines)}
        return lines

    def _take(self, path: str) -> None:
        known = ("swarm.real_run_bundle.v1", None) if path == BUNDLE_FILE else kind_of(path)
        if known is None or path in self.documents or path == SIGNATURE_FILE:
            return
        kind = known[0] if known[0] in (*LET_GO, "adapter") else "document"
        size = self.folder.files.get(path, 0)
        if kind == "document" and known[0] != "journal" and size > MAX_DOCUMENT_BYTES:
            self.unreadable.append(Mismatch(path, f"at most {MAX_DOCUMENT_BYTES} bytes of JSON or text", str(size)))
            return
        if kind not in LET_GO:
            self._room[kind] -= size
            if self._room[kind] < 0:
                self.unreadable.append(Mismatch(path, f"{ROOM[kind]} bytes of such files at most", f"{size} more"))
                return
        keep = HEAD_BYTES if kind in LET_GO else KEPT_BYTES
        got = self.folder.read(path, keep=keep) if path in self.folder.files else None
        if not isinstance(got, FileRead):
            return
        try:
            self._take_as(path, known[0], got)
        except UnreadableError as error:
            self.unreadable.append(Mismatch(path, error.expected, error.got))
        except Exception as error:
            # Whatever else hostile bytes provoke is a finding too: a checker that stops has verified nothing.
            self.unreadable.append(Mismatch(path, f"a readable {known[0]}", type(error).__name__))
        if kind in LET_GO:
            self.folder.let_go(path)

    def _take_as(self, path: str, kind: str, got: FileRead) -> None:
        if not got.whole and kind not in ("shard", "state"):
            raise UnreadableError("a file that fits in memory", f"{got.size} bytes")
        if kind == "journal":
            journal = read_journal(path.removeprefix("journals/"), got.head)
            if journal is None:
                raise UnreadableError("the name of a journal without leading zeros", path)
            self.journals[journal.file] = journal
        elif kind == "adapter":
            self.adapters[path] = read_adapter(got.head)
        elif kind == "shard":
            self.shards[path] = read_header(got.head, got.size).entries
        elif kind == "state":
            self.states[path] = read_header(got.head, got.size)
        elif kind == "signature":
            self.signatures[path] = _signature(got.head)
        elif kind == "json":
            self.configs[path] = _object(parse(got.head))
        elif kind == "text":
            _text(got.head)
        elif kind != "quarantined":
            self._take_document(path, kind, parse_stored(got.head))

    def _take_document(self, path: str, kind: str, body: Body) -> None:
        shape = BEGIN if kind == "begin" else DOCUMENT_SHAPES[kind]
        if wrong := misfit(shape, body, path):
            self.unreadable.append(wrong)
        else:
            self.documents[path] = body


def _signature(raw: bytes) -> str:
    text = raw.decode("ascii", "replace")
    if len(text) != 129 or text[-1] != "\n" or set(text[:-1]) - set("0123456789abcdef"):
        raise UnreadableError("128 hex digits and one LF", repr(text[:40]))
    return text[:-1]


def _object(value: object) -> Body:
    if not isinstance(value, dict):
        raise UnreadableError("a JSON object", type(value).__name__)
    return value


def _text(raw: bytes) -> None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError("UTF-8 text", f"another byte at offset {error.start}") from error
    if wrong := [char for char in text if ord(char) < 32 and char not in "\n\t"]:
        raise UnreadableError("text without control characters", repr(wrong[0]))
