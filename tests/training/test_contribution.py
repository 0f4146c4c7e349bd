"""From an assignment and its files to an outbox, on the shipped base."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from runners.contract.jobs import ReplayJob, ScoreJob, ScoreSubject, SegmentResult, SegmentStart
from runners.contract.plan import ADAPTER_FILE, OUTBOX_FILES, RECEIPT_FILE, Assignment
from runners.contract.receipts import ContributorReceipt
from runners.records.sources import sources_sha256
from runners.training.adapter_file import read_adapter
from runners.training.backend import OnStep, StepResult, ignore_stage, ignore_step
from runners.training.backends import load
from runners.training.contribution import contribute, finish_contribution, observe_upload, prepare_contribution
from runners.training.errors import AdapterFileError, InputMismatch, ShardError, Stopped, TrainingError
from runners.training.head import load_head
from runners.training.jobs import Replay, score
from runners.training.software import runners_sha256
from tests.training.assignments import BASE, Ground, assignment_over, lay_ground
from tests.training.problems import ALPHA, RANK


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("ground"))


def _contribute(ground: Ground, out: Path, number: int = 0) -> ContributorReceipt:
    out.mkdir()
    return contribute(
        assignment_over(ground, number),
        load("torch", threads=1, chunk_tokens=64),
        model_dir=BASE,
        slice_path=ground.slice_path(number),
        initial_path=ground.initial_path,
        out_dir=out,
        checkpoint_dir=out,
        on_stage=ignore_stage,
        on_step=ignore_step,
    )


def replay(job: ReplayJob, on_step: OnStep = ignore_step) -> SegmentResult:
    """Work without a checkpoint in between is one segment."""
    return Replay(job).segment(SegmentStart(first_step=1, checkpoint_path=None), on_step)


def _replay_job(ground: Ground, out: Path, backend: str, assignment: Assignment | None = None) -> ReplayJob:
    return ReplayJob(
        assignment=assignment or assignment_over(ground, 0),
        model_dir=str(BASE),
        slice_path=str(ground.slice_path(0)),
        initial_adapter_path=str(ground.initial_path),
        backend=backend,  # type: ignore[arg-type]
        out_dir=str(out),
    )


def test_an_outbox_holds_exactly_its_three_files_and_the_receipt_names_their_bytes(
    ground: Ground, tmp_path: Path
) -> None:
    receipt = _contribute(ground, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(OUTBOX_FILES)
    assert ContributorReceipt.read((tmp_path / "out" / RECEIPT_FILE).read_bytes()) == receipt
    for file in (receipt.adapter, receipt.adapter_config):
        raw = (tmp_path / "out" / file.name).read_bytes()
        assert (file.size_bytes, file.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())


def test_a_receipt_counts_what_was_really_presented(ground: Ground, tmp_path: Path) -> None:
    receipt, assignment = _contribute(ground, tmp_path / "out"), assignment_over(ground, 0)
    presented = [index for batch in assignment.batches for index in batch]
    assert (receipt.steps, receipt.samples_presented) == (6, len(presented))
    assert receipt.distinct_samples == len(set(presented))
    assert receipt.tokens_presented > assignment.slice.tokens  # 24 presentations of 12 samples
    assert receipt.assignment_digest == assignment.digest
    assert receipt.step_losses[-1] != receipt.step_losses[0]
    assert receipt.started_wall_ms <= receipt.finished_wall_ms


def test_what_is_observed_in_the_outbox_has_the_digest_that_the_plan_expects(ground: Ground, tmp_path: Path) -> None:
    assignment = assignment_over(ground, 0)
    prepared = prepare_contribution(
        assignment,
        load("reference", threads=1, chunk_tokens=64),
        model_dir=BASE,
        slice_path=ground.slice_path(0),
        initial_path=ground.initial_path,
        on_stage=ignore_stage,
    )
    finish_contribution(prepared, tmp_path, tmp_path, ignore_step)
    manifest, files = observe_upload(tmp_path, prepared)
    assert manifest.digest == assignment.expected_upload.digest
    assert tuple(file.name for file in files) == OUTBOX_FILES
    (tmp_path / "extra.bin").write_bytes(b"x")
    assert observe_upload(tmp_path, prepared)[0].digest != assignment.expected_upload.digest


def test_stages_and_steps_are_reported_on_the_way(ground: Ground, tmp_path: Path) -> None:
    stages: list[str] = []
    steps: list[StepResult] = []
    contribute(
        assignment_over(ground, 0),
        load("mlx", threads=1, chunk_tokens=64),
        model_dir=BASE,
        slice_path=ground.slice_path(0),
        initial_path=ground.initial_path,
        out_dir=tmp_path,
        checkpoint_dir=tmp_path,
        on_stage=lambda stage, done, total, unit, detail: stages.append(stage),
        on_step=steps.append,
    )
    assert list(dict.fromkeys(stages)) == ["head", "shard", "adapter", "warm_up"]
    assert len(steps) == 6


def test_a_stopped_contribution_leaves_an_empty_outbox(ground: Ground, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        contribute(
            assignment_over(ground, 0),
            load("reference", threads=1, chunk_tokens=64),
            model_dir=BASE,
            slice_path=ground.slice_path(0),
            initial_path=ground.initial_path,
            out_dir=tmp_path,
            checkpoint_dir=tmp_path,
            on_stage=ignore_stage,
            on_step=ignore_step,
            should_stop=lambda: True,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_replay_on_the_same_backend_writes_the_same_bytes(ground: Ground, tmp_path: Path) -> None:
    receipt = _contribute(ground, tmp_path / "out")
    result = replay(_replay_job(ground, tmp_path / "replayed", "torch"))
    assert result.file == receipt.adapter
    assert result.step_losses == receipt.step_losses
    assert (tmp_path / "replayed" / ADAPTER_FILE).read_bytes() == (tmp_path / "out" / ADAPTER_FILE).read_bytes()
    assert [path.name for path in (tmp_path / "replayed").iterdir()] == [ADAPTER_FILE]


@pytest.mark.parametrize("backend", ["mlx", "reference"])
def test_a_replay_on_another_backend_differs_in_the_last_digits_only(
    ground: Ground, tmp_path: Path, backend: str
) -> None:
    receipt = _contribute(ground, tmp_path / "out")
    steps: list[StepResult] = []
    again = Replay(_replay_job(ground, tmp_path / "replayed", backend))
    result = again.segment(SegmentStart(first_step=1, checkpoint_path=None), steps.append)
    assert len(steps) == 6
    assert result.file.sha256 != receipt.adapter.sha256
    assert result.step_losses == pytest.approx(receipt.step_losses, rel=1e-6)
    assert backend in again.result().device.backend_label


def test_the_other_contributors_slice_is_refused_by_digest(ground: Ground, tmp_path: Path) -> None:
    job = _replay_job(ground, tmp_path / "out", "reference")
    with pytest.raises(ShardError, match="expected sha256"):
        replay(job.model_copy(update={"slice_path": str(ground.slice_path(1))}))
    assert not (tmp_path / "out").exists()


def test_a_changed_start_is_refused_by_digest(ground: Ground, tmp_path: Path) -> None:
    raw = bytearray(ground.initial_path.read_bytes())
    raw[-1] ^= 1  # one bit of B: still finite, still the right shape
    (tmp_path / "changed.safetensors").write_bytes(raw)
    job = _replay_job(ground, tmp_path / "out", "reference")
    with pytest.raises(InputMismatch, match="initial adapter: sha256: expected"):
        replay(job.model_copy(update={"initial_adapter_path": str(tmp_path / "changed.safetensors")}))


def test_another_head_than_the_planned_one_is_refused(ground: Ground, tmp_path: Path) -> None:
    planned = assignment_over(ground, 0)
    other = planned.model_copy(update={"head": planned.head.model_copy(update={"sha256": "0" * 64})})
    with pytest.raises(InputMismatch, match="head: sha256 of the host's checkpoint: expected 0000"):
        replay(_replay_job(ground, tmp_path / "out", "reference", other))


def test_a_slice_with_other_counts_than_the_plan_says_is_refused(ground: Ground, tmp_path: Path) -> None:
    planned = assignment_over(ground, 0)
    fewer = planned.model_copy(update={"slice": planned.slice.model_copy(update={"tokens": 1})})
    with pytest.raises(InputMismatch, match="slice: tokens: expected 1"):
        replay(_replay_job(ground, tmp_path / "out", "reference", fewer))


def test_scores_come_in_the_order_of_the_job_and_training_lowers_the_loss_on_its_own_slice(
    ground: Ground, tmp_path: Path
) -> None:
    _contribute(ground, tmp_path / "out")
    base = ScoreSubject(subject="base", adapter_path=None, alpha=ALPHA, rank=RANK)
    tuned = ScoreSubject(subject="node", adapter_path=str(tmp_path / "out" / ADAPTER_FILE), alpha=ALPHA, rank=RANK)
    job = ScoreJob(
        model_dir=str(BASE),
        head_sha256=assignment_over(ground, 0).head.sha256,
        held_out_path=str(ground.slice_path(0)),
        subjects=(tuned, base),
        backend="reference",
        threads=1,
        chunk_tokens=64,
    )
    first, second = score(job).scores
    assert (first.subject, second.subject) == ("node", "base")
    assert first.mean_loss < second.mean_loss
    assert first.tokens == assignment_over(ground, 0).slice.tokens
    with pytest.raises(InputMismatch, match="head"):
        score(job.model_copy(update={"head_sha256": "0" * 64}))
    with pytest.raises(AdapterFileError, match="expected F32"):
        score(job.model_copy(update={"subjects": (tuned.model_copy(update={"rank": 4}),)}))


def test_cut_slices_share_no_sample_and_their_start_has_no_delta(ground: Ground) -> None:
    even, odd = ground.cut.slices
    assert even.file.sha256 != odd.file.sha256
    head = load_head(BASE)
    start = read_adapter(
        ground.initial_path, rank=RANK, hidden_size=head.hidden_size, vocab_size=head.vocab_size
    ).weights
    assert not start.b.any()
    assert 0 < np.abs(start.a).max() <= 1 / np.sqrt(head.hidden_size)


def test_the_digest_of_the_sources_moves_with_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    first = sources_sha256(tmp_path)
    (tmp_path / "notes.txt").write_text("not a source")
    assert sources_sha256(tmp_path) == first
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert sources_sha256(tmp_path) != first
    assert len(runners_sha256()) == 64


def test_all_refusals_of_training_share_one_root() -> None:
    for error in (AdapterFileError, InputMismatch, ShardError, Stopped):
        assert issubclass(error, TrainingError)
