"""A capture in several files, layer by layer, or cut off anywhere ends with the same states and the same bytes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runners.contract.canonical import canonical_bytes
from runners.contract.jobs import CaptureJob, CaptureResult, Progress
from runners.training.capture import capture
from runners.training.checkpoint import find_tensor
from runners.training.errors import CaptureError
from runners.training.shard_files import lay_out
from runners.training.shards import Shard, gather, read_shard
from tests.patience import PATIENCE_S
from tests.training.published import published

DATA = Path(__file__).parents[2] / "fixtures" / "swarm" / "dataset" / "train.jsonl"
BASE = DATA.parents[1] / "base"
ONE_FILE = 2 * 1024**3
SMALL_FILES = 2 * 64 * 120  # rows of d = 64 in bf16

pytestmark = [pytest.mark.torch]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    path.write_bytes(b"".join(DATA.read_bytes().splitlines(keepends=True)[:11]))
    return path


def job(
    model: Path, pairs: Path, out: Path, way: str, *, backend: str = "torch", shard_bytes: int = ONE_FILE
) -> CaptureJob:
    return CaptureJob.model_validate(
        {
            "model_dir": str(model), "jsonl": str(pairs), "out_dir": str(out), "split": "train",
            "dataset_ref": "dataset://tests", "batch_size": 3, "backend": backend, "way": way,
            "shard_bytes": shard_bytes,
        }
    )  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def shards(result: CaptureResult, folder: Path) -> list[Shard]:
    return [read_shard(folder / m.file.name, expected_sha256=m.file.sha256) for m in result.manifests]


@pytest.mark.parametrize("backend", ["torch", pytest.param("mlx", marks=pytest.mark.mlx)])
@pytest.mark.parametrize("quantised", [True, False])
def test_layer_by_layer_is_bit_equal_to_the_whole_model(
    model: Path, pairs: Path, tmp_path: Path, backend: str, quantised: bool
) -> None:
    folder = model if quantised else BASE
    whole = capture(job(folder, pairs, tmp_path / "whole", "whole_model", backend=backend))
    layered = capture(job(folder, pairs, tmp_path / "layers", "by_layer", backend=backend))
    assert layered.manifests == whole.manifests
    assert (whole.way, layered.way) == ("whole_model", "by_layer")
    assert sorted(files(tmp_path / "layers")) == ["manifest.json", "shard.safetensors"]


@pytest.mark.parametrize(("way", "after"), [("by_layer", "model.layers.0"), ("whole_model", "the decoder")])
def test_broken_layer_is_told_once_its_states_are_there(
    model: Path, pairs: Path, tmp_path: Path, way: str, after: str
) -> None:
    broken = shutil.copytree(model, tmp_path / "model")
    span = find_tensor(broken, "model.layers.0.post_attention_layernorm.weight")
    with span.path.open("r+b") as stream:
        stream.seek(span.begin)
        stream.write(b"\xc0\x7f")  # NaN in bf16
    with pytest.raises(CaptureError, match=f"sample train-0000: expected finite states after {after}, got"):
        capture(job(broken, pairs, tmp_path / "out", way))


@pytest.mark.mlx
def test_mlx_sees_the_states_of_transformers_in_a_published_checkpoint(
    model: Path, pairs: Path, tmp_path: Path
) -> None:
    for backend in ("torch", "mlx"):
        capture(job(model, pairs, tmp_path / backend, "by_layer", backend=backend))
    ours, theirs = (read_shard(tmp_path / name / "shard.safetensors") for name in ("mlx", "torch"))
    np.testing.assert_array_equal(ours.targets, theirs.targets)
    difference = np.abs(ours.hidden_f32() - theirs.hidden_f32())
    assert np.mean(difference > 2**-6 * np.abs(theirs.hidden_f32()).max()) < 0.01


@pytest.mark.parametrize("way", ["whole_model", "by_layer"])
def test_killed_capture_goes_on_and_ends_with_the_same_bytes(
    model: Path, pairs: Path, tmp_path: Path, way: str
) -> None:
    capture(job(model, pairs, tmp_path / "whole", way, shard_bytes=SMALL_FILES))
    cut_off = job(model, pairs, tmp_path / "cut", way, shard_bytes=SMALL_FILES)
    killed_at = _killed_after(cut_off, batches=2 if way == "whole_model" else 6)
    left = sorted(files(tmp_path / "cut"))
    assert ".capture.json" in left
    assert not any(name.endswith(".json") for name in left if name != ".capture.json")
    told: list[Progress] = []
    capture(cut_off, told.append)
    first = next(progress.done for progress in told if progress.stage == "capture")
    assert first > killed_at  # it went on and did not begin again
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def _killed_after(cut_off: CaptureJob, *, batches: int) -> int:
    """SIGKILL to a capture process after so many batches; samples that were done when it died."""
    script = (
        "import sys\n"
        "from runners.contract.jobs import CaptureJob\n"
        "from runners.training.capture import capture\n"
        "job = CaptureJob.model_validate_json(sys.argv[1])\n"
        "said = lambda p: print(p.model_dump_json(), flush=True) or (p.stage == 'capture' and sys.stdin.readline())\n"
        "capture(job, said, save_every_s=0)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, canonical_bytes(cut_off.to_json()).decode()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    done = 0
    for line in process.stdout:
        said = json.loads(line)
        if said["stage"] != "capture":
            continue
        done, batches = said["done"], batches - 1
        if batches == 0:
            os.kill(process.pid, signal.SIGKILL)
            break
        process.stdin.write("\n")
        process.stdin.flush()
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGKILL
    return done


def test_capture_cut_off_while_its_files_took_their_names_goes_on(model: Path, pairs: Path, tmp_path: Path) -> None:
    capture(job(model, pairs, tmp_path / "whole", "whole_model", shard_bytes=SMALL_FILES))
    cut_off = job(model, pairs, tmp_path / "cut", "whole_model", shard_bytes=SMALL_FILES)

    def stop(progress: Progress) -> None:
        if progress.stage == "capture" and progress.done == progress.total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        capture(cut_off, stop, save_every_s=0)
    first = next(tmp_path.glob("cut/.shard-00001-*.part"))
    first.rename(first.with_name(first.name.removeprefix(".").removesuffix(".part")))
    capture(cut_off)
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_unfinished_capture_of_something_else_is_refused_and_kept(model: Path, pairs: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "capture":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        capture(job(model, pairs, tmp_path / "out", "by_layer"), stop, save_every_s=0)
    before = files(tmp_path / "out")
    told = f"got one that began with shard_bytes {ONE_FILE} \\(now {SMALL_FILES}\\); go on with what it began with"
    with pytest.raises(CaptureError, match=told):
        capture(job(model, pairs, tmp_path / "out", "by_layer", shard_bytes=SMALL_FILES))
    assert files(tmp_path / "out") == before

    older = tmp_path / "out" / ".capture.json"
    older.write_bytes(canonical_bytes({"key": "0" * 64, "way": "by_layer", "layers": 0, "batches": 1}))
    with pytest.raises(CaptureError, match="a capture that another version began can't go on in this one"):
        capture(job(model, pairs, tmp_path / "out", "by_layer"))


def test_what_a_kill_left_behind_is_swept_away(model: Path, pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("..capture.json.4711.tmp", ".into-layer-001.f32", "lock"):
        (out / name).write_bytes(b"left")
    capture(job(model, pairs, out, "whole_model"))
    assert sorted(files(out)) == ["manifest.json", "shard.safetensors"]


def test_complete_capture_is_answered_again_and_another_is_refused(model: Path, pairs: Path, tmp_path: Path) -> None:
    manifest = capture(job(model, pairs, tmp_path / "out", "auto"))
    again = capture(job(model, pairs, tmp_path / "out", "auto"))
    assert (again.manifests, again.way) == (manifest.manifests, "found")
    assert sorted(files(tmp_path / "out")) == ["manifest.json", "shard.safetensors"]
    for another, other in (
        ("model", job(BASE, pairs, tmp_path / "out", "auto")),
        ("framework", job(model, pairs, tmp_path / "out", "auto", backend="mlx")),
    ):
        with pytest.raises(CaptureError, match=f"expected a new folder, got a complete capture with another {another}"):
            capture(other)


def test_large_capture_lies_in_several_files_that_hold_whole_samples(model: Path, pairs: Path, tmp_path: Path) -> None:
    single = capture(job(model, pairs, tmp_path / "one", "whole_model"))
    several = capture(job(model, pairs, tmp_path / "many", "whole_model", shard_bytes=SMALL_FILES))
    count = len(several.manifests)
    assert count > 2
    assert several.manifests[0].file.name == f"shard-00001-of-{count:05}.safetensors"
    assert (tmp_path / "many" / f"shard-00001-of-{count:05}.json").read_bytes() == several.manifests[0].to_bytes()
    (whole,), parts = shards(single, tmp_path / "one"), shards(several, tmp_path / "many")
    assert [part.samples for part in parts] == [len(manifest.sample_ids) for manifest in several.manifests]
    assert sum((m.sample_ids for m in several.manifests), start=()) == single.manifests[0].sample_ids
    np.testing.assert_array_equal(np.concatenate([part.hidden for part in parts]), whole.hidden)
    np.testing.assert_array_equal(np.concatenate([part.targets for part in parts]), whole.targets)
    wanted = [7, 0, 10, 3]

    (from_many,), (from_one,) = (gather([iter([s]).__next__ for s in read], [wanted]) for read in (parts, [whole]))
    np.testing.assert_array_equal(from_many.hidden, from_one.hidden)
    np.testing.assert_array_equal(from_many.offsets, from_one.offsets)


def test_files_are_cut_between_samples_and_hold_no_more_than_asked() -> None:
    layouts = lay_out([3, 4, 9, 1, 1], hidden_size=4, max_bytes=8 * 7)
    assert [(layout.begin, layout.end, layout.first_row, layout.rows) for layout in layouts] == [
        (0, 2, 0, 7),
        (2, 3, 7, 9),  # larger than a file: alone
        (3, 5, 16, 2),
    ]


def test_missing_room_on_the_disk_is_said_before_anything_is_written(
    model: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage())
    with pytest.raises(CaptureError, match="of free disk for this capture"):
        capture(job(model, pairs, tmp_path / "out", "by_layer"))
    assert not list((tmp_path / "out").glob("*.part"))
