"""Doing the work of a bundle again, in real processes of the reference backend."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from console.evidence.checkpoint_head import head_sha256
from console.evidence.checks.real_run import check_real_run
from console.evidence.errors import ReexecutionError
from console.evidence.reexecute import reexecute
from runners.contract.jobs import Progress
from runners.records.tensors import RawTensor, write_tensors
from tests.checks.forge import Forge
from tests.checks.forged_hosts import LINUX, MAC
from tests.checks.forged_plan import VOCABULARY, WIDTH
from tests.checks.lies import Lies
from tests.checks.resealing import reseal_bundle
from tests.checks.tiny_training import Trained

HEAD = "lm_head.weight"
NO_DATASET = Path("nowhere")  # a forged run is of samples that nobody wrote


def _checkpoint(folder: Path, weight: np.ndarray) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps({"model_type": "gpt_oss", "vocab_size": VOCABULARY, "hidden_size": WIDTH})
    )
    tensor = RawTensor("F32", weight.shape, weight.astype("<f4").tobytes())
    (folder / "model.safetensors").write_bytes(write_tensors({HEAD: tensor}, {}))
    return folder


@pytest.fixture(scope="module")
def true_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Bundle and checkpoint."""
    root = tmp_path_factory.mktemp("true")
    run = Forge(root)
    return run.make(), _checkpoint(root / "model", run.head)


def _invented(run: Forge, node: str, result: Trained) -> Trained:
    """Work that nobody did: the true adapter of one node pushed to where no training leads."""
    if node != LINUX:
        return result
    kept = {step: replace(stand, losses=_better(stand.losses)) for step, stand in result.kept.items()}
    return replace(result, b=result.b + np.float32(0.05), losses=_better(result.losses), kept=kept)


def _better(losses: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(loss - 0.01 for loss in losses)


def test_true_work_done_again_agrees_with_contribution_and_replay(true_run: tuple[Path, Path]) -> None:
    bundle, model = true_run
    said: list[Progress] = []
    again = reexecute(bundle, model, NO_DATASET, on_progress=said.append)

    assert again.findings == ()
    assert again.consistent
    assert {item.subject for item in again.measured} >= {
        f"{MAC} contribution", f"{MAC} replay", f"{LINUX} contribution", f"{LINUX} replay", "score merge",
    }  # fmt: skip
    assert all(item.within for item in again.measured)
    assert {MAC, LINUX} < {progress.stage for progress in said}
    assert any(0 < progress.done == progress.total for progress in said)


def test_an_invented_replay_of_invented_work_is_found_only_by_doing_it_again(tmp_path: Path) -> None:
    """Both adapters are lies that agree with each other, so every document is true to the others."""
    run = Forge(tmp_path, Lies(trained=_invented, replayed=_invented))
    bundle, model = run.make(), _checkpoint(tmp_path / "model", run.head)

    assert check_real_run(bundle).consistent
    again = reexecute(bundle, model, NO_DATASET)

    assert not again.consistent
    assert {finding.where for finding in again.findings} == {f"{LINUX} contribution", f"{LINUX} replay"}
    assert {finding.rule for finding in again.findings} == {"work_done_again_agrees"}


def test_a_bundle_that_contradicts_itself_is_not_worked_on(true_run: tuple[Path, Path], bundle: Path) -> None:
    reseal_bundle(bundle, lambda body: body.update(total_contributions=7))
    again = reexecute(bundle, true_run[1], NO_DATASET)

    assert again.measured == ()
    assert [finding.rule for finding in again.findings] == ["bundle_counts_are_recounted"]


def test_another_base_model_is_refused_before_any_work(true_run: tuple[Path, Path], tmp_path: Path) -> None:
    other = _checkpoint(tmp_path / "model", np.ones((VOCABULARY, WIDTH)))
    again = reexecute(true_run[0], other, NO_DATASET)

    assert again.measured == ()
    assert [finding.rule for finding in again.findings] == ["checkpoint_has_the_planned_head"]


def test_a_missing_checkpoint_is_no_finding_about_the_bundle(true_run: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ReexecutionError, match="model"):
        reexecute(true_run[0], tmp_path / "model", NO_DATASET)


def test_the_head_is_found_through_an_index(tmp_path: Path) -> None:
    weight = np.arange(VOCABULARY * WIDTH, dtype="<f4").reshape(VOCABULARY, WIDTH)
    model = _checkpoint(tmp_path / "model", weight)
    (model / "model.safetensors").rename(model / "part-2.safetensors")
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {HEAD: "part-2.safetensors"}}))

    assert head_sha256(model, HEAD) == hashlib.sha256(weight.tobytes()).hexdigest()


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", 7])
def test_an_index_that_leads_out_of_the_checkpoint_is_refused(tmp_path: Path, name: object) -> None:
    model = _checkpoint(tmp_path / "model", np.ones((VOCABULARY, WIDTH)))
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {HEAD: name}}))

    with pytest.raises(ReexecutionError, match="file name"):
        head_sha256(model, HEAD)
