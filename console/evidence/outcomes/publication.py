"""The documents of a published snapshot: what lies in it, what loads it, and by which gates it was let out."""

from typing import Literal

from console.evidence.models import RelativePath
from console.evidence.outcomes.citation import RunCitation
from runners.contract.document import Document, Word
from runners.contract.names import FileName, Label, Sha256, Text
from runners.contract.receipts import GateValue

TARGET = "hugging_face_snapshot"
MANIFEST_FILE = "publish_manifest.json"


class PublishedFile(Word):
    path: RelativePath  # inside the snapshot
    size_bytes: int
    sha256: Sha256


class PublishManifest(Document):
    """Every other file of the snapshot, and the merge that it came from."""

    schema_version: Literal["swarm.publish_manifest.v1"] = "swarm.publish_manifest.v1"
    publish_id: Label
    target: Label
    repo_id: Label
    run: RunCitation
    merge_report_digest: Sha256
    merged_adapter_sha256: Sha256
    files: tuple[PublishedFile, ...]  # sorted by path


class Surface(Word):
    surface: Label
    supported: bool
    detail: Text


class CompatibilityContract(Document):
    """What the snapshot fits on, and what reads it."""

    schema_version: Literal["swarm.compatibility_contract.v1"] = "swarm.compatibility_contract.v1"
    adapter_family: Label
    model_digest: Sha256
    head_sha256: Sha256
    vocab_size: int
    hidden_size: int
    rank: int
    alpha: float
    surfaces: tuple[Surface, ...]


class TokenizerFile(Word):
    name: FileName
    sha256: Sha256


class TokenizerContract(Document):
    """The base's own tokenizer: its files by digest, and the special ids that generation needs."""

    schema_version: Literal["swarm.tokenizer_contract.v1"] = "swarm.tokenizer_contract.v1"
    tokenizer_digest: Sha256  # as the window's plan binds it: over names and digests of `files`
    files: tuple[TokenizerFile, ...]
    vocab_size: int
    bos_token_id: int | None
    eos_token_ids: tuple[int, ...]
    pad_token_id: int | None


class PeftSmoke(Word):
    """Base and adapter through PEFT, measured on the publisher's machine."""

    max_logit_difference: float  # |PEFT's logits - (base logits + s B A h)|, largest over all positions
    logit_bound: float
    largest_delta: float  # largest |s B A h|: zero would make the comparison empty
    positions: int
    asked_tokens: int
    generated_tokens: tuple[int, ...]
    peft: Label
    transformers: Label
    torch: Label


class PublicationReport(Document):
    schema_version: Literal["swarm.publication_report.v1"] = "swarm.publication_report.v1"
    lane_id: Label
    run_family_id: Label
    contract_digest: Sha256
    run: RunCitation
    plan_digest: Sha256
    publish_id: Label
    target: Label
    repo_id: Label
    published_snapshot_root: Text
    publish_manifest_digest: Sha256
    gates: tuple[GateValue, ...]
    peft_smoke: PeftSmoke
    claim_boundary: Text
