"""The run's own plan: who trains what, from which start, and what must come back."""

from typing import Literal

from runners.contract.document import Document, Word
from runners.contract.execution import ExecutionSettings
from runners.contract.figures import Bytes, Count
from runners.contract.lane import AdapterContract, RecipeContract
from runners.contract.names import FileName, Label, NodeId, RunId, Sha256

TENSOR_A = "base_model.model.lm_head.lora_A.weight"  # [r, d]; PEFT's own names and orientation
TENSOR_B = "base_model.model.lm_head.lora_B.weight"  # [V, r]
ADAPTER_FILE = "adapter_model.safetensors"
ADAPTER_CONFIG_FILE = "adapter_config.json"
RECEIPT_FILE = "contributor_receipt.json"
OUTBOX_FILES = (ADAPTER_CONFIG_FILE, ADAPTER_FILE, RECEIPT_FILE)
# A training checkpoint holds the adapter's two tensors and these; all in f32, the losses in f64.
MOMENTS_A = ("adamw.lora_A.mean", "adamw.lora_A.square")  # [r, d]
MOMENTS_B = ("adamw.lora_B.mean", "adamw.lora_B.square")  # [V, r]
STEP_LOSSES = "step_losses"  # [step], of the steps 1 to `step`
TOKENIZER_FILES = (  # of a checkpoint; only the first is always there
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)


class FileRef(Word):
    """Exact bytes, by name, size and sha256."""

    name: FileName
    size_bytes: Bytes
    sha256: Sha256


class CheckpointRef(Word):
    """A training state that a contributor wrote after `step` steps of its slice, in one revision of the window."""

    revision: Count
    step: Count
    file: FileRef


def checkpoint_name(step: int) -> str:
    return f"step-{step:06d}.safetensors"


def checkpoints_after(recipe: RecipeContract, start: int = 0) -> tuple[int, ...]:
    """The steps after which a training that begins after step `start` writes a checkpoint. The end isn't one of
    them: what lies there is the adapter."""
    return tuple(step for step in range(recipe.checkpoint_steps, recipe.steps, recipe.checkpoint_steps) if step > start)


class HeadIdentity(Word):
    """The frozen LM head `W [V, d]`; sha256 is over the tensor's own bytes, not over a file."""

    model_digest: Sha256
    tokenizer_digest: Sha256  # over the names and digests of those TOKENIZER_FILES that the checkpoint has
    tensor: Label
    dtype: Literal["F32", "BF16"]
    vocab_size: Count
    hidden_size: Count
    sha256: Sha256
    tied: bool


class Slice(Word):
    """A contributor's own samples, as one shard file."""

    slice_id: Label
    split: Label
    sample_ids: tuple[Label, ...]
    tokens: Count  # response tokens, i.e. rows of hidden states
    shard: FileRef


class TensorShape(Word):
    name: Label
    dtype: Literal["F32"]
    shape: tuple[int, int]


class UploadIdentity(Word):
    """What an adapter says it is. Everything here is knowable before training."""

    run_id: RunId
    window_id: Label
    node_id: NodeId
    revision: Count
    head_sha256: Sha256
    slice_sha256: Sha256
    initial_adapter_sha256: Sha256
    rank: Count
    alpha: float


class UploadManifest(Document):
    """Names, shapes, dtypes and identity of an upload. The plan's and the observed one must have one digest."""

    schema_version: Literal["swarm.upload_manifest.v1"] = "swarm.upload_manifest.v1"
    files: tuple[FileName, ...]
    tensors: tuple[TensorShape, ...]
    identity: UploadIdentity


class Assignment(Document):
    """One contributor's work in one revision of the window."""

    schema_version: Literal["swarm.assignment.v1"] = "swarm.assignment.v1"
    assignment_id: Label
    run_id: RunId
    window_id: Label
    revision: Count
    node_id: NodeId
    contract_digest: Sha256
    head: HeadIdentity
    slice: Slice
    initial_adapter: FileRef
    adapter: AdapterContract
    recipe: RecipeContract
    batches: tuple[tuple[int, ...], ...]  # one row per step: indices into slice.sample_ids, in order
    execution: ExecutionSettings  # of the host's own bring-up; the bits hold under these
    continues_from: tuple[CheckpointRef, ...]  # kept of earlier revisions, by step; the last one is the start
    expected_upload: UploadManifest

    @property
    def start(self) -> CheckpointRef | None:
        """None: from the initial adapter."""
        return self.continues_from[-1] if self.continues_from else None


class WindowPlan(Document):
    """One revision of a window, with every contributor's assignment."""

    schema_version: Literal["swarm.window_plan.v1"] = "swarm.window_plan.v1"
    run_id: RunId
    window_id: Label
    revision: Count
    lane_id: Label
    contract_digest: Sha256
    head: HeadIdentity
    dataset_ref: str
    dataset_sha256: Sha256
    train_shard: FileRef
    held_out_shard: FileRef
    held_out_sample_ids: tuple[Label, ...]
    initial_adapter: FileRef
    assignments: tuple[Assignment, ...]

    def assignment(self, node_id: str) -> Assignment:
        for assignment in self.assignments:
            if assignment.node_id == node_id:
                return assignment
        raise KeyError(f"plan of {self.run_id} assigns nothing to {node_id}")
