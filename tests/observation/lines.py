"""Verified lines of a journal that nobody wrote: one body each."""

from typing import Any

from console.observation.line import Line, Proof, Ref, Stamp
from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.document import Word
from tests.observation.recorded_journals import LINUX, MAC, sha


def line(body: Word | None, kind: str, *, role: str = "coordinator", seq: int = 0, **place: Any) -> Line:
    node_id = MAC if role == "coordinator" else LINUX
    known = {"revision": 1, "epoch": 1, "at": Stamp(1000 + seq, 50 + seq), **place}
    return Line(
        ref=Ref(f"{node_id}.{role}.r1.e1.jsonl", seq, seq * 10, 9),
        sha256=sha("line"),
        run_id="run",
        node_id=node_id,
        role=role,
        kind=kind,
        body=body,
        flaw="" if body else "step: Field required",
        proof=Proof.SIGNED,
        arrival_ms=7,
        order_ms=1000 + seq,
        **known,
    )


def kind_of(body: Word) -> str:
    tables = {**coord.COORDINATOR_BODIES, **node.NODE_BODIES}
    return next(kind for kind, model in tables.items() if type(body) is model)
