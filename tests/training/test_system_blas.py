"""Which BLAS does MLX's products on Linux, and what a run that was recorded with another one is held to."""

import ctypes
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from console.validation.adapter import Adapter
from console.validation.replay_comparison import Segment, compare
from console.validation.training_state import MOMENT_NAMES, State
from runners.contract.execution import ExecutionSettings, differences
from runners.training.system_blas import OPENBLAS
from tests.training.problems import ALPHA, job
from tests.training.with_other_blas import STEPS
from tests.validation.policies import TOLERANCE

SWARM = Path(__file__).parents[2] / "fixtures" / "swarm"

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="elsewhere MLX's BLAS is the system's own")


def _installed() -> bool:
    try:
        ctypes.CDLL(OPENBLAS)
    except OSError:
        return False
    return True


def _trained(out: Path, *imported_before: str) -> tuple[State, ExecutionSettings]:
    argv = [sys.executable, "-m", "tests.training.with_other_blas", str(out), *imported_before]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100, check=True)
    with np.load(out) as kept:
        moments = {name: kept[name] for name in MOMENT_NAMES}
        state = State(Adapter(kept["a"], kept["b"], ALPHA, {}), moments, tuple(kept["losses"].tolist()))
    return state, ExecutionSettings.model_validate_json(done.stdout)


@pytest.mark.torch
def test_an_openblas_is_taken_where_it_is_installed_and_never_beside_torch(tmp_path: Path) -> None:
    """Each process says the library that its products really come from."""
    alone = _trained(tmp_path / "alone.npz")[1]
    assert alone.blas.startswith("openblas@" if _installed() else "libblas"), alone.blas
    for number, imported in enumerate(("torch", "mlx.core")):
        beside = _trained(tmp_path / f"{number}.npz", imported)[1]
        assert beside.blas.startswith("libblas"), (imported, beside.blas)


def test_work_done_again_with_another_blas_agrees_and_is_never_called_exact(tmp_path: Path) -> None:
    if not _installed():
        pytest.skip(f"no {OPENBLAS} is installed")
    kept, planned = _trained(tmp_path / "kept.npz", "mlx.core")
    again, got = _trained(tmp_path / "again.npz")
    said = differences(planned, got)
    assert [sentence.split(":")[0] for sentence in said] == ["blas"], said
    assert len(kept.step_losses) == STEPS
    start = State(Adapter(job(STEPS).initial.a, job(STEPS).initial.b, ALPHA, {}), {}, ())
    found = compare(
        Segment(start, kept, again, kept.step_losses, again.step_losses),
        TOLERANCE,
        same_settings=planned == got,
        exact_owed=True,
    )
    assert found.outcome == "within_tolerance"
    assert not np.array_equal(kept.adapter.b, again.adapter.b)


CAPTURE = """
import sys
from runners.contract.jobs import CaptureJob
from runners.training.capture import capture
model, data, out = sys.argv[1:]
job = CaptureJob(model_dir=model, jsonl=data, out_dir=out, split="train", dataset_ref="x", batch_size=2, backend="mlx",
                 way="by_layer", shard_bytes=1 << 20)
print(capture(job).manifests[0].capture.array_library)
"""


@pytest.mark.usefixtures("on_the_processor")
@pytest.mark.torch
def test_a_capture_takes_it_too_and_says_so(tmp_path: Path) -> None:
    """Although its tokenizer brings torch into the process."""
    data = tmp_path / "two.jsonl"
    data.write_bytes(b"".join((SWARM / "dataset" / "train.jsonl").read_bytes().splitlines(keepends=True)[:2]))
    argv = [sys.executable, "-c", CAPTURE, str(SWARM / "base"), str(data), str(tmp_path / "out")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100, check=True)
    library, _, blas = done.stdout.strip().partition("/")
    assert library.startswith("mlx@")
    assert blas.startswith("openblas@" if _installed() else "libblas"), blas


@pytest.mark.usefixtures("on_the_processor")
@pytest.mark.torch
def test_torch_says_whose_products_it_does_where_an_openblas_came_before_it() -> None:
    code = (
        "from runners.training.backends import load\n"
        "for name in ('mlx', 'torch'): print(load(name, threads=1, chunk_tokens=8).device().blas)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    of_mlx, of_torch = done.stdout.split()
    assert of_mlx.startswith("openblas@") == of_torch.endswith(of_mlx) == _installed()
