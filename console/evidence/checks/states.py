"""Training checkpoints read from hostile bytes: exactly the tensors of a state after so many steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from console.evidence.checks.stored import UnreadableError
from console.evidence.checks.tensors import (
    TENSOR_A,
    TENSOR_B,
    Adapter,
    Entry,
    Floats,
    Header,
    read_adapter,
    read_header,
)

FORMAT = "swarm.training_state.v1"
MOMENTS = {
    "mean_a": "adamw.lora_A.mean",
    "square_a": "adamw.lora_A.square",
    "mean_b": "adamw.lora_B.mean",
    "square_b": "adamw.lora_B.square",
}
LOSSES = "step_losses"
Body = dict[str, Any]


@dataclass(frozen=True)
class State:
    """One end of a segment. Of an adapter alone `moments` and `step_losses` are empty: it keeps neither."""

    adapter: Adapter
    moments: dict[str, bytes]  # f32, by the keys of MOMENTS
    step_losses: tuple[float, ...]  # of the steps 1 on

    def moment(self, name: str) -> Floats:
        return np.frombuffer(self.moments[name], dtype="<f4").astype(np.float64)

    def same_bits(self, other: "State") -> bool:
        return self.adapter.same_bytes(other.adapter) and self.moments == other.moments


def misfit_of(header: Header, assignment: Body, step: int) -> tuple[str, str] | None:
    """What was expected and what is there, if the header isn't that of a state of this work after `step` steps."""
    rank, head = assignment["adapter"]["rank"], assignment["head"]
    a, b = (rank, head["hidden_size"]), (head["vocab_size"], rank)
    expected = {TENSOR_A: ("F32", a), TENSOR_B: ("F32", b), LOSSES: ("F64", (step,))}
    expected |= {name: ("F32", a if "lora_A" in name else b) for name in MOMENTS.values()}
    got = {name: (entry.dtype, entry.shape) for name, entry in header.entries.items()}
    if got != expected:
        wrong = sorted(name for name in expected.keys() | got.keys() if expected.get(name) != got.get(name))
        return f"{wrong[0]} as {expected.get(wrong[0], 'no such tensor')}", str(got.get(wrong[0], "no such tensor"))
    said = (header.metadata.get("format"), header.metadata.get("swarm_step"))
    return None if said == (FORMAT, str(step)) else (f"{FORMAT} after step {step}", f"{said[0]} after step {said[1]}")


def read_state(raw: bytes, assignment: Body, step: int) -> State:
    """All finite, no mean square below zero. Raises UnreadableError."""
    header = read_header(raw, len(raw))
    if wrong := misfit_of(header, assignment, step):
        raise UnreadableError(*wrong)
    entries = header.entries
    a, b = (_bytes(raw, entries[name]) for name in (TENSOR_A, TENSOR_B))
    adapter = Adapter(_f32(a, entries[TENSOR_A]), _f32(b, entries[TENSOR_B]), a, b, header.metadata)
    moments = {key: _bytes(raw, entries[name]) for key, name in MOMENTS.items()}
    losses = np.frombuffer(_bytes(raw, entries[LOSSES]), dtype="<f8")
    values = {key: np.frombuffer(data, dtype="<f4") for key, data in moments.items()}
    if not all(np.isfinite(each).all() for each in (adapter.a, adapter.b, losses, *values.values())):
        raise UnreadableError("finite numbers", "a NaN or an infinity")
    if any((values[key] < 0).any() for key in ("square_a", "square_b")):
        raise UnreadableError("mean squares of zero or more", "a negative one")
    return State(adapter, moments, tuple(float(loss) for loss in losses))


def of_adapter(raw: bytes) -> State:
    """The assigned start, or the end of the last segment. Raises UnreadableError."""
    return State(read_adapter(raw), {}, ())


def _bytes(raw: bytes, entry: Entry) -> bytes:
    return raw[entry.begin : entry.end]


def _f32(data: bytes, entry: Entry) -> Floats:
    return np.frombuffer(data, dtype="<f4").reshape(entry.shape).astype(np.float64)
