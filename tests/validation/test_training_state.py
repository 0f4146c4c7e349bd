"""A contributor's checkpoint holds moments that AdamW can have come to, or it is none: a replay starts from them."""

from pathlib import Path

import numpy as np
import pytest

from console.validation.training_state import furthest, mean_bound, read_state
from runners.contract.jobs import BackendName
from runners.contract.plan import MOMENTS_A, MOMENTS_B, TENSOR_A, TENSOR_B
from runners.records.errors import TensorFileError
from runners.records.tensors import RawTensor, read_tensors, write_tensors
from tests.training.assignments import Ground, lay_ground
from tests.training.continuing import planned, train
from tests.training.problems import BACKENDS

NAME = "step-000004.safetensors"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("ground"))


@pytest.fixture(scope="module")
def honest(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("trained") / "reference"
    train(ground, folder, "reference", planned(ground))
    return (folder / "checkpoints" / NAME).read_bytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_moments_of_every_backend_are_those_of_adamw(ground: Ground, tmp_path: Path, backend: BackendName) -> None:
    train(ground, tmp_path / "w", backend, planned(ground))
    state = read_state((tmp_path / "w" / "checkpoints" / NAME).read_bytes(), planned(ground), 4, name=NAME)
    assert len(state.step_losses) == 4


def filled(tensor: RawTensor, value: float) -> RawTensor:
    return RawTensor(tensor.dtype, tensor.shape, np.full(tensor.shape, value, "<f4").tobytes())


@pytest.mark.parametrize("names", [MOMENTS_A, MOMENTS_B])
@pytest.mark.parametrize(("mean", "square"), [(1e12, 0.0), (-1e3, 0.0), (3e38, 3e38), (8.0, 1.0)])
def test_moments_that_no_gradients_give_are_refused(
    ground: Ground, honest: bytes, names: tuple[str, str], mean: float, square: float
) -> None:
    """With the first three a replay went on to infinite losses: it could not be done, so nobody was rejected."""
    tensors, metadata = read_tensors(honest, name=NAME)
    for name, value in zip(names, (mean, square), strict=True):
        tensors[name] = filled(tensors[name], value)
    with pytest.raises(TensorFileError, match=r"expected at most [\d.]+ times the root of adamw\.lora_.\.square"):
        read_state(write_tensors(tensors, metadata), planned(ground), 4, name=NAME)


@pytest.mark.parametrize("factor", [1e3, 1e20])
def test_factors_that_no_training_comes_to_are_refused_though_their_delta_is_within_its_bound(
    ground: Ground, honest: bytes, factor: float
) -> None:
    """The same delta: from 1e20 on, the losses of a replay's next step were infinite."""
    tensors, metadata = read_tensors(honest, name=NAME)
    for name, times in ((TENSOR_A, factor), (TENSOR_B, 1 / factor)):
        values = np.frombuffer(tensors[name].data, "<f4") * np.float32(times)
        tensors[name] = RawTensor("F32", tensors[name].shape, values.tobytes())
    with pytest.raises(TensorFileError, match=r"lora_A\.weight: expected values of at most 0\.\d+, as far as AdamW"):
        read_state(write_tensors(tensors, metadata), planned(ground), 4, name=NAME)


def test_no_gradients_come_past_the_bound_and_the_worst_ones_reach_it(ground: Ground) -> None:
    """Of any last eight gradients; the worst grow as the weights of both sums say."""
    recipe = planned(ground).recipe
    random = np.random.default_rng(5)
    worst = (recipe.beta1 / recipe.beta2) ** np.arange(7, -1, -1.0)
    tried = [worst, *(random.standard_normal(8) * 10.0 ** random.uniform(-6, 6, 8) for _ in range(200))]
    ratios = []
    for gradients in tried:
        mean = square = weight = 0.0
        for step, gradient in enumerate(gradients, start=1):
            mean += (gradient - mean) * (1 - recipe.beta1)
            square = square * recipe.beta2 + gradient**2 * (1 - recipe.beta2)
            root = (square / (1 - recipe.beta2**step)) ** 0.5 + recipe.epsilon
            weight -= recipe.learning_rate * mean / (1 - recipe.beta1**step) / root
        assert abs(weight) <= furthest(recipe, 8)
        ratios.append(abs(mean) / square**0.5)
    assert max(ratios) <= mean_bound(recipe, 8) * (1 + 1e-9)
    assert ratios[0] == pytest.approx(mean_bound(recipe, 8), rel=1e-9)
