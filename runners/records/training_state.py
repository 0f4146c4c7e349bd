"""What a training checkpoint's file must hold: the adapter, AdamW's moments, and every loss so far."""

from runners.contract.plan import MOMENTS_A, MOMENTS_B, STEP_LOSSES, TENSOR_A, TENSOR_B, Assignment
from runners.records.errors import TensorFileError
from runners.records.tensors import MAX_HEADER_BYTES, Expected, RawTensor, read_tensors, require

FORMAT = "swarm.training_state.v1"
ASSIGNMENT_KEY, STEP_KEY = "swarm_assignment", "swarm_step"


def expected_tensors(assignment: Assignment, step: int) -> Expected:
    """Names, dtypes and shapes after `step` steps."""
    rank, head = assignment.adapter.rank, assignment.head
    a, b = (rank, head.hidden_size), (head.vocab_size, rank)
    return {
        TENSOR_A: ("F32", a),
        TENSOR_B: ("F32", b),
        **dict.fromkeys(MOMENTS_A, ("F32", a)),
        **dict.fromkeys(MOMENTS_B, ("F32", b)),
        STEP_LOSSES: ("F64", (step,)),
    }


def most_bytes(assignment: Assignment) -> int:
    """No checkpoint of this work is larger."""
    rank, head = assignment.adapter.rank, assignment.head
    return 8 + MAX_HEADER_BYTES + 12 * rank * (head.hidden_size + head.vocab_size) + 8 * assignment.recipe.steps


def metadata_of(assignment_digest: str, step: int) -> dict[str, str]:
    """Names the assignment under which it was written, and the place in it."""
    return {"format": FORMAT, ASSIGNMENT_KEY: assignment_digest, STEP_KEY: str(step)}


def read_training_state(raw: bytes, assignment: Assignment, step: int, *, name: str) -> dict[str, RawTensor]:
    """The tensors of a file that says it stands after `step` steps. Raises TensorFileError.

    Which assignment wrote it isn't asked here: a continuation has another one than the revision before. The digest
    of the file is in a plan or in a journal, and that is what binds it.
    """
    tensors, metadata = read_tensors(raw, name=name)
    require(tensors, expected_tensors(assignment, step), name=name)
    said = {key: value for key, value in metadata.items() if key != ASSIGNMENT_KEY}
    if said != {"format": FORMAT, STEP_KEY: str(step)}:
        raise TensorFileError(f"{name}: expected a {FORMAT} after step {step}, got {said!r:.200}")
    return tensors
