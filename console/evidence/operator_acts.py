"""What the operator did, as signed records: one folder an act, written before it happens and again when it is over."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from runners.contract.canonical import canonical_bytes
from runners.contract.document import Document
from runners.contract.errors import ContractError
from runners.contract.names import FileName, Label, PublicKey, RunId, Sha256, Text
from runners.records.durable import create_once, read_regular
from runners.records.errors import RecordsError
from runners.records.keys import SigningKey, verify

FOLDER = ".operator"  # among the runs; no run's own folder begins with a dot
ASKED, OUTCOME = "asked.json", "outcome.json"
RESULT, NARRATION = "stdout.txt", "stderr.txt"
ACT_PREFIX = b"swarm.operator_act.v1\0"
OUTCOME_PREFIX = b"swarm.operator_act_outcome.v1\0"
MAX_BYTES = 64 * 1024

ActKind = Literal[
    "bring_up", "go_live", "continue", "stop", "replay", "drill", "check", "publish", "audit", "acknowledge", "lane"
]
Ending = Literal["done", "failed", "cancelled"]


class OperatorAct(Document):
    """Signed before the act begins. `argv` is empty for one that needs no process of its own."""

    schema_version: Literal["swarm.operator_act.v1"] = "swarm.operator_act.v1"
    act_id: FileName
    act: ActKind
    lane_id: Label
    run_id: RunId | None
    subject: Text  # what it is about: a drill's case, a receipt's sha256, a bundle
    argv: tuple[Text, ...]
    asked_wall_ms: int
    operator_public_key: PublicKey
    signature: str  # Ed25519, hex, over ACT_PREFIX + canonical body without signature and digest


class OperatorActOutcome(Document):
    """Signed when it is over; an act without one was still going on, or its console was killed."""

    schema_version: Literal["swarm.operator_act_outcome.v1"] = "swarm.operator_act_outcome.v1"
    act_id: FileName
    act_digest: Sha256
    ending: Ending
    code: int | None  # of the process, where there was one
    detail: Text
    ended_wall_ms: int
    operator_public_key: PublicKey
    signature: str  # as above, over OUTCOME_PREFIX


@dataclass(frozen=True, slots=True)
class KeptAct:
    """An act as it was read back. `problem` says what doesn't hold about it."""

    folder: Path
    act: OperatorAct
    outcome: OperatorActOutcome | None
    problem: str = ""


def ask(acts_dir: Path, key: SigningKey, **fields: Any) -> tuple[OperatorAct, Path]:
    """Sign and keep the act that is about to begin; durable before this returns. Raises OSError, RecordsError."""
    draft = OperatorAct(operator_public_key=key.public_hex, signature="", **fields)
    act = _signed(OperatorAct, draft, key, ACT_PREFIX)
    folder = acts_dir / act.act_id
    folder.mkdir(parents=True)
    create_once(folder / ASKED, act.to_bytes())
    return act, folder


def conclude(folder: Path, key: SigningKey, act: OperatorAct, **fields: Any) -> OperatorActOutcome:
    """Sign and keep what came of it. Raises OSError, RecordsError."""
    draft = OperatorActOutcome(
        act_id=act.act_id, act_digest=act.digest, operator_public_key=key.public_hex, signature="", **fields
    )
    outcome = _signed(OperatorActOutcome, draft, key, OUTCOME_PREFIX)
    create_once(folder / OUTCOME, outcome.to_bytes())
    return outcome


def kept_acts(acts_dir: Path, newest: int = 200, *, known: Container[str] = ()) -> Iterator[KeptAct]:
    """Newest first, without those whose names are `known`. A folder that holds no readable act is left out; a signature
    that doesn't hold is said."""
    folders = sorted((path for path in acts_dir.glob("*") if path.is_dir()), reverse=True)
    for folder in (one for one in folders[:newest] if one.name not in known):
        try:
            yield _read(folder)
        except (ContractError, RecordsError, OSError):
            continue


def _read(folder: Path) -> KeptAct:
    act = OperatorAct.read(read_regular(folder / ASKED, limit=MAX_BYTES))
    outcome = None
    if (folder / OUTCOME).exists():
        outcome = OperatorActOutcome.read(read_regular(folder / OUTCOME, limit=MAX_BYTES))
    return KeptAct(folder, act, outcome, _problem(act, outcome, folder.name))


def _problem(act: OperatorAct, outcome: OperatorActOutcome | None, name: str) -> str:
    try:
        verify(act.operator_public_key, act.signature, _signed_part(act, ACT_PREFIX))
        if act.act_id != name:
            return f"expected act {name}, got {act.act_id}"
        if outcome is not None:
            verify(act.operator_public_key, outcome.signature, _signed_part(outcome, OUTCOME_PREFIX))
            if outcome.act_digest != act.digest:
                return f"expected the outcome of {act.digest[:16]}, got that of {outcome.act_digest[:16]}"
    except ContractError as error:
        return str(error)
    return ""


def _signed_part(document: Document, prefix: bytes) -> bytes:
    body = {name: value for name, value in document.to_json().items() if name not in ("signature", "digest")}
    return prefix + canonical_bytes(body)


D = TypeVar("D", bound=Document)


def _signed(kind: type[D], draft: D, key: SigningKey, prefix: bytes) -> D:
    fields = {name: getattr(draft, name) for name in kind.model_fields if name != "digest"}
    return kind.seal(**{**fields, "signature": key.sign(_signed_part(draft, prefix))})
