"""Slices and held-out shard captured again, where the dataset is at hand: what that model makes of those samples.

A slice is as believable as whoever cut it. Everything in a bundle may be true of states that no model ever had, or of
samples that nobody wrote: only running the decoder over the dataset again can tell.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from console.coordination.job import OnProgress, run_job
from console.evidence.checks.evidence import Evidence
from console.evidence.checks.tensors import Entry, read_header
from runners.contract.jobs import CaptureJob, CaptureResult
from runners.records.tensors import MAX_HEADER_BYTES

# Of a sample's states. Another batch size, thread count or library moves them by some 1e-6; stored as BF16, by 2^-9.
BOUND = 4e-3
HIDDEN, TARGETS, OFFSETS = "hidden_states", "target_ids", "sample_offsets"
Body = dict[str, Any]


@dataclass(frozen=True)
class Recaptured:
    """One shard of the bundle against the same samples captured just now."""

    subject: str  # "slice of swarm-mac-a", "held-out shard"
    samples: int
    other_targets: int  # samples whose tokens aren't those of the dataset
    relative_difference: float  # largest of a sample's states
    bound: float = BOUND

    @property
    def within(self) -> bool:
        return not self.other_targets and self.relative_difference <= self.bound

    def __str__(self) -> str:
        states = f"states of {self.samples} samples {self.relative_difference:.3g} apart at most"
        return f"{self.subject} captured again: {states}, tokens of {self.other_targets} differ"


@dataclass(frozen=True)
class Dataset:
    """`missing` says why there is nothing to capture from."""

    train: Path
    held_out: Path
    missing: str = ""


def dataset_of(e: Evidence, folder: Path) -> Dataset:
    """The two splits that the bundle names, by the digests that it names."""
    assert e.contract is not None
    paths = {}
    for split, manifest in (("train_split", "train"), ("held_out_split", "held_out")):
        path = folder / f"{e.contract['data'][split]}.jsonl"
        wanted = e.documents[f"contract/{manifest}_manifest.json"]["dataset_sha256"]
        if not path.is_file() or _sha256(path) != wanted:
            missing = f"expected {path.name} with sha256 {wanted[:16]} in {folder.name}, got none there"
            return Dataset(path, path, missing)
        paths[manifest] = path.absolute()
    return Dataset(paths["train"], paths["held_out"])


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


async def recapture(
    e: Evidence, root: Path, model_dir: Path, dataset: Dataset, scratch: Path, on_progress: OnProgress
) -> list[Recaptured]:
    """Raises JobFailed, UnreadableError, OSError."""
    assert e.plan is not None and e.contract is not None
    artifacts = root / "retained_artifacts"
    train = await _capture(e, "train", dataset.train, model_dir, scratch, on_progress)
    held_out = await _capture(e, "held_out", dataset.held_out, model_dir, scratch, on_progress)
    found = []
    for item in e.plan["assignments"]:
        node, ids = item["node_id"], item["slice"]["sample_ids"]
        with _Shard(artifacts / f"slice_{node}.safetensors") as shard:
            found.append(_compared(f"slice of {node}", shard, ids, *train))
    with _Shard(artifacts / "held_out.safetensors") as shard:
        found.append(_compared("held-out shard", shard, e.plan["held_out_sample_ids"], *held_out))
    return found


async def _capture(
    e: Evidence, name: str, jsonl: Path, model_dir: Path, scratch: Path, on_progress: OnProgress
) -> tuple[Path, dict[str, int]]:
    """The new shard, and where each sample lies in it."""
    manifest = e.documents[f"contract/{name}_manifest.json"]
    job = CaptureJob(
        model_dir=str(model_dir),
        jsonl=str(jsonl),
        out_dir=str(scratch / f"captured_{name}"),
        split=jsonl.stem,
        dataset_ref=manifest["dataset_ref"],
        batch_size=manifest["capture"]["batch_size"],
        backend="torch",
    )
    result = await run_job("capture", job, CaptureResult, on_progress, log=scratch / "log.txt")
    (made,) = result.manifests
    return scratch / f"captured_{name}" / made.file.name, {sample: at for at, sample in enumerate(made.sample_ids)}


class _Shard:
    """Samples read one at a time: a shard may be gigabytes."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        head, size = self._file.read(8 + MAX_HEADER_BYTES), os.fstat(self._file.fileno()).st_size
        self._entries: dict[str, Entry] = read_header(head, size).entries
        offsets = self._entries[OFFSETS]
        self._offsets = np.frombuffer(self._read(offsets.begin, offsets.end), dtype="<i8")
        self._width = self._entries[HIDDEN].shape[1]

    def __enter__(self) -> "_Shard":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def _read(self, begin: int, end: int) -> bytes:
        return os.pread(self._file.fileno(), end - begin, begin)

    def sample(self, index: int) -> tuple[NDArray[np.float64], bytes]:
        first, last = int(self._offsets[index]), int(self._offsets[index + 1])
        targets, hidden = self._entries[TARGETS], self._entries[HIDDEN]
        item = 2 if hidden.dtype == "BF16" else 4
        raw = self._read(hidden.begin + first * self._width * item, hidden.begin + last * self._width * item)
        return _floats(raw, hidden.dtype), self._read(targets.begin + first * 4, targets.begin + last * 4)


def _floats(raw: bytes, dtype: str) -> NDArray[np.float64]:
    if dtype == "BF16":
        return (np.frombuffer(raw, dtype="<u2").astype("<u4") << 16).view("<f4").astype(np.float64)
    return np.frombuffer(raw, dtype="<f4").astype(np.float64)


def _compared(subject: str, shard: _Shard, ids: list[str], made: Path, places: dict[str, int]) -> Recaptured:
    with _Shard(made) as again:
        told = list(_distances(shard, ids, again, places))
    other = sum(distance is None for distance in told)
    return Recaptured(subject, len(ids), other, max((each for each in told if each is not None), default=0.0))


def _distances(shard: _Shard, ids: list[str], again: _Shard, places: dict[str, int]) -> Iterator[float | None]:
    """Of each sample's states, relative to those captured now; None where the dataset has other tokens, or none."""
    for index, name in enumerate(ids):
        states, targets = shard.sample(index)
        new, tokens = again.sample(places[name]) if name in places else (states[:0], b"")
        if tokens != targets or new.shape != states.shape:
            yield None
            continue
        norm = float(np.linalg.norm(new))
        yield float(np.linalg.norm(states - new)) / norm if norm else float(np.linalg.norm(states))
