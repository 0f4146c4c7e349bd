"""A slice of states that no model ever had, or of samples that nobody wrote, is true to every document around it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.tensors import read_header
from console.evidence.recapture import Dataset, dataset_of, recapture
from console.evidence.reexecute import ignore_progress
from console.places import data_dir

KEPT = data_dir("fixtures") / "swarm"
RUN = KEPT / "runs" / "first-loopback-live-1"
pytestmark = pytest.mark.live


def _changed(root: Path, name: str, tensor: str, values: bytes) -> None:
    """The last bytes of one tensor of a shard are others."""
    path = root / "retained_artifacts" / name
    raw = bytearray(path.read_bytes())
    entry = read_header(bytes(raw), len(raw)).entries[tensor]
    raw[entry.end - len(values) : entry.end] = values
    path.write_bytes(raw)


async def test_states_and_tokens_that_the_model_and_the_dataset_do_not_have_are_found(tmp_path: Path) -> None:
    root, evidence = tmp_path / "run", Evidence(RUN)
    shutil.copytree(RUN, root)
    _changed(root, "slice_swarm-mac-a.safetensors", "hidden_states", np.full(64, 1.0, "<f4").tobytes())
    _changed(root, "slice_swarm-linux-a.safetensors", "target_ids", np.array([5], "<i4").tobytes())

    dataset = dataset_of(evidence, KEPT / "dataset")
    mac, linux, held_out = await recapture(evidence, root, KEPT / "base", dataset, tmp_path, ignore_progress)

    assert (mac.within, linux.within, held_out.within) == (False, False, True)
    assert mac.relative_difference > mac.bound
    assert (mac.other_targets, linux.other_targets, held_out.other_targets) == (0, 1, 0)
    assert held_out.samples == 136


def test_another_dataset_than_the_bundles_is_not_captured_from(tmp_path: Path) -> None:
    shutil.copytree(KEPT / "dataset", tmp_path / "dataset")
    (tmp_path / "dataset" / "validation.jsonl").write_text("{}")

    assert dataset_of(Evidence(RUN), KEPT / "dataset").missing == ""
    assert "validation.jsonl" in dataset_of(Evidence(RUN), tmp_path / "dataset").missing
    assert isinstance(dataset_of(Evidence(RUN), tmp_path), Dataset)
