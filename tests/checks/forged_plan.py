"""What a forged run is about: contract, data, slices, start and plan."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from console.coordination.lane_file import load_lane
from console.coordination.planning import Hosts, Inputs, parts, plan_window
from console.validation.adapter import adapter_bytes
from runners.contract.canonical import canonical_bytes, sha256_hex
from runners.contract.document import word_from_json
from runners.contract.jobs import CutResult, CutSlice
from runners.contract.lane import RunContract
from runners.contract.plan import FileRef, HeadIdentity, WindowPlan
from runners.contract.shard_manifest import CaptureRecord, ShardManifest
from runners.records.tensors import RawTensor, write_tensors
from tests.checks.forged_hosts import CHECKPOINT_STEPS, LINUX, NODES, RUN_ID, STEPS, hash_of
from tests.checks.forged_training import kept_before
from tests.checks.lies import Lies
from tests.checks.resealing import reseal_body, sized
from tests.checks.tiny_training import TinyShard, make_shard

if TYPE_CHECKING:
    from tests.checks.forge import Forge

VOCABULARY, WIDTH, RANK, ALPHA = 32, 8, 2, 4.0
TOKENIZER = b'{"model": "forged"}\n'  # bytes of the checkpoint's only tokenizer file
TOKENIZER_DIGEST = sha256_hex(canonical_bytes({"files": {"tokenizer.json": sha256_hex(TOKENIZER)}}))


def contract_of(lies: Lies) -> RunContract:
    body = load_lane("loopback").to_json()
    body["adapter"] |= {"rank": RANK, "alpha": ALPHA}
    body["recipe"] |= {"steps": STEPS, "checkpoint_steps": CHECKPOINT_STEPS}
    body["recipe"] |= {"batch_samples": 4, "learning_rate": 0.05}
    body["governance"] |= {"minimum_improvement": 0.01}
    if lies.contract:
        lies.contract(body)
    reseal_body(body)
    return word_from_json(RunContract, body)


def plan_run(run: "Forge") -> None:
    run.train_shard = make_shard(1, 16, WIDTH, VOCABULARY)
    run.held_out = make_shard(2, 8, WIDTH, VOCABULARY)
    train_file = _ref("shard.safetensors", shard_bytes(run.train_shard))
    held_out_file = run.store("retained_artifacts/held_out.safetensors", shard_bytes(run.held_out))
    manifests = [
        _manifest(run, split, shard, file)
        for split, shard, file in (
            ("train", run.train_shard, train_file),
            ("held_out", run.held_out, held_out_file),
        )
    ]
    slices = []
    for part in parts(run.contract, len(manifests[0].sample_ids)):
        piece = run.train_shard.take(part.sample_indices)
        file = run.store(f"retained_artifacts/{part.name}", shard_bytes(piece))
        slices.append(CutSlice(file=file, tokens=len(piece.targets), samples=len(part.sample_indices)))
    run.start = start_of(run.contract.recipe.seed)
    zero = np.zeros((VOCABULARY, RANK), np.float32)
    initial = run.store(
        "retained_artifacts/initial_adapter.safetensors", adapter_bytes(run.start, zero, {"format": "pt"})
    )
    cut = CutResult(slices=tuple(slices), initial_adapter=initial)
    inputs = Inputs(manifests[0], manifests[1], held_out_file, cut)
    execution = {node: run.execution(node) for node in NODES}
    plan = run.plan = plan_window(run.contract, RUN_ID, run.lies.revision, inputs, Hosts(execution))
    if run.lies.continued:
        kept = {LINUX: kept_before(run, LINUX)}
        plan = plan_window(run.contract, RUN_ID, run.lies.revision, inputs, Hosts(execution, kept))
    fields = {name: getattr(plan, name) for name in WindowPlan.model_fields if name != "digest"}
    path = "contract/window_plan.json"
    run.plan = run.seal(path, run.paths.documents / "window_plan.json", WindowPlan, **fields)


def _manifest(run: "Forge", split: str, shard: TinyShard, file: FileRef) -> ShardManifest:
    capture = CaptureRecord(
        framework="transformers", framework_version="5.23.0", array_library="torch@2.13.0+cpu",
        device_label="cpu:0", compute_dtype="f32", stored_dtype="F32", batch_size=4, threads=1,
    )  # fmt: skip
    head = HeadIdentity(
        model_digest=hash_of("model"), tokenizer_digest=TOKENIZER_DIGEST, tensor="lm_head.weight",
        dtype="F32", vocab_size=VOCABULARY, hidden_size=WIDTH, sha256=sha256_hex(run.head.tobytes()), tied=False,
    )  # fmt: skip
    return run.seal(
        f"contract/{split}_manifest.json", run.paths.documents / f"{split}_manifest.json", ShardManifest,
        split=split, dataset_ref=run.contract.data.dataset_ref, dataset_sha256=hash_of(split), head=head,
        sample_ids=tuple(f"{split}-{index}" for index in range(len(shard.offsets) - 1)),
        tokens=len(shard.targets), prompt_template="{prompt}", capture=capture, file=file,
    )  # fmt: skip


def start_of(seed: int) -> NDArray[np.float32]:
    words = np.random.Philox(key=seed).random_raw(RANK * WIDTH)
    unit = (words >> np.uint64(40)).astype(np.float64) / 2**24
    start: NDArray[np.float32] = ((2 * unit - 1) / np.sqrt(WIDTH)).astype(np.float32).reshape(RANK, WIDTH)
    return start


def shard_bytes(shard: TinyShard) -> bytes:
    arrays: dict[str, tuple[str, NDArray[Any]]] = {
        "hidden_states": ("F32", shard.hidden),
        "target_ids": ("I32", shard.targets),
        "sample_offsets": ("I64", shard.offsets),
    }
    tensors = {name: RawTensor(kind, array.shape, array.tobytes()) for name, (kind, array) in arrays.items()}
    return write_tensors(tensors, {"format": "swarm.shard.v1"})


def _ref(name: str, data: bytes) -> FileRef:
    return FileRef(name=name, **sized(data))
