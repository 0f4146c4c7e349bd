"""What the device did: its product multiplied again, its gate trained again, its speed added up again."""

import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from console.evidence.checks.bringup.gate_problem import (
    BATCH_SAMPLES,
    MOST_STEPS,
    SAMPLE_TOKENS,
    SEED,
    gate_losses,
    problem,
)
from console.evidence.checks.bringup.held import Held, Rule
from console.evidence.checks.verdict import Mismatch, differs, shown

F32 = npt.NDArray[np.float32]
LOSS_BOUND = 1e-4  # nats; f32 on any backend stays within 1e-5 of float64 on this problem
SAMPLE_BOUND = 8.0  # a single value of a product may be off by so many times the typical error
FEWEST_BANDS = 5


def product_was_computed(held: Held) -> Iterator[Mismatch]:
    """The first values of the products, multiplied again in float64: they must be as exact as the report says."""
    probe = held.report["probe"]
    if probe is None:
        return
    rows, inner, columns = probe["rows"], probe["inner"], probe["columns"]
    yield from differs("probe sizes", [SEED, 192, 512, 256], [probe["seed"], rows, inner, columns])
    if [probe["seed"], rows, inner, columns] != [SEED, 192, 512, 256]:
        return
    words = np.random.Philox(key=SEED).random_raw(rows * inner + inner * columns)
    unit = ((words >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32)
    yield from _as_exact_as_told("probe", probe, unit[:inner], unit[rows * inner :].reshape(inner, columns))
    bf16, device = probe["bf16"], held.report["device"]
    if bf16 is None and device is not None and device["kind"] == "cuda":
        yield Mismatch("probe.bf16", "the product that a CUDA card multiplies a bf16 head by", "null")
    if bf16 is not None:
        short = _bf16(unit)
        yield from _as_exact_as_told("probe.bf16", bf16, short[:inner], short[rows * inner :].reshape(inner, columns))


def _as_exact_as_told(name: str, told: dict[str, Any], first: F32, b: F32) -> Iterator[Mismatch]:
    """`first` [inner] is the first row of A."""
    sample = np.asarray(told["sample"], dtype=np.float64)
    if len(sample) != 8:
        yield Mismatch(f"{name}.sample", "8 values", str(len(sample)))
        return
    row = first.astype(np.float64) @ b[:, :8].astype(np.float64)
    # Each value is a sum of `inner` products of uniforms in [-1, 1): a third of the variance each.
    typical = np.sqrt(len(first)) / 3
    worst, allowed = float(np.abs(sample - row).max()), SAMPLE_BOUND * told["relative_error"] * typical
    if worst > allowed:
        yield Mismatch(f"{name}.sample", f"values within {allowed:.3g} of float64", f"one off by {worst:.3g}")


def _bf16(values: F32) -> F32:
    """Rounded to the nearest value of eight bits, ties to the even one."""
    bits = values.view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)).view(
        np.float32
    )


def gate_was_trained(held: Held) -> Iterator[Mismatch]:
    """The gate's problem, trained again here: its losses are what they must be, and they fall."""
    receipt = held.receipt
    if receipt is None:
        return
    steps = receipt["steps"]
    for name, expected in (
        ("seed", SEED),
        ("head_sha256", problem().head_sha256),
        ("samples_presented", steps * BATCH_SAMPLES),
        ("tokens_presented", steps * BATCH_SAMPLES * SAMPLE_TOKENS),
    ):
        yield from differs(f"gate.receipt {name}", expected, receipt[name])
    yield from differs("gate.receipt step_losses", steps, len(receipt["step_losses"]))
    if receipt["adapter_sha256"] == receipt["initial_adapter_sha256"]:
        yield Mismatch("gate.receipt adapter_sha256", "another adapter than the initial one", "the same")
    if steps < 2:
        yield Mismatch("gate.receipt steps", "at least 2", str(steps))
        return
    again = gate_losses(min(steps, MOST_STEPS))
    told = [("initial_loss", again.initial, receipt["initial_loss"])]
    pairs = zip(again.steps, receipt["step_losses"], strict=False)  # past MOST_STEPS nothing is trained again
    told += [(f"step_losses[{index}]", *pair) for index, pair in enumerate(pairs)]
    if steps <= MOST_STEPS:
        told.append(("final_loss", again.final, receipt["final_loss"]))
    for name, expected, got in told:
        if abs(expected - got) > LOSS_BOUND:
            yield Mismatch(f"gate.receipt {name}", f"{expected:.6f}", f"{got:.6f}")


def another_precision_was_refused(held: Held) -> Iterator[Mismatch]:
    """The gate asked for a shorter precision, and the backend said which one it has."""
    if held.receipt is not None:
        gate = held.report["gate"]
        yield from differs("gate.refused_precision", "bf16_mixed", gate["refused_precision"])
        for word in (held.receipt["precision"], gate["refused_precision"]):
            if word not in gate["refusal"]:
                yield Mismatch("gate.refusal", f"a refusal that names {word}", shown(gate["refusal"]))


def throughput_is_its_bands(held: Held) -> Iterator[Mismatch]:
    """Median and band follow from at least five measurements, and all steps together lie within the band."""
    speed = held.report["throughput"]
    if speed is None:
        return
    bands = speed["band_tokens_per_second"]
    if len(bands) < FEWEST_BANDS:
        yield Mismatch("throughput.band_tokens_per_second", f"at least {FEWEST_BANDS}", str(len(bands)))
        return
    for name, value in (("median", statistics.median(bands)), ("lowest", min(bands)), ("highest", max(bands))):
        yield from differs(f"throughput.{name}_tokens_per_second", value, speed[f"{name}_tokens_per_second"])
    overall = speed["steps"] * speed["step_tokens"] / speed["seconds"] if speed["seconds"] > 0 else 0.0
    if not min(bands) * (1 - 1e-9) <= overall <= max(bands) * (1 + 1e-9):
        between = f"between {min(bands):.6g} and {max(bands):.6g} tokens/s"
        yield Mismatch("throughput steps over seconds", between, f"{overall:.6g}")


def memory_adds_up(held: Held) -> Iterator[Mismatch]:
    """What is needed is the sum of its parts, in the places that such a device has; the chunk is the one trained in."""
    report, memory = held.report, held.report["memory"]
    if memory is None and report["device"] is not None and report["head_sha256"] is not None:
        yield Mismatch("memory", "what a training needs", "nothing")
    if memory is None:
        return
    if report["device"] is None:
        yield Mismatch("memory", "nothing without a device", "a need")
        return
    places = ["device", "host"] if report["device"]["kind"] == "cuda" else ["host"]
    yield from differs("memory.needs", places, [need["where"] for need in memory["needs"]])
    for need in memory["needs"]:
        where = f"memory.needs {need['where']}"
        yield from differs(f"{where} needed_bytes", sum(part["size"] for part in need["parts"]), need["needed_bytes"])
        heads = [part["size"] for part in need["parts"] if part["name"] == "head"]
        if (speed := report["throughput"]) is not None:
            values = speed["vocab_size"] * speed["hidden_size"]
            if heads not in ([2 * values], [4 * values]):
                yield Mismatch(f"{where} head", f"{2 * values} or {4 * values} bytes", shown(heads))
    yield from _chunk(held, memory)


def _chunk(held: Held, memory: dict[str, Any]) -> Iterator[Mismatch]:
    report, chunk, most = held.report, memory["chunk_tokens"], memory["most_chunk_tokens"]
    if held.contract is not None:
        yield from differs("memory.most_chunk_tokens", held.contract["recipe"]["chunk_tokens"], most)
    halves = most
    while halves > chunk:
        halves //= 2
    yield from differs("memory.chunk_tokens, of the most and its halves", halves, chunk)
    for name in ("execution", "throughput"):
        if report[name] is not None:
            yield from differs(f"{name}.chunk_tokens", chunk, report[name]["chunk_tokens"])


RULES: tuple[Rule, ...] = (
    memory_adds_up,
    product_was_computed,
    gate_was_trained,
    another_precision_was_refused,
    throughput_is_its_bands,
)
