"""A real assignment over the shipped base: slices and start are files that the `cut` job wrote."""

from dataclasses import dataclass
from pathlib import Path

from runners.contract.batches import batch_order
from runners.contract.jobs import CutJob, CutPart, CutResult, ReplayJob
from runners.contract.plan import (
    OUTBOX_FILES,
    TENSOR_A,
    TENSOR_B,
    Assignment,
    CheckpointRef,
    Slice,
    TensorShape,
    UploadIdentity,
    UploadManifest,
)
from runners.training.head import head_identity, load_head
from runners.training.jobs import cut
from runners.training.shards import write_shard
from tests.execution_settings import EXECUTION
from tests.training.problems import ALPHA, RANK, adapter_contract, recipe, shard

BASE = Path(__file__).parents[2] / "fixtures" / "swarm" / "base"
SEED, SAMPLES = 11, 24
PARTS = {"slice_even.safetensors": tuple(range(0, SAMPLES, 2)), "slice_odd.safetensors": tuple(range(1, SAMPLES, 2))}
INITIAL = "initial_adapter.safetensors"


@dataclass(frozen=True)
class Ground:
    """A folder with two slices and the start, and the answer of the job that cut them."""

    folder: Path
    cut: CutResult

    @property
    def initial_path(self) -> Path:
        return self.folder / INITIAL

    def slice_path(self, number: int) -> Path:
        return self.folder / self.cut.slices[number].file.name


def lay_ground(folder: Path) -> Ground:
    hidden_size = load_head(BASE).hidden_size
    write_shard(folder / "train.safetensors", shard(hidden_size=hidden_size, samples=SAMPLES, mean_tokens=10))
    job = CutJob(
        shards=(str(folder / "train.safetensors"),),
        model_dir=str(BASE),
        parts=tuple(CutPart(name=name, sample_indices=indices) for name, indices in PARTS.items()),
        initial_name=INITIAL,
        seed=SEED,
        rank=RANK,
        out_dir=str(folder),
    )
    return Ground(folder, cut(job))


def assignment_over(
    ground: Ground,
    number: int,
    *,
    steps: int = 6,
    checkpoint_steps: int = 20,
    continues_from: tuple[CheckpointRef, ...] = (),
) -> Assignment:
    """What contributor `number` must train on its own slice."""
    head = head_identity(load_head(BASE), BASE)
    piece, how = ground.cut.slices[number], recipe(steps, seed=SEED, checkpoint_steps=checkpoint_steps)
    identity = UploadIdentity(
        run_id="run-1",
        window_id="window-1",
        node_id=f"swarm-node-{number}",
        revision=1,
        head_sha256=head.sha256,
        slice_sha256=piece.file.sha256,
        initial_adapter_sha256=ground.cut.initial_adapter.sha256,
        rank=RANK,
        alpha=ALPHA,
    )
    return Assignment.seal(
        assignment_id=f"assignment-{number}",
        run_id=identity.run_id,
        window_id=identity.window_id,
        revision=identity.revision,
        node_id=identity.node_id,
        contract_digest="c" * 64,
        head=head,
        slice=Slice(
            slice_id=f"slice-{number}",
            split="train",
            sample_ids=tuple(f"sample-{index}" for index in tuple(PARTS.values())[number]),
            tokens=piece.tokens,
            shard=piece.file,
        ),
        initial_adapter=ground.cut.initial_adapter,
        adapter=adapter_contract(),
        recipe=how,
        batches=batch_order(how.seed, piece.samples, how.batch_samples, steps),
        execution=EXECUTION,
        continues_from=continues_from,
        expected_upload=UploadManifest.seal(
            files=OUTBOX_FILES,
            tensors=(
                TensorShape(name=TENSOR_A, dtype="F32", shape=(RANK, head.hidden_size)),
                TensorShape(name=TENSOR_B, dtype="F32", shape=(head.vocab_size, RANK)),
            ),
            identity=identity,
        ),
    )


def replay_job(folder: Path) -> ReplayJob:
    ground = lay_ground(folder)
    return ReplayJob(
        assignment=assignment_over(ground, 0), model_dir=str(BASE), slice_path=str(ground.slice_path(0)),
        initial_adapter_path=str(ground.initial_path), backend="reference", out_dir=str(folder / "again"),
    )  # fmt: skip
