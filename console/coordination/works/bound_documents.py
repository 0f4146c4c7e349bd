"""The documents that a run is bound to, held against their digests for as long as its attempt goes on."""

from contextlib import suppress
from os import stat_result
from pathlib import Path

from console.coordination.desk import Desk
from console.coordination.errors import ContractDrift
from runners.contract import coordinator_records as rec
from runners.contract.canonical import MAX_DOCUMENT_BYTES, sha256_hex
from runners.contract.document import Document
from runners.contract.errors import ContractError
from runners.contract.lane import RunContract
from runners.contract.plan import WindowPlan
from runners.contract.receipts import MembershipReceipt
from runners.records.durable import read_regular, write_durable
from runners.records.errors import RecordsError

MODELS: dict[str, type[Document]] = {
    "run_contract": RunContract,
    "window_plan": WindowPlan,
    "membership_receipt": MembershipReceipt,
}


def bind(desk: Desk, *documents: Document) -> None:
    """Written down before the record that binds them; their bytes stay in memory, to be put back."""
    for document in documents:
        name = next(name for name, model in MODELS.items() if isinstance(document, model))
        write_durable(_path(desk, name), document.to_bytes())
        desk.bound[name] = document.to_bytes()


def watch(desk: Desk) -> None:
    """At every tick: a document whose file is another one than a moment ago is read again; drift ends the attempt."""
    for name in MODELS:
        if desk.state.plan is None or desk.state.ended:
            return
        if _mark(_path(desk, name)) != desk.marks.get(name, ()):
            try:
                held(desk, name)
            except ContractDrift as error:
                tell(desk, error)


def held(desk: Desk, name: str) -> bytes:
    """The document as it lies on disk now, if it is still the bound one. Raises ContractDrift."""
    path = _path(desk, name)
    mark = _mark(path)
    try:
        raw = read_regular(path, limit=MAX_DOCUMENT_BYTES)
        digest = MODELS[name].read(raw).digest
    except (OSError, RecordsError, ContractError) as error:
        raise _drifted(desk, name, f"{type(error).__name__}: {error}") from error
    if digest != _bound(desk, name):
        raise _drifted(desk, name, digest)
    desk.bound[name], desk.marks[name] = raw, mark
    return raw


def tell(desk: Desk, drift: ContractDrift) -> None:
    """What was found instead is sealed as evidence, the record ends the attempt, and the bound document is put back.

    In this order: a coordinator that dies in between leaves no document there, and whoever takes over finds that.
    """
    if drift.document in MODELS:
        path = _path(desk, drift.document)
        keep(desk, path.name, _whatever(path))
        with suppress(FileNotFoundError):  # by a rename: it may be a link or a folder
            path.rename(path.with_name(f".{path.name}.drifted.{desk.clock.mono_ms()}"))
    body = {"document": drift.document, "findings": drift.findings}
    desk.note(rec.DriftFound.model_validate(body))
    if drift.document in desk.bound:
        write_durable(_path(desk, drift.document), desk.bound[drift.document])


def keep(desk: Desk, name: str, raw: bytes | None) -> None:
    """Into the coordinator's own quarantine."""
    if raw is None:
        return
    node_id = next(node.node_id for node in desk.contract.nodes if "coordinator" in node.roles)
    folder = desk.paths.quarantine / node_id
    folder.mkdir(exist_ok=True)
    write_durable(folder / name, raw)
    quarantined = rec.Quarantined(
        node_id=node_id, name=name, reason="contract_drift", sha256=sha256_hex(raw), size_bytes=len(raw)
    )
    desk.note(quarantined)


def _path(desk: Desk, name: str) -> Path:
    return desk.paths.documents / f"{name}.json"


def _bound(desk: Desk, name: str) -> str:
    opened, plan = desk.state.opened, desk.state.plan
    assert opened is not None and plan is not None
    return {
        "run_contract": opened.contract_digest,
        "window_plan": plan.plan_digest,
        "membership_receipt": plan.membership_digest,
    }[name]


def _drifted(desk: Desk, name: str, got: str) -> ContractDrift:
    return ContractDrift(name, (rec.Finding(rule=f"{name}_as_bound", expected=_bound(desk, name), got=got[:1000]),))


def _mark(path: Path) -> tuple[int, ...]:
    """Changes with the file: which one it is, how long, and when it was last written or its inode touched."""
    try:
        seen: stat_result = path.lstat()
    except OSError:
        return (-1,)
    return (seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def _whatever(path: Path) -> bytes | None:
    """A link, a folder or nothing at all has no bytes worth keeping."""
    try:
        return read_regular(path, limit=MAX_DOCUMENT_BYTES)
    except (OSError, RecordsError):
        return None
