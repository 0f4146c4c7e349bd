"""The validator's jobs as processes, on real files."""

import json
from pathlib import Path

import pytest

from runners.contract.jobs import (
    CaptureJob,
    CutJob,
    CutPart,
    CutResult,
    ReplayJob,
    ReplayResult,
    ScoreJob,
    ScoreSubject,
    SegmentResult,
    SegmentStart,
)
from runners.contract.plan import ADAPTER_FILE
from runners.training.backend import ignore_stage, ignore_step
from runners.training.backends import load
from runners.training.contribution import contribute
from runners.training.head import load_head
from tests.process.inputs import BASE, SEED, shipment
from tests.process.node import Node


def unpacked(node: Node) -> Path:
    sent = shipment(node.lane)
    node.ship(sent)
    return node.root.archive(sent.sha256)


def test_a_replay_in_a_fresh_process_gives_the_contributors_bits(node: Node) -> None:
    sent, inputs = shipment(node.lane), unpacked(node)
    first = node.folder / "first"
    first.mkdir()
    recipe = node.lane.recipe
    receipt = contribute(
        sent.assignment,
        load("reference", threads=recipe.threads, chunk_tokens=recipe.chunk_tokens),
        model_dir=BASE,
        slice_path=inputs / "slice.safetensors",
        initial_path=inputs / "initial.safetensors",
        out_dir=first,
        checkpoint_dir=first,
        on_stage=ignore_stage,
        on_step=ignore_step,
    )
    job = ReplayJob(
        assignment=sent.assignment,
        model_dir=str(BASE),
        slice_path=str(inputs / "slice.safetensors"),
        initial_adapter_path=str(inputs / "initial.safetensors"),
        backend="reference",
        out_dir=str(node.folder / "again"),
    )
    code, lines = node.ask("replay", job, SegmentStart(first_step=1, checkpoint_path=None))
    assert code == 0, lines
    segment = SegmentResult.model_validate_json(json.dumps(lines[-2]))
    result = ReplayResult.model_validate_json(json.dumps(lines[-1]))
    assert segment.file.sha256 == receipt.adapter.sha256
    assert (node.folder / "again" / ADAPTER_FILE).read_bytes() == (first / ADAPTER_FILE).read_bytes()
    assert segment.step_losses == receipt.step_losses
    assert result.execution == receipt.execution
    assert [line["done"] for line in lines if line.get("stage") == "train"] == [1, 2, 3, 4, 5]


def test_a_cut_names_what_it_wrote_and_refuses_a_missing_shard(node: Node) -> None:
    inputs = unpacked(node)
    out = node.folder / "cut"
    job = CutJob(
        shard=str(inputs / "slice.safetensors"),
        model_dir=str(BASE),
        parts=(CutPart(name="a.safetensors", sample_indices=(0, 1)),),
        initial_name="initial.safetensors",
        seed=SEED,
        rank=4,
        out_dir=str(out),
    )
    code, lines = node.ask("cut", job)
    assert code == 0, lines
    result = CutResult.model_validate_json(json.dumps(lines[-1]))
    assert result.slices[0].samples == 2
    assert result.slices[0].file.size_bytes == (out / "a.safetensors").stat().st_size
    assert (out / "initial.safetensors").exists()
    code, line = node.ask_here("cut", job.model_copy(update={"shard": str(node.folder / "gone")}))
    assert code == 1
    assert set(line) == {"refused", "detail"}


def test_a_score_of_the_base_and_of_an_untrained_adapter_are_equal(node: Node) -> None:
    inputs = unpacked(node)
    job = ScoreJob(
        model_dir=str(BASE),
        head_sha256=load_head(BASE).sha256,
        held_out_path=str(inputs / "slice.safetensors"),
        subjects=(
            ScoreSubject(subject="base", adapter_path=None, alpha=8.0, rank=4),
            ScoreSubject(subject="start", adapter_path=str(inputs / "initial.safetensors"), alpha=8.0, rank=4),
        ),
        backend="reference",
        threads=1,
        chunk_tokens=64,
    )
    code, line = node.ask_here("score", job)
    assert code == 0, line
    base, start = line["scores"]
    assert base["mean_loss"] == start["mean_loss"]
    other_head = job.model_copy(update={"head_sha256": "0" * 64})
    assert node.ask_here("score", other_head)[1]["refused"] == "input_mismatch"


@pytest.mark.torch
def test_a_capture_reports_progress_and_leaves_the_manifest_that_it_answers(node: Node) -> None:
    pairs = (BASE.parent / "dataset" / "train.jsonl").read_text().splitlines()[:3]
    data = node.folder / "pairs.jsonl"
    data.write_text("\n".join(pairs) + "\n")
    out = node.folder / "captured"
    job = CaptureJob(
        model_dir=str(BASE),
        jsonl=str(data),
        out_dir=str(out),
        split="train",
        dataset_ref="dataset://tests",
        batch_size=2,
        backend="torch",
    )
    code, lines = node.ask("capture", job)
    assert code == 0, lines
    assert json.loads((out / "manifest.json").read_text()) == lines[-1]
    assert [line["done"] for line in lines if line.get("stage") == "capture"][-1] == 3
