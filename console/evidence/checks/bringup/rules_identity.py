"""Whose report this is: seal, signatures, the lane's own requirements, one device and one clock throughout."""

from collections.abc import Iterator
from itertools import pairwise

from console.evidence.checks.bringup.held import Body, Held, Rule
from console.evidence.checks.device_label import framework_of, honest
from console.evidence.checks.signatures import BRINGUP_PREFIX, GATE_PREFIX, signed_by
from console.evidence.checks.stored import digest_of, sha256_hex
from console.evidence.checks.verdict import Mismatch, differs, shown

SYSTEMS = {"cuda": "linux", "metal": "macos"}
SOURCES = {"cuda": "torch.cuda", "metal": "mlx.device_info", "cpu": "psutil"}


def report_owns_its_digest(held: Held) -> Iterator[Mismatch]:
    """Report and gate receipt are each sealed over themselves."""
    if held.receipt is not None:
        yield from differs("gate.receipt digest", digest_of(held.receipt), held.receipt["digest"])
    yield from differs("digest", digest_of(held.report), held.report["digest"])


def host_signed_its_report(held: Held) -> Iterator[Mismatch]:
    """Under the key that the report names."""
    key = held.report["node_public_key"]
    if held.signature is None:
        yield Mismatch("signature", "a .sig file beside the report", "none")
    elif not signed_by(key, held.signature, BRINGUP_PREFIX + bytes.fromhex(held.report["digest"])):
        yield Mismatch("signature", f"one by {key[:16]} over the digest", "none that holds")


def fingerprint_is_of_the_key(held: Held) -> Iterator[Mismatch]:
    """What people compare by eye is the key that signs."""
    expected = sha256_hex(bytes.fromhex(held.report["node_public_key"]))[:16]
    yield from differs("node_key_fingerprint", expected, held.report["node_key_fingerprint"])


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
        for name, owner in (("rank", "adapter"), ("threads", "recipe")):
            yield from differs(f"throughput.{name}", contract[owner][name], report["throughput"][name])


def labels_name_the_device(held: Held) -> Iterator[Mismatch]:
    """A Metal or CUDA label needs that kind of device and a build that can use it."""
    if held.report["device"] is not None:
        yield from honest("device", held.report["device"], held.report["software"])


def facts_are_of_the_device(held: Held) -> Iterator[Mismatch]:
    """Settings, system, driver and probe speak of the device that the label names, and its driver was asked."""
    report = held.report
    device, facts = report["device"], report["accelerator"]
    if device is None:
        return
    for finding in report["findings"]:
        framework = framework_of(device["backend_label"])
        if finding["rule"] == "backend" and framework is not None:
            told = {"reference": "numpy"}.get(finding["value"], finding["value"])
            yield from differs("finding backend value", framework, told)
    if (system := SYSTEMS.get(device["kind"])) is not None:
        yield from differs(f"machine.os under a {device['kind']} label", system, report["machine"]["os"])
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
    report = held.report
    machine, facts = report["machine"], report["accelerator"]
    pairs = [("machine.memory_available_bytes", machine["memory_available_bytes"], machine["memory_total_bytes"])]
    if facts is not None:
        total = facts["memory_total_bytes"]
        pairs.append(("accelerator.memory_free_before_bytes", facts["memory_free_before_bytes"], total))
        pairs.append(("accelerator.memory_free_during_bytes", facts["memory_free_during_bytes"] or 0, total))
        totals = {"host": machine["memory_total_bytes"], "device": total}
        needs = report["memory"]["needs"] if report["memory"] else ()
        pairs += [(f"memory.needs {need['where']}", need["free_bytes"], totals[need["where"]]) for need in needs]
    for where, free, total in pairs:
        if free > total:
            yield Mismatch(where, f"at most {total}", str(free))


RULES: tuple[Rule, ...] = (
    report_owns_its_digest,
    host_signed_its_report,
    fingerprint_is_of_the_key,
    host_signed_its_gate,
    requirements_are_the_lanes,
    labels_name_the_device,
    facts_are_of_the_device,
    gate_speaks_of_this_host,
    times_run_forward,
    memory_is_possible,
)
