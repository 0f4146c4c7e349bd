"""What a lane's documents are frozen from: its contract, the base model and the dataset. No clock, no host, no key."""

import json
from dataclasses import dataclass
from pathlib import Path

from console.evidence.errors import LaneSourceError
from console.evidence.lane_documents.base_model import head_of
from console.places import data_dir
from runners.contract.canonical import parse_strict, sha256_hex
from runners.contract.errors import MalformedBytes
from runners.contract.lane import RunContract
from runners.contract.plan import HeadIdentity

DATASET_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class SplitFile:
    """One split as it lies on disk."""

    name: str
    file: str
    size_bytes: int
    sha256: str
    sample_ids: tuple[str, ...]  # in the order of the file, which is the order of capture


@dataclass(frozen=True)
class LaneSources:
    contract: RunContract
    head: HeadIdentity
    dataset_manifest_sha256: str
    train: SplitFile
    held_out: SplitFile


def shipped_sources(contract: RunContract) -> LaneSources:
    """From the base and the dataset that this repository ships. Raises LaneSourceError."""
    swarm = data_dir("fixtures") / "swarm"
    return read_sources(contract, swarm / "base", swarm / "dataset")


def read_sources(contract: RunContract, model_dir: Path, dataset_dir: Path) -> LaneSources:
    manifest = dataset_dir / DATASET_MANIFEST
    raw = _bytes(manifest)
    body = parse_strict(raw)
    if body.get("dataset_ref") != contract.data.dataset_ref:
        raise LaneSourceError(f"{manifest}: expected {contract.data.dataset_ref}, got {body.get('dataset_ref')!r}")
    return LaneSources(
        contract=contract,
        head=head_of(model_dir),
        dataset_manifest_sha256=sha256_hex(raw),
        train=_split(dataset_dir, contract.data.train_split),
        held_out=_split(dataset_dir, contract.data.held_out_split),
    )


def _split(folder: Path, name: str) -> SplitFile:
    path = folder / f"{name}.jsonl"
    raw = _bytes(path)
    try:
        ids = tuple(str(json.loads(line)["sample_id"]) for line in raw.splitlines())
    except (ValueError, KeyError, TypeError) as error:
        raise LaneSourceError(f"{path}: expected one JSON object with sample_id per line, got {error!r}") from error
    if len(set(ids)) != len(ids) or not ids:
        raise LaneSourceError(f"{path}: expected sample ids that differ, got {len(ids)} with {len(set(ids))} different")
    return SplitFile(name, path.name, len(raw), sha256_hex(raw), ids)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, MalformedBytes) as error:
        raise LaneSourceError(f"{path}: expected a readable file, got {error}") from error
