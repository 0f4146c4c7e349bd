"""The bring-up gate: a short real training job on the backend under test."""

import hashlib
from dataclasses import dataclass

import numpy as np

from runners.contract.batches import batch_order
from runners.contract.lane import AdapterContract, RecipeContract
from runners.training.adapter_file import adapter_bytes, initial_adapter
from runners.training.backend import Backend, StepResult, TrainingJob, ignore_stage
from runners.training.errors import GateFailed, UnsupportedPrecision
from runners.training.head import Head, f32_to_bf16
from runners.training.shards import Shard

SEED = 20260324
VOCAB_SIZE, HIDDEN_SIZE, RANK, ALPHA = 1024, 64, 8, 16.0
SAMPLES, SAMPLE_TOKENS, BATCH_SAMPLES = 32, 16, 8
REFUSED_PRECISION = "bf16_mixed"


@dataclass(frozen=True)
class GateRun:
    """What the gate's job did; digests are over the safetensors files that the adapters would be."""

    head_sha256: str
    initial_adapter_sha256: str
    adapter_sha256: str
    step_losses: tuple[float, ...]
    initial_loss: float  # over the whole problem: two steps see different samples, so theirs can't be compared
    final_loss: float
    samples: int
    tokens: int
    seconds: float
    refusal: str  # of REFUSED_PRECISION, in the backend's own words


def run_gate(backend: Backend, steps: int) -> GateRun:
    """Raises GateFailed where the loss didn't fall or an unsupported precision was accepted."""
    if steps < 2:
        raise ValueError(f"expected at least two steps to see a loss fall, got {steps}")
    job = gate_job(steps)
    refusal = _expect_refusal(backend, job)
    results: list[StepResult] = []
    before = backend.held_out_loss(job.head, job.shard, job.initial, job.adapter.alpha)
    backend.prepare(job, ignore_stage)
    trained = backend.train(job, results.append)
    after = backend.held_out_loss(job.head, job.shard, trained.adapter, job.adapter.alpha)
    if after >= before:
        raise GateFailed(f"gate: expected a loss below {before:.6f} after {steps} steps, got {after:.6f}")
    return GateRun(
        head_sha256=job.head.sha256,
        initial_adapter_sha256=hashlib.sha256(adapter_bytes(job.initial)).hexdigest(),
        adapter_sha256=hashlib.sha256(adapter_bytes(trained.adapter)).hexdigest(),
        step_losses=trained.step_losses,
        initial_loss=before,
        final_loss=after,
        samples=sum(result.samples for result in results),
        tokens=sum(result.tokens for result in results),
        seconds=sum(result.seconds for result in results),
        refusal=refusal,
    )


def gate_job(steps: int) -> TrainingJob:
    """The same on every host, from a seed. Targets are of few classes, so there is much to learn."""
    random = np.random.Generator(np.random.PCG64(SEED))
    weight = f32_to_bf16((random.standard_normal((VOCAB_SIZE, HIDDEN_SIZE)) / 8).astype(np.float32))
    tokens = SAMPLES * SAMPLE_TOKENS
    hidden = f32_to_bf16(random.standard_normal((tokens, HIDDEN_SIZE)).astype(np.float32))
    targets = random.integers(0, VOCAB_SIZE // 32, tokens).astype(np.int32)
    recipe = RecipeContract(
        steps=steps,
        batch_samples=BATCH_SAMPLES,
        learning_rate=5e-3,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        weight_decay=0.0,
        seed=SEED,
        threads=1,
        chunk_tokens=SAMPLE_TOKENS * BATCH_SAMPLES,
        checkpoint_steps=steps,
    )
    return TrainingJob(
        head=Head("lm_head.weight", "BF16", weight, hashlib.sha256(weight.tobytes()).hexdigest(), tied=False),
        shard=Shard("BF16", hidden, targets, np.arange(0, tokens + 1, SAMPLE_TOKENS, dtype=np.int64)),
        initial=initial_adapter(SEED, RANK, HIDDEN_SIZE, VOCAB_SIZE),
        adapter=AdapterContract(
            family="gpt_oss.decoder_lm_head_lora",
            format="safetensors",
            precision="f32_reference",
            rank=RANK,
            alpha=ALPHA,
        ),
        recipe=recipe,
        batches=batch_order(SEED, SAMPLES, BATCH_SAMPLES, steps),
    )


def _expect_refusal(backend: Backend, job: TrainingJob) -> str:
    # model_copy doesn't validate, which is the point: the backend itself must refuse what a contract can't even say.
    mixed = job.adapter.model_copy(update={"precision": REFUSED_PRECISION})
    asked = TrainingJob(job.head, job.shard, job.initial, mixed, job.recipe, job.batches)
    try:
        backend.prepare(asked, ignore_stage)
    except UnsupportedPrecision as refused:
        return str(refused)
    raise GateFailed(f"gate: expected {backend.name} to refuse precision {REFUSED_PRECISION}, got an accepted job")
