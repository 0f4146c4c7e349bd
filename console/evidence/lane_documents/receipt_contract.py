"""What every contributor receipt of a lane must equal, whoever trained and on whatever the lane allows."""

from typing import Literal

from console.evidence.lane_documents.sources import LaneSources
from runners.contract.document import Document, Word
from runners.contract.lane import AdapterContract, NodeContract, RunContract
from runners.contract.names import FileName, Label, NodeId, Sha256, Text
from runners.contract.plan import OUTBOX_FILES, TENSOR_A, TENSOR_B, HeadIdentity, TensorShape

FRAMEWORK_LABELS = {
    ("mlx", "metal"): "mlx.metal",
    ("mlx", "cpu"): "mlx.cpu",
    ("mlx", "cuda"): "mlx.cuda",
    ("torch", "cuda"): "cuda",
    ("torch", "cpu"): "torch.cpu",
}
BOUNDARY = (
    "A yardstick for receipts: equal figures mean that a contributor says it did the lane's work in the lane's "
    "form. Whether it did is for the replay to find out; no contributor has met this contract by its being "
    "written."
)


class ReceiptOfNode(Word):
    """What is different from node to node."""

    node_id: NodeId
    backend_labels: tuple[Label, ...]
    distinct_samples: int


class ReceiptContract(Document):
    """Fields named as in the contributor receipt must be equal there."""

    schema_version: Literal["swarm.receipt_contract.v1"] = "swarm.receipt_contract.v1"
    lane_id: Label
    run_family_id: Label
    contract_digest: Sha256
    dataset_ref: Text
    dataset_manifest_sha256: Sha256
    adapter: AdapterContract
    head: HeadIdentity
    files: tuple[FileName, ...]
    tensors: tuple[TensorShape, ...]
    steps: int
    samples_presented: int
    refused_precision: Literal["bf16_mixed"]  # a backend that accepts it is not this lane's
    contributors: tuple[ReceiptOfNode, ...]
    claim_boundary: Text


def receipt_contract(sources: LaneSources) -> ReceiptContract:
    contract = sources.contract
    return ReceiptContract.seal(
        lane_id=contract.lane_id,
        run_family_id=contract.run_family_id,
        contract_digest=contract.digest,
        dataset_ref=contract.data.dataset_ref,
        dataset_manifest_sha256=sources.dataset_manifest_sha256,
        adapter=contract.adapter,
        head=sources.head,
        files=OUTBOX_FILES,
        tensors=tensors(contract, sources.head),
        steps=contract.recipe.steps,
        samples_presented=contract.recipe.steps * contract.recipe.batch_samples,
        refused_precision="bf16_mixed",
        contributors=tuple(
            ReceiptOfNode(
                node_id=node.node_id,
                backend_labels=backend_labels(node),
                distinct_samples=distinct_samples(contract, k, len(sources.train.sample_ids)),
            )
            for k, node in enumerate(contract.contributors)
        ),
        claim_boundary=BOUNDARY,
    )


def distinct_samples(contract: RunContract, k: int, samples: int) -> int:
    """Of contributor k's slice, as many as the recipe reaches: epochs are shuffles, so none repeats before all came."""
    of_slice = len(range(k, samples, len(contract.contributors)))
    return min(of_slice, contract.recipe.steps * contract.recipe.batch_samples)


def backend_labels(node: NodeContract) -> tuple[str, ...]:
    """Labels that a device of this node may carry; the device that really computes decides which."""
    kinds = [(node.backend, kind) for kind in node.required_devices if (node.backend, kind) in FRAMEWORK_LABELS]
    return tuple(f"open_adapter_backend.{FRAMEWORK_LABELS[kind]}.gpt_oss_lm_head" for kind in kinds)


def tensors(contract: RunContract, head: HeadIdentity) -> tuple[TensorShape, ...]:
    rank = contract.adapter.rank
    return (
        TensorShape(name=TENSOR_A, dtype="F32", shape=(rank, head.hidden_size)),
        TensorShape(name=TENSOR_B, dtype="F32", shape=(head.vocab_size, rank)),
    )
