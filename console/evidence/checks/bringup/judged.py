"""The findings of a report, judged again: what its own measurements mean under its own requirements."""

from typing import Any

Body = dict[str, Any]


def judged(report: Body) -> list[Body]:
    """Every finding that the report's measurements call for, in order. Backend, checkpoint and training rest on what
    only the host could see; of those the report's own words are taken, and only their logic is checked."""
    limits, machine = report["requirements"]["thresholds"], report["machine"]
    found = [
        _one_of("os", limits["os"], machine["os"]),
        _one_of("arch", limits["arch"], machine["arch"]),
        _bytes("memory", limits["minimum_memory_bytes"], machine["memory_total_bytes"]),
        _bytes("disk_free", limits["minimum_disk_free_bytes"], machine["disk_free_bytes"]),
        *_kept(report, "checkpoint"),
        *_kept(report, "backend"),
    ]
    if report["device"] is not None and report["accelerator"] is not None:
        found += _device(report["requirements"], report["device"], report["accelerator"])
    found += _kept(report, "backend_loads")
    found += _room(report["memory"])
    if all(finding["holds"] for finding in found):
        return [*found, *_trained(report, limits), *_kept(report, "training")]
    return [*found, *_trained(report, limits)]


def _room(memory: Body | None) -> list[Body]:
    """What the chosen chunk needs where, against what was free there."""
    if memory is None:
        return []
    return [
        _finding(
            f"training_memory_{need['where']}",
            need["needed_bytes"] <= need["free_bytes"],
            f"{need['needed_bytes']} bytes with chunks of {memory['chunk_tokens']} tokens",
            f"at most {need['free_bytes']} bytes",
            "training",
        )
        for need in memory["needs"]
    ]


def _trained(report: Body, limits: Body) -> list[Body]:
    """Of what was tried, as far as it got."""
    found = []
    if report["probe"] is not None:
        limit, bf16 = limits["maximum_product_error"], report["probe"]["bf16"]
        errors = [("product_error", report["probe"]["relative_error"])]
        errors += [("product_error_bf16", bf16["relative_error"])] if bf16 is not None else []
        for rule, error in errors:
            found.append(_finding(rule, error <= limit, _number(error), f"at most {_number(limit)}", "training"))
    if report["gate"] is not None:
        before, after = report["gate"]["receipt"]["initial_loss"], report["gate"]["receipt"]["final_loss"]
        value = f"{_number(before)} to {_number(after)}"
        found.append(_finding("gate_loss", after < before, value, "a loss that falls", "training"))
    if report["throughput"] is not None:
        limit, median = limits["minimum_tokens_per_second"], report["throughput"]["median_tokens_per_second"]
        at_least = f"at least {_number(limit)} tokens/s"
        found.append(_finding("throughput", median >= limit, f"{_number(median)} tokens/s", at_least))
    return found


def disposition_of(findings: list[Body]) -> str:
    failed = {finding["scope"] for finding in findings if not finding["holds"]}
    if "machine" in failed:
        return "refused_machine_contract"
    return "refused_training_backend_blocker" if failed else "ready_to_attempt"


def reasons_of(findings: list[Body]) -> list[str]:
    return [f"{item['rule']}: expected {item['limit']}, got {item['value']}" for item in findings if not item["holds"]]


def _device(node: Body, device: Body, accelerator: Body) -> list[Body]:
    limits = node["thresholds"]
    wanted, least = limits["device_name_contains"], limits["minimum_device_memory_bytes"]
    named = []
    if wanted is not None:
        named = [_finding("device_name", wanted in device["name"], device["name"], f"a name with {wanted!r}")]
    free, least_free = accelerator["memory_free_before_bytes"], limits["minimum_free_device_memory_bytes"]
    return [
        _one_of("device_kind", node["required_devices"], device["kind"]),
        *named,
        _bytes("device_memory", least, accelerator["memory_total_bytes"]),
        _bytes("device_memory_free", least_free, free),
    ]


def _kept(report: Body, rule: str) -> list[Body]:
    """The report's own finding, with `holds` as its words have it: value equal to limit."""
    own = [finding for finding in report["findings"] if finding["rule"] == rule]
    if not own:
        return [_finding(rule, holds=False, value="not judged", limit="a finding")]
    scope = "training" if rule in ("backend_loads", "training") else "machine"
    return [{**own[0], "scope": scope, "holds": own[0]["value"] == own[0]["limit"]}]


def _one_of(rule: str, admitted: list[str], got: str) -> Body:
    return _finding(rule, got in admitted, got, f"one of {', '.join(admitted)}")


def _bytes(rule: str, minimum: int, got: int) -> Body:
    return _finding(rule, got >= minimum, f"{got} bytes", f"at least {minimum} bytes")


def _finding(rule: str, holds: bool, value: str, limit: str, scope: str = "machine") -> Body:
    return {"rule": rule, "scope": scope, "holds": holds, "value": value, "limit": limit}


def _number(value: float) -> str:
    return f"{value:.6g}"
