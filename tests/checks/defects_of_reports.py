"""Lies that a host may tell in its bring-up report, each alone, with the rule that must refuse it."""

from typing import Any

import numpy as np

from runners.process.probes import product
from runners.training.head import as_f32, f32_to_bf16
from tests.checks.forged_bringup import SOURCES, probe, refuse_for_disk
from tests.checks.forged_hosts import MAC
from tests.checks.resealing import Body, BodyEdit
from tests.checks.signed_report import forged

CUDA = {"backend_label": "open_adapter_backend.cuda.gpt_oss_lm_head", "kind": "cuda", "device_label": "cuda:0"}
METAL = {"backend_label": "open_adapter_backend.mlx.metal.gpt_oss_lm_head", "kind": "metal", "device_label": "metal:0"}


def put(*place: str | int, value: Any) -> BodyEdit:
    def edit(body: Body) -> None:
        inner: Any = body
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value

    return edit


def finding(rule: str, **changes: Any) -> BodyEdit:
    return lambda body: next(item for item in body["findings"] if item["rule"] == rule).update(changes)


def device(**changes: str) -> BodyEdit:
    """Everywhere in the report, as a host would that lies to itself."""

    def edit(body: Body) -> None:
        for inner in (body["device"], body["gate"]["receipt"]["device"]):
            inner.update(changes)
        body["probe"]["device_label"] = body["device"]["device_label"]
        body["accelerator"].update(kind=body["device"]["kind"], name=body["device"]["name"])
        body["accelerator"]["sources"] = list(SOURCES[body["device"]["kind"]])
        finding("device_kind", value=body["device"]["kind"])(body)

    return edit


def on_cuda(body: Body) -> None:
    """All of it, with the card's own memory."""
    device(**CUDA)(body)
    (host,) = body["memory"]["needs"]
    body["memory"]["needs"] = [{**host, "where": "device"}, host]
    at = next(index for index, item in enumerate(body["findings"]) if item["rule"] == "training_memory_host")
    body["findings"].insert(at, {**body["findings"][at], "rule": "training_memory_device"})
    exact_bf16(body)


def on_a_mac(body: Body) -> None:
    body["machine"]["os"] = "macos"
    finding("os", value="macos")(body)


def tf32_left_on(body: Body) -> None:
    for inner in (body["device"], body["gate"]["receipt"]["device"], body["execution"]):
        inner["tf32"] = True


def needs_more_than_it_has(body: Body) -> None:
    """The figures are true, the verdict isn't."""
    (need,) = body["memory"]["needs"]
    need["free_bytes"] = need["needed_bytes"] - 1
    finding("training_memory_host", limit=f"at most {need['free_bytes']} bytes")(body)


def both(*edits: BodyEdit) -> BodyEdit:
    def edit(body: Body) -> None:
        for one in edits:
            one(body)

    return edit


def software(**changes: str) -> BodyEdit:
    def edit(body: Body) -> None:
        for inner in (body["software"], body["gate"]["receipt"]["software"]):
            inner.update(changes)

    return edit


def tf32(body: Body) -> None:
    """The device's own values, and the error of another device."""
    a, b = product.factors(product.SEED)
    ten_bits = [(part.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32) for part in (a, b)]
    body["probe"]["sample"] = [float(value) for value in (ten_bits[0] @ ten_bits[1])[0, : product.SAMPLE]]


def exact_bf16(body: Body) -> None:
    """What a card's own product would be, and judged."""
    told = probe(on_cuda=True).bf16
    assert told is not None
    body["probe"]["bf16"] = {"relative_error": told.relative_error, "sample": list(told.sample)}
    rules = [item["rule"] for item in body["findings"]]
    value = f"{told.relative_error:.6g}"
    judged = {**body["findings"][rules.index("product_error")], "rule": "product_error_bf16", "value": value}
    body["findings"].insert(rules.index("product_error") + 1, judged)


def narrow_bf16(body: Body) -> None:
    """Added up in eight bits, and the error of f32."""
    exact_bf16(body)
    told = body["probe"]["bf16"]
    told["sample"] = [float(value) for value in as_f32(f32_to_bf16(np.asarray(told["sample"], dtype=np.float32)))]


def without_finding(rule: str) -> BodyEdit:
    return lambda body: body.update(findings=[item for item in body["findings"] if item["rule"] != rule])


def other_thresholds(body: Body) -> None:
    """Softer than the lane's, and met."""
    body["requirements"]["thresholds"]["minimum_memory_bytes"] = 1
    finding("memory", limit="at least 1 bytes")(body)


def refused_but_trained(body: Body) -> None:
    spared = {name: body[name] for name in ("probe", "gate", "throughput", "findings")}
    refuse_for_disk(body)
    body.update({name: spared[name] for name in ("probe", "gate", "throughput")})
    disk = next(item for item in body["findings"] if item["rule"] == "disk_free")
    kept = [item for item in spared["findings"] if item["rule"] != "training"]
    body["findings"] = [disk if item["rule"] == "disk_free" else item for item in kept]


def ready_without_training(body: Body) -> None:
    """Everything admitted, nothing trained, and still ready."""
    body.update(probe=None, gate=None, throughput=None)
    for rule in ("product_error", "gate_loss", "throughput"):
        without_finding(rule)(body)


def rose(body: Body) -> None:
    receipt = body["gate"]["receipt"]
    receipt.update(initial_loss=receipt["final_loss"], final_loss=receipt["initial_loss"])
    value = f"{receipt['initial_loss']:.6g} to {receipt['final_loss']:.6g}"
    turned("gate_loss", "refused_training_backend_blocker", value=value)(body)


def turned(rule: str, disposition: str, **changes: Any) -> BodyEdit:
    """A finding that does not hold, and a disposition that follows from it."""

    def edit(body: Body) -> None:
        finding(rule, holds=False, **changes)(body)
        told = next(item for item in body["findings"] if item["rule"] == rule)
        reason = f"{rule}: expected {told['limit']}, got {told['value']}"
        body.update(disposition=disposition, reasons=[reason])

    return edit


RECEIPT = ("gate", "receipt")
DEFECTS: tuple[tuple[str, str, BodyEdit], ...] = (
    ("fingerprint_of_another_key", "fingerprint_is_of_the_key", put("node_key_fingerprint", value="0" * 16)),
    ("softer_thresholds", "requirements_are_the_lanes", other_thresholds),
    ("another_contract", "requirements_are_the_lanes", both(
        put("contract_digest", value="0" * 64), put(*RECEIPT, "contract_digest", value="0" * 64)
    )),
    ("another_lane", "requirements_are_the_lanes", put("lane_id", value="other")),
    ("speed_at_another_rank", "requirements_are_the_lanes", put("throughput", "rank", value=1)),
    ("cuda_label_of_a_cpu", "labels_name_the_device", device(backend_label=CUDA["backend_label"])),
    ("cuda_on_a_build_without_it", "labels_name_the_device", on_cuda),
    ("cuda_that_nobody_asked", "facts_are_of_the_device", both(
        on_cuda, software(backend="torch@2.13.0+cu128"), put("accelerator", "sources", value=["psutil"])
    )),
    ("metal_on_linux", "facts_are_of_the_device", both(
        lambda body: body.update(forged(MAC)), device(**METAL), software(platform="macOS-15.3.1-arm64")
    )),
    ("cuda_on_a_mac", "facts_are_of_the_device", both(
        on_cuda, software(backend="torch@2.13.0+cu128"), put("accelerator", "sources", value=["torch.cuda"]),
        on_a_mac,
    )),
    ("tf32_left_on", "labels_name_the_device", tf32_left_on),
    ("accelerator_of_another_name", "facts_are_of_the_device", put("accelerator", "name", value="RTX 4080")),
    ("product_of_another_device", "facts_are_of_the_device", put("probe", "device_label", value="cuda:0")),
    ("framework_of_the_other_node", "labels_name_the_device", software(backend="mlx@0.32.4")),
    ("gate_of_another_run", "gate_speaks_of_this_host", put(*RECEIPT, "run_id", value="run-0")),
    ("gate_of_another_node", "gate_speaks_of_this_host", put(*RECEIPT, "node_id", value=MAC)),
    ("gate_on_another_device", "gate_speaks_of_this_host", put(*RECEIPT, "device", "device_label", value="cpu:1")),
    ("finished_before_it_started", "times_run_forward", put("finished_wall_ms", value=1)),
    ("gate_before_the_bring_up", "times_run_forward", put(*RECEIPT, "started_wall_ms", value=1)),
    ("more_seconds_than_passed", "times_run_forward", put(*RECEIPT, "train_seconds", value=60.0)),
    ("more_free_than_there_is", "memory_is_possible", put("accelerator", "memory_free_during_bytes", value=1 << 50)),
    ("more_available_than_there_is", "memory_is_possible", put("machine", "memory_available_bytes", value=1 << 50)),
    ("more_free_for_training_than_there_is", "memory_is_possible", both(
        put("memory", "needs", 0, "free_bytes", value=1 << 50),
        finding("training_memory_host", limit=f"at most {1 << 50} bytes"),
    )),
    ("needs_that_nobody_counted", "memory_adds_up", both(
        put("memory", value=None), without_finding("training_memory_host")
    )),
    ("parts_that_do_not_add_up", "memory_adds_up", put("memory", "needs", 0, "parts", 1, "size", value=1)),
    ("memory_for_another_head", "memory_adds_up", put("memory", "needs", 0, "parts", 0, "name", value="heads")),
    ("memory_for_another_chunk", "memory_adds_up", put("execution", "chunk_tokens", value=256)),
    ("more_than_the_lanes_chunk", "memory_adds_up", put("memory", "most_chunk_tokens", value=1024)),
    ("ready_without_room", "thresholds_are_judged", needs_more_than_it_has),
    ("tf32_with_the_error_of_f32", "product_was_computed", tf32),
    ("bf16_by_a_narrow_accumulator", "product_was_computed", narrow_bf16),
    ("cuda_without_its_bf16_product", "product_was_computed", both(
        on_cuda, software(backend="torch@2.13.0+cu128"), put("accelerator", "sources", value=["torch.cuda"]),
        put("probe", "bf16", value=None), without_finding("product_error_bf16"),
    )),
    ("bf16_never_sampled", "product_was_computed", both(exact_bf16, put("probe", "bf16", "sample", value=[]))),
    ("bf16_error_that_is_not_judged", "thresholds_are_judged", both(
        exact_bf16, without_finding("product_error_bf16")
    )),
    ("product_of_other_factors", "product_was_computed", put("probe", "seed", value=1)),
    ("product_never_sampled", "product_was_computed", put("probe", "sample", value=[])),
    ("losses_invented", "gate_was_trained", put(*RECEIPT, "step_losses", value=[7.0, 6.0, 5.0, 4.0])),
    ("final_loss_improved", "gate_was_trained", both(
        put(*RECEIPT, "final_loss", value=1.0), lambda body: finding(
            "gate_loss", value=f"{body['gate']['receipt']['initial_loss']:.6g} to 1")(body)
    )),
    ("another_problem", "gate_was_trained", put(*RECEIPT, "head_sha256", value="0" * 64)),
    ("steps_not_told", "gate_was_trained", put(*RECEIPT, "step_losses", value=[])),
    ("tokens_invented", "gate_was_trained", put(*RECEIPT, "tokens_presented", value=1)),
    ("adapter_untouched", "gate_was_trained", lambda body: put(
        *RECEIPT, "adapter_sha256", value=body["gate"]["receipt"]["initial_adapter_sha256"])(body)),
    ("loss_that_rose", "gate_was_trained", rose),
    ("precision_never_asked", "another_precision_was_refused", put("gate", "refused_precision", value="f64")),
    ("refusal_of_nothing", "another_precision_was_refused", put("gate", "refusal", value="fine")),
    ("median_improved", "throughput_is_its_bands", both(
        put("throughput", "median_tokens_per_second", value=9e9), finding("throughput", value="9e+09 tokens/s")
    )),
    ("too_few_bands", "throughput_is_its_bands", put("throughput", "band_tokens_per_second", value=[1.0] * 4)),
    ("steps_outside_the_band", "throughput_is_its_bands", put("throughput", "steps", value=2000)),
    ("finding_turned", "thresholds_are_judged", turned("throughput", "refused_machine_contract")),
    ("finding_of_another_value", "thresholds_are_judged", finding("memory", value="99 bytes")),
    ("finding_left_out", "thresholds_are_judged", without_finding("device_memory_free")),
    ("finding_of_a_softer_limit", "thresholds_are_judged", finding("disk_free", limit="at least 0 bytes")),
    ("backend_of_another_lane", "thresholds_are_judged", both(
        device(backend_label="open_adapter_backend.mlx.cpu.gpt_oss_lm_head"), software(backend="mlx@0.32.4"),
        finding("backend", limit="mlx", value="mlx"),
    )),
    ("head_never_read", "thresholds_are_judged", put("head_sha256", value=None)),
    ("ready_untrained", "thresholds_are_judged", ready_without_training),
    ("refused_without_a_reason", "disposition_follows", put("disposition", value="refused_machine_contract")),
    ("blocker_for_a_machine", "disposition_follows", both(
        refuse_for_disk, put("disposition", value="refused_training_backend_blocker")
    )),
    ("ready_in_spite_of_a_finding", "disposition_follows", both(
        refuse_for_disk, put("disposition", value="ready_to_attempt")
    )),
    ("reason_that_no_finding_gives", "disposition_follows", put("reasons", value=["too warm"])),
    ("trained_on_a_refused_machine", "disposition_follows", refused_but_trained),
)  # fmt: skip
