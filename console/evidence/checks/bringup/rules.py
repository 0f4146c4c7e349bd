"""Rules about one bring-up report, from its seal to its figures. They ask for truth, not for a ready host."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from console.evidence.checks.bringup.gate_problem import (
    BATCH_SAMPLES,
    MOST_STEPS,
    SAMPLE_TOKENS,
    SEED,
    gate_losses,
    problem,
)
from console.evidence.checks.bringup.judged import disposition_of, judged, reasons_of
from console.evidence.checks.device_label import honest
from console.evidence.checks.signatures import BRINGUP_PREFIX, GATE_PREFIX, signed_by
from console.evidence.checks.stored import digest_of, sha256_hex
from console.evidence.checks.verdict import Mismatch, differs, shown

Body = dict[str, Any]
LOSS_BOUND = 1e-4  # nats; f32 on any backend stays within 1e-5 of float64 on this problem
SAMPLE_BOUND = 8.0  # a single value of a product may be off by so many times the typical error
FEWEST_BANDS = 5
BEHIND = {  # findings about what only the host could see, and what must be in the report exactly when they hold
    "checkpoint": ("head_sha256",),
    "backend_loads": ("device", "accelerator", "software"),
    "training": ("probe", "gate", "throughput"),
}
SOURCES = {"cuda": "torch.cuda", "metal": "mlx.device_info", "cpu": "psutil"}
MEASURED = ("accelerator", "device", "software", "probe", "gate", "throughput", "head_sha256")


@dataclass(frozen=True)
class Held:
    """A report of the right shape, with what lay beside it."""

    report: Body
    signature: str | None  # hex, as read from the .sig file
    contract: Body | None  # the lane's contract, where the caller has it

    @property
    def receipt(self) -> Body | None:
        gate = self.report["gate"]
        return None if gate is None else gate["receipt"]


Rule = Callable[[Held], Iterator[Mismatch]]


def report_owns_its_digest(held: Held) -> Iterator[Mismatch]:
    """Report and gate receipt are each sealed over themselves."""
    if held.receipt is not None:
        yield from differs("gate.receipt digest", digest_of(held.receipt), held.receipt["digest"])
    yield from differs("digest", digest_of(held.report), held.report["digest"])


def host_signed_its_report(held: Held) -> Iterator[Mismatch]:
    """Under the key that the report names; the fingerprint is of that key."""
    key = held.report["node_public_key"]
    if held.signature is None:
        yield Mismatch("signature", "a .sig file beside the report", "none")
    elif not signed_by(key, held.signature, BRINGUP_PREFIX + bytes.fromhex(held.report["digest"])):
        yield Mismatch("signature", f"one by {key[:16]} over the digest", "none that holds")
    yield from differs("node_key_fingerprint", sha256_hex(bytes.fromhex(key))[:16], held.report["node_key_fingerprint"])


def host_signed_its_gate(held: Held) -> Iterator[Mismatch]:
    """The gate's receipt stands under the same key: it can't be another host's."""
    if held.receipt is not None:
        key, signature = held.report["node_public_key"], held.report["gate"]["signature"]
        if not signed_by(key, signature, GATE_PREFIX + bytes.fromhex(held.receipt["digest"])):
            yield Mismatch("gate.signature", f"one by {key[:16]} over the receipt's digest", "none that holds")


def requirements_are_the_lanes(held: Held) -> Iterator[Mismatch]:
    """A host can't choose its own thresholds: they are the contract's."""
    report, contract = held.report, held.contract
    yield from differs("requirements.node_id", report["node_id"], report["requirements"]["node_id"])
    if contract is None:
        return
    yield from differs("contract_digest", contract["digest"], report["contract_digest"])
    nodes = [node for node in contract["nodes"] if node["node_id"] == report["node_id"]]
    yield from differs("requirements", nodes[0] if nodes else "a node of the contract", report["requirements"])
    yield from differs("lane_id", contract["lane_id"], report["lane_id"])
    if report["throughput"] is not None:
        for name, owner in (("rank", "adapter"), ("chunk_tokens", "recipe"), ("threads", "recipe")):
            yield from differs(f"throughput.{name}", contract[owner][name], report["throughput"][name])


def labels_name_the_device(held: Held) -> Iterator[Mismatch]:
    """A Metal or CUDA label needs that kind of device, a build that can use it, and a driver that was asked."""
    report = held.report
    device, facts = report["device"], report["accelerator"]
    if device is None:
        return
    yield from honest("device", device, report["software"])
    for finding in report["findings"]:
        if finding["rule"] == "backend" and report["software"] is not None:
            framework = {"reference": "numpy"}.get(finding["value"], finding["value"])
            yield from differs("software backend", framework, report["software"]["backend"].split("@")[0])
    if device["kind"] == "metal":
        yield from differs("machine.os under a Metal label", "macos", report["machine"]["os"])
    if facts is not None:
        yield from differs("accelerator.kind", device["kind"], facts["kind"])
        yield from differs("accelerator.name", device["name"], facts["name"])
        if SOURCES[device["kind"]] not in facts["sources"]:
            yield Mismatch("accelerator.sources", SOURCES[device["kind"]], shown(facts["sources"]))
    if report["probe"] is not None:
        yield from differs("probe.device_label", device["device_label"], report["probe"]["device_label"])


def gate_speaks_of_this_host(held: Held) -> Iterator[Mismatch]:
    """Another run's or another device's gate would vouch for a machine that never trained."""
    if held.receipt is not None:
        for name in ("run_id", "node_id", "contract_digest", "device", "software"):
            yield from differs(f"gate.receipt {name}", held.report[name], held.receipt[name])


def times_run_forward(held: Held) -> Iterator[Mismatch]:
    """The gate lies inside the bring-up, and neither took longer than its clock says."""
    report, receipt = held.report, held.receipt
    moments = [("started_wall_ms", report["started_wall_ms"]), ("finished_wall_ms", report["finished_wall_ms"])]
    if receipt is not None:
        inner = [(f"gate {name}", receipt[name]) for name in ("started_wall_ms", "finished_wall_ms")]
        moments[1:1] = inner
    for (name, earlier), (later_name, later) in pairwise(moments):
        if later < earlier:
            yield Mismatch(later_name, f"{name} ({earlier}) or later", str(later))
    spans: tuple[tuple[str, Body | None, str, Body | None], ...] = (
        ("throughput.seconds", report["throughput"], "seconds", report),
        ("gate.receipt.train_seconds", receipt, "train_seconds", receipt),
    )
    for where, body, name, outer in spans:
        if body is not None and outer is not None:
            wall = (outer["finished_wall_ms"] - outer["started_wall_ms"] + 2) / 1000  # two clocks, rounded to ms
            if not 0 < body[name] <= wall:
                yield Mismatch(where, f"more than 0 and at most {wall:.3f} s", shown(body[name]))


def memory_is_possible(held: Held) -> Iterator[Mismatch]:
    """Nothing has more left than it has."""
    machine, facts = held.report["machine"], held.report["accelerator"]
    pairs = [("machine.memory_available_bytes", machine["memory_available_bytes"], machine["memory_total_bytes"])]
    if facts is not None:
        total = facts["memory_total_bytes"]
        pairs.append(("accelerator.memory_free_before_bytes", facts["memory_free_before_bytes"], total))
        pairs.append(("accelerator.memory_free_during_bytes", facts["memory_free_during_bytes"] or 0, total))
    for where, free, total in pairs:
        if free > total:
            yield Mismatch(where, f"at most {total}", str(free))


def product_was_computed(held: Held) -> Iterator[Mismatch]:
    """The first values of the product, multiplied again in float64: they must be as exact as the report says."""
    probe = held.report["probe"]
    if probe is None:
        return
    rows, inner, columns = probe["rows"], probe["inner"], probe["columns"]
    yield from differs("probe sizes", [SEED, 192, 512, 256], [probe["seed"], rows, inner, columns])
    if [probe["seed"], rows, inner, columns] != [SEED, 192, 512, 256]:
        return
    words = np.random.Philox(key=SEED).random_raw(rows * inner + inner * columns)
    unit = ((words >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32).astype(np.float64)
    row = unit[:inner] @ unit[rows * inner :].reshape(inner, columns)
    sample = np.asarray(probe["sample"], dtype=np.float64)
    if len(sample) != 8:
        yield Mismatch("probe.sample", "8 values", str(len(sample)))
        return
    # Each value is a sum of `inner` products of uniforms in [-1, 1): a third of the variance each.
    typical = np.sqrt(inner) / 3
    worst, allowed = float(np.abs(sample - row[:8]).max()), SAMPLE_BOUND * probe["relative_error"] * typical
    if worst > allowed:
        yield Mismatch("probe.sample", f"values within {allowed:.3g} of float64", f"one off by {worst:.3g}")


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


def thresholds_are_judged(held: Held) -> Iterator[Mismatch]:
    """Each finding again, from the report's own measurements: none left out, none added, none turned."""
    expected, got = judged(held.report), held.report["findings"]
    names, found = [item["rule"] for item in expected], [item["rule"] for item in got]
    yield from differs("findings", names, found)
    if names == found:
        for one, other in zip(expected, got, strict=True):
            yield from differs(f"finding {one['rule']}", one, other)
    for item in got:
        if item["rule"] == "backend":
            yield from differs("finding backend limit", held.report["requirements"]["backend"], item["limit"])
        there = [held.report[name] is not None for name in BEHIND.get(item["rule"], ())]
        if there:
            yield from differs(f"finding {item['rule']} with its measurements", all(there), item["holds"])


def disposition_follows(held: Held) -> Iterator[Mismatch]:
    """From the findings alone; readiness rests on measurements, and a machine that was refused was not trained on."""
    report = held.report
    findings = report["findings"]
    yield from differs("disposition", disposition_of(findings), report["disposition"])
    yield from differs("reasons", reasons_of(findings), report["reasons"])
    if report["disposition"] == "ready_to_attempt":
        for name in MEASURED:
            if report[name] is None:
                yield Mismatch(name, "a measurement behind ready_to_attempt", "none")
    before = [item for item in findings if item["scope"] == "machine" and item["rule"] != "throughput"]
    if not all(item["holds"] for item in before):
        for name in ("probe", "gate", "throughput"):
            if report[name] is not None:
                yield Mismatch(name, "nothing trained on a machine that the lane refuses", "a measurement")


RULES: tuple[Rule, ...] = (
    report_owns_its_digest,
    host_signed_its_report,
    host_signed_its_gate,
    requirements_are_the_lanes,
    labels_name_the_device,
    gate_speaks_of_this_host,
    times_run_forward,
    memory_is_possible,
    product_was_computed,
    gate_was_trained,
    another_precision_was_refused,
    throughput_is_its_bands,
    thresholds_are_judged,
    disposition_follows,
)
