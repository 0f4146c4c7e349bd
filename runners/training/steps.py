"""What all backends share: one loop over the steps. A backend adds the arithmetic of one step."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from runners.contract.batches import check_batches
from runners.contract.canonical import MAX_INTEGER
from runners.contract.execution import NamedSize
from runners.contract.jobs import BackendName
from runners.contract.lane import RecipeContract
from runners.contract.names import Label
from runners.contract.receipts import Device
from runners.training.backend import (
    AdapterWeights,
    Moments,
    OnStage,
    OnState,
    OnStep,
    Rows,
    ShouldStop,
    StepResult,
    TrainingJob,
    TrainingResult,
    TrainingState,
    ignore_stage,
    never_stop,
)
from runners.training.errors import Diverged, InputMismatch, Stopped, UnsupportedPrecision
from runners.training.head import Head
from runners.training.shards import Shard

SUPPORTED_PRECISIONS = frozenset({"f32_reference"})


@dataclass(frozen=True, eq=False)
class Work:
    """What lies on the device beside the head. Without an adapter the base alone is scored."""

    shard: Shard
    adapter: AdapterWeights | None
    scale: float  # alpha / r
    recipe: RecipeContract | None  # None: losses only
    moments: Moments | None = None  # None: zeros
    steps_done: int = 0

    def weights(self, head_shape: tuple[int, int]) -> AdapterWeights:
        """The start, or a rank of zeros in its place; `head_shape` is (V, d)."""
        vocab_size, hidden_size = head_shape
        zeros = AdapterWeights(np.zeros((1, hidden_size), np.float32), np.zeros((vocab_size, 1), np.float32))
        return self.adapter or zeros


class Placement(Protocol):
    """Head, shard and adapter on the device. `rows` are rows of the shard, in the order of the step."""

    def warm_up(self, rows: Rows) -> None:
        """Loss and gradients of `rows`, thrown away."""
        ...

    def step(self, rows: Rows) -> float:
        """One update; returns the mean loss of `rows` before it."""
        ...

    def summed_loss(self, rows: Rows) -> float:
        """Nats summed over `rows`; nothing is updated."""
        ...

    def state(self) -> tuple[AdapterWeights, Moments]:
        """A copy on the host, in f32. Whatever more digits a backend keeps are dropped by this: it goes on from
        what it returned, as somebody who only has the copy would."""
        ...


class SteppingBackend(ABC):
    """A backend by its arithmetic: subclasses place things on their device and name it."""

    name: BackendName
    tiles: tuple[NamedSize, ...] = ()

    def __init__(self, *, threads: int, chunk_tokens: int) -> None:
        if threads < 1 or chunk_tokens < 1:
            raise ValueError(f"expected at least one thread and one token per chunk, got {threads} and {chunk_tokens}")
        self.threads = threads
        self.chunk_tokens = chunk_tokens
        self._ready: tuple[TrainingJob, Placement] | None = None
        self._warm_with = ""  # sha256 of the head: a second placement beside it, of a replay's next segment, is warm

    def head_memory(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        return np.empty(shape, dtype)

    @abstractmethod
    def version(self) -> Label: ...

    @abstractmethod
    def device(self) -> Device: ...

    @abstractmethod
    def _place_head(self, head: Head) -> None:
        """Bring the head to the device, unless this one lies there."""

    @abstractmethod
    def _place(self, work: Work) -> Placement:
        """Beside the head that was placed last."""

    def prepare(self, job: TrainingJob, on_stage: OnStage) -> None:
        check_job(job)
        head_bytes = job.head.weight.nbytes
        on_stage("head", 0, head_bytes, "bytes", f"{job.head.vocab_size} x {job.head.hidden_size} to the device")
        self._place_head(job.head)
        on_stage("head", head_bytes, head_bytes, "bytes", "")
        on_stage("warm_up", 0, 1, "steps", self.device().device_label)
        start = job.start
        placement = self._place(Work(job.shard, start.weights, job.scale, job.recipe, start.moments, start.step))
        if self._warm_with != job.head.sha256:
            placement.warm_up(job.shard.rows(job.batches[start.step]))
        self._warm_with = job.head.sha256
        on_stage("warm_up", 1, 1, "steps", "")
        self._ready = (job, placement)

    def train(
        self,
        job: TrainingJob,
        on_step: OnStep,
        should_stop: ShouldStop = never_stop,
        on_state: OnState | None = None,
    ) -> TrainingResult:
        if self._ready is None or self._ready[0] is not job:
            self.prepare(job, ignore_stage)
        assert self._ready is not None
        placement = self._ready[1]
        self._ready = None  # its weights move from here on: a second training starts from the start again
        losses = list(job.start.step_losses)
        for index in range(job.start.step, job.last_step):
            losses.append(_one_step(job, placement, index, on_step, should_stop))
            if on_state is not None and index + 1 < job.last_step and (index + 1) % job.recipe.checkpoint_steps == 0:
                on_state(_state(placement, losses))
        return TrainingResult(_state(placement, losses))

    def held_out_loss(self, head: Head, shard: Shard, adapter: AdapterWeights | None, alpha: float) -> float:
        check_shapes(head, shard, adapter)
        self._place_head(head)
        scale = alpha / adapter.a.shape[0] if adapter is not None else 0.0
        rows = np.arange(shard.tokens, dtype=np.int64)
        return self._place(Work(shard, adapter, scale, None)).summed_loss(rows) / len(rows)


def _state(placement: Placement, losses: list[float]) -> TrainingState:
    weights, moments = placement.state()
    if not (np.isfinite(weights.a).all() and np.isfinite(weights.b).all()):
        raise Diverged(f"after step {len(losses)}: expected finite weights, got some that are not")
    return TrainingState(len(losses), weights, moments, tuple(losses))


def _one_step(job: TrainingJob, placement: Placement, index: int, on_step: OnStep, should_stop: ShouldStop) -> float:
    if should_stop():
        raise Stopped(f"asked to stop before step {index + 1} of {len(job.batches)}")
    batch = job.batches[index]
    rows = job.shard.rows(batch)
    started = time.perf_counter()
    loss = placement.step(rows)
    seconds = time.perf_counter() - started
    if not abs(loss) <= MAX_INTEGER:  # past it a journal can't say it, and NaN is nothing
        raise Diverged(f"step {index + 1}: expected a finite loss below 2^53, got {loss}")
    on_step(StepResult(step=index + 1, loss=loss, samples=len(batch), tokens=len(rows), seconds=seconds))
    return loss


def check_job(job: TrainingJob) -> None:
    """Raises UnsupportedPrecision, InputMismatch, or MalformedBytes for batches that don't fit the shard."""
    if job.adapter.precision not in SUPPORTED_PRECISIONS:
        expected = ", ".join(sorted(SUPPORTED_PRECISIONS))
        raise UnsupportedPrecision(f"expected precision {expected}, got {job.adapter.precision}")
    check_batches(
        job.batches,
        samples=job.shard.samples,
        batch_samples=job.recipe.batch_samples,
        steps=job.recipe.steps,
    )
    start = job.start
    check_shapes(job.head, job.shard, start.weights)
    if start.weights.a.shape[0] != job.adapter.rank:
        raise InputMismatch(f"start: expected rank {job.adapter.rank}, got {start.weights.a.shape[0]}")
    if not 0 <= start.step < job.last_step <= len(job.batches) or len(start.step_losses) != start.step:
        raise InputMismatch(
            f"start: expected a step before {job.last_step} of {len(job.batches)} with as many losses, "
            f"got step {start.step} with {len(start.step_losses)}"
        )


def check_shapes(head: Head, shard: Shard, adapter: AdapterWeights | None) -> None:
    """Raises InputMismatch unless W [V, d], h [N, d], targets below V, A [r, d] and B [V, r] belong together."""
    vocab_size, hidden_size = head.vocab_size, head.hidden_size
    if shard.hidden_size != hidden_size:
        raise InputMismatch(f"shard: expected hidden states [N, {hidden_size}], got {list(shard.hidden.shape)}")
    highest = int(shard.targets.max())
    if highest >= vocab_size:
        raise InputMismatch(f"shard: expected target ids below {vocab_size}, got {highest}")
    if adapter is None:
        return
    a, b = adapter.a.shape, adapter.b.shape
    if a != (a[0], hidden_size) or b != (vocab_size, a[0]):
        raise InputMismatch(
            f"adapter: expected A [r, {hidden_size}] and B [{vocab_size}, r], got {list(a)} and {list(b)}"
        )
