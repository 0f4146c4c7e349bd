"""What a training backend is: a job in, step results on the way, an adapter out. It knows no files and no network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from runners.contract.execution import NamedSize
from runners.contract.jobs import BackendName
from runners.contract.lane import AdapterContract, RecipeContract
from runners.contract.names import Label
from runners.contract.receipts import Device
from runners.training.head import Head
from runners.training.shards import Shard

F32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

Stage = Literal["import", "head", "shard", "adapter", "warm_up"]
Unit = Literal["bytes", "steps", "stages"]


@dataclass(frozen=True, eq=False)
class AdapterWeights:
    """The trained part of `logits = h W^T + s (h A^T) B^T`."""

    a: F32  # [r, d]
    b: F32  # [V, r]


@dataclass(frozen=True, eq=False)
class Moments:
    """AdamW's running means of the gradient and of its square."""

    mean_a: F32  # [r, d]
    square_a: F32
    mean_b: F32  # [V, r]
    square_b: F32


@dataclass(frozen=True, eq=False)
class TrainingState:
    """All that a training needs to go on after `step` finished steps, to the bit."""

    step: int
    weights: AdapterWeights
    moments: Moments | None  # None: none were gathered yet, they are zeros
    step_losses: tuple[float, ...]  # of the steps 1 to `step`


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """Everything that decides the result; two runs of one job on one device give the same bits."""

    head: Head
    shard: Shard
    initial: AdapterWeights
    adapter: AdapterContract
    recipe: RecipeContract
    batches: tuple[tuple[int, ...], ...]  # per step: indices of samples of the shard, in order
    resumed: TrainingState | None = None  # goes on from here instead of `initial`
    until: int | None = None  # last step to do; None: all of them

    @property
    def scale(self) -> float:
        return self.adapter.alpha / self.adapter.rank

    @property
    def start(self) -> TrainingState:
        return self.resumed or TrainingState(0, self.initial, None, ())

    @property
    def last_step(self) -> int:
        return len(self.batches) if self.until is None else self.until


@dataclass(frozen=True)
class StepResult:
    step: int  # finished steps, so the first is 1
    loss: float  # mean cross-entropy in nats over the step's tokens, before its update
    samples: int
    tokens: int
    seconds: float


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """Where the training stands after its last step."""

    state: TrainingState

    @property
    def adapter(self) -> AdapterWeights:
        return self.state.weights

    @property
    def step_losses(self) -> tuple[float, ...]:
        """Of every step from the first on, also of those before a state that was gone on from."""
        return self.state.step_losses


OnStage = Callable[[Stage, int, int, Unit, str], None]  # stage, done, total, unit, detail
OnStep = Callable[[StepResult], None]
OnState = Callable[[TrainingState], None]  # after every `checkpoint_steps` steps but the last one of the job
ShouldStop = Callable[[], bool]


def never_stop() -> bool:
    return False


def ignore_stage(stage: Stage, done: int, total: int, unit: Unit, detail: str) -> None:
    """For callers that show no progress."""


def ignore_step(result: StepResult) -> None:
    """For callers that show no progress."""


class Backend(Protocol):
    """One accelerator library on the device that it finds."""

    @property
    def name(self) -> BackendName: ...

    @property
    def chunk_tokens(self) -> int:
        """Rows of hidden states per product."""
        ...

    @property
    def tiles(self) -> tuple[NamedSize, ...]:
        """Blocks of its own kernels, by name: they decide in which order is summed."""
        ...

    def head_memory(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """An array to read a head into: this backend needs no second copy of it on the host."""
        ...

    def version(self) -> Label:
        """Name and version as `Software.backend` spells it, e.g. `torch@2.13.0+cpu`."""
        ...

    def device(self) -> Device:
        """The device that really computes, and its settings as read back."""
        ...

    def prepare(self, job: TrainingJob, on_stage: OnStage) -> None:
        """Bring head, shard and adapter to the device and warm up. Raises UnsupportedPrecision, InputMismatch."""
        ...

    def train(
        self,
        job: TrainingJob,
        on_step: OnStep,
        should_stop: ShouldStop = never_stop,
        on_state: OnState | None = None,
    ) -> TrainingResult:
        """The steps of the job that its start hasn't done; prepares first where `prepare` wasn't called for it.
        Going on from a state that `on_state` got gives the bits of never having stopped. Raises Stopped, Diverged."""
        ...

    def held_out_loss(self, head: Head, shard: Shard, adapter: AdapterWeights | None, alpha: float) -> float:
        """Mean nats per response token, of the base alone where `adapter` is None."""
        ...
