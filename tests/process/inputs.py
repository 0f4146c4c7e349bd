"""A small lane, a synthetic slice over the shipped base, and the archive that a coordinator would send."""

import hashlib
import io
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from runners.contract.batches import batch_order
from runners.contract.canonical import sha256_hex
from runners.contract.jobs import BackendName
from runners.contract.lane import (
    AdapterContract,
    DataContract,
    Governance,
    MachineThresholds,
    NodeContract,
    Policies,
    RecipeContract,
    RunContract,
)
from runners.contract.plan import (
    OUTBOX_FILES,
    TENSOR_A,
    TENSOR_B,
    Assignment,
    FileRef,
    HeadIdentity,
    Slice,
    TensorShape,
    UploadIdentity,
    UploadManifest,
)
from runners.contract.requests import ReceiveRequest
from runners.training.adapter_file import adapter_bytes, initial_adapter
from runners.training.backends import load
from runners.training.head import f32_to_bf16, head_identity, load_head
from runners.training.shards import Shard, shard_bytes
from runners.training.software import execution

BASE = Path(__file__).resolve().parents[2] / "fixtures" / "swarm" / "base"
RUN, NODE, WINDOW = "run-1", "swarm-linux-a", "window-1"
SAMPLES, SAMPLE_TOKENS, RANK, SEED = 8, 4, 4, 7
THRESHOLDS = MachineThresholds(
    os=("linux", "macos"),
    arch=("x86_64", "aarch64", "arm64"),
    minimum_memory_bytes=1 << 30,
    minimum_disk_free_bytes=1 << 20,
    minimum_device_memory_bytes=1 << 30,
    minimum_free_device_memory_bytes=1 << 20,
    minimum_tokens_per_second=0.0,
    maximum_product_error=1e-5,
)


def contract(
    *,
    steps: int = 5,
    heartbeat_ms: int = 1000,
    devices: tuple[str, ...] = ("cpu", "cuda"),
    thresholds: MachineThresholds = THRESHOLDS,
) -> RunContract:
    return RunContract.seal(
        lane_id="process_tests",
        run_family_id="process_tests",
        namespace="process.tests",
        admission_posture="trusted_lan.shared_secret",
        admission_token_env="PSIONIC_SWARM_ADMISSION_TOKEN",
        nodes=(
            NodeContract(
                node_id=NODE,
                host_alias="linux",
                roles=("contributor",),
                backend="torch",
                required_devices=devices,
                transport="ssh",
                cluster_port=34101,
                run_root="linux",
                thresholds=thresholds,
            ),
        ),
        policies=Policies(
            heartbeat_ms=heartbeat_ms,
            stale_ms=5000,
            loss_ms=7500,
            contact_ms=10000,
            skew_ms=15000,
            skew_wait_ms=15000,
            prepare_ms=60000,
            fetch_ms=60000,
            replay_ms=60000,
            max_revisions=2,
        ),
        adapter=AdapterContract(
            family="gpt_oss.decoder_lm_head_lora",
            format="safetensors",
            precision="f32_reference",
            rank=RANK,
            alpha=8.0,
        ),
        recipe=RecipeContract(
            steps=steps,
            batch_samples=2,
            learning_rate=1e-3,
            beta1=0.9,
            beta2=0.999,
            epsilon=1e-8,
            weight_decay=0.0,
            seed=SEED,
            threads=1,
            chunk_tokens=64,
            checkpoint_steps=20,
        ),
        governance=Governance(
            replay_backend="reference",
            same_backend_exact=True,
            tolerances=(),
            delta_norm_bound=10.0,
            minimum_improvement=0.0,
            publication="never_automatic",
        ),
        data=DataContract(dataset_ref="dataset://tests", train_split="train", held_out_split="validation"),
        claim_boundary="tests only",
    )


@dataclass(frozen=True)
class Shipment:
    """An assignment with the archive of what it names."""

    assignment: Assignment
    archive: bytes
    members: tuple[FileRef, ...]

    @property
    def sha256(self) -> str:
        return sha256_hex(self.archive)

    def request(self) -> ReceiveRequest:
        return ReceiveRequest(
            run_id=RUN,
            node_id=NODE,
            archive=FileRef(name="inputs.tar", size_bytes=len(self.archive), sha256=self.sha256),
            members=self.members,
        )


def shipment(
    lane: RunContract, *, revision: int = 0, name: str = "assignment-a", backend: BackendName = "reference"
) -> Shipment:
    slice_bytes, start_bytes = _synthetic_slice(), _initial()
    assignment = _assignment(
        lane, _ref("slice.safetensors", slice_bytes), _ref("initial.safetensors", start_bytes), revision, name, backend
    )
    files = {
        "assignment.json": assignment.to_bytes(),
        "slice.safetensors": slice_bytes,
        "initial.safetensors": start_bytes,
    }
    return Shipment(assignment, tar_of(files), tuple(_ref(name, data) for name, data in files.items()))


def tar_of(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def _ref(name: str, data: bytes) -> FileRef:
    return FileRef(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


@cache
def _head() -> HeadIdentity:
    return head_identity(load_head(BASE), BASE)


@cache
def _synthetic_slice() -> bytes:
    random = np.random.Generator(np.random.PCG64(SEED))
    tokens = SAMPLES * SAMPLE_TOKENS
    hidden = f32_to_bf16(random.standard_normal((tokens, _head().hidden_size)).astype(np.float32))
    targets = random.integers(0, 64, tokens).astype(np.int32)
    return shard_bytes(Shard("BF16", hidden, targets, np.arange(0, tokens + 1, SAMPLE_TOKENS, dtype=np.int64)))


@cache
def _initial() -> bytes:
    return adapter_bytes(initial_adapter(SEED, RANK, _head().hidden_size, _head().vocab_size))


def _assignment(
    lane: RunContract, shard: FileRef, initial: FileRef, revision: int, name: str, backend: BackendName
) -> Assignment:
    head, adapter, recipe = _head(), lane.adapter, lane.recipe
    identity = UploadIdentity(
        run_id=RUN,
        window_id=WINDOW,
        node_id=NODE,
        revision=revision,
        head_sha256=head.sha256,
        slice_sha256=shard.sha256,
        initial_adapter_sha256=initial.sha256,
        rank=adapter.rank,
        alpha=adapter.alpha,
    )
    shapes = ((TENSOR_A, (adapter.rank, head.hidden_size)), (TENSOR_B, (head.vocab_size, adapter.rank)))
    return Assignment.seal(
        assignment_id=name,
        run_id=RUN,
        window_id=WINDOW,
        revision=revision,
        node_id=NODE,
        contract_digest=lane.digest,
        head=head,
        slice=Slice(
            slice_id="slice-a",
            split="train",
            sample_ids=tuple(f"s{index}" for index in range(SAMPLES)),
            tokens=SAMPLES * SAMPLE_TOKENS,
            shard=shard,
        ),
        initial_adapter=initial,
        adapter=adapter,
        recipe=recipe,
        batches=batch_order(recipe.seed, SAMPLES, recipe.batch_samples, recipe.steps),
        execution=execution(load(backend, threads=recipe.threads, chunk_tokens=recipe.chunk_tokens)),
        continues_from=(),
        expected_upload=UploadManifest.seal(
            files=OUTBOX_FILES,
            tensors=tuple(TensorShape(name=name, dtype="F32", shape=shape) for name, shape in shapes),
            identity=identity,
        ),
    )
