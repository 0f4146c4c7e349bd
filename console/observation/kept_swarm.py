"""What a bundle of this system says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from console.evidence.checks.layout import BUNDLE_FILE
from console.observation.figures import seconds, words
from console.observation.kept_json import items, number, numbers, read_json, text
from console.observation.kept_run import Device, Event, KeptRun, Series, audit_of, files_of

ARTIFACTS = "retained_artifacts"


def read_swarm(path: Path) -> KeptRun:
    first = read_json(path / BUNDLE_FILE)
    report = read_json(path / "coordinator_runtime_report.json")
    nodes = items(report, "nodes")
    receipts = {text(node, "node_id"): _receipt(path, text(node, "node_id")) for node in nodes}
    devices = tuple(_device(path, node, receipts[text(node, "node_id")]) for node in nodes)
    losses = (Series(name, numbers(receipt, "step_losses")) for name, receipt in receipts.items())
    return KeptRun(
        path=path,
        kind="swarm",
        run_id=text(first, "run_id"),
        lane=text(first, "lane_id"),
        classification=text(first, "result_classification"),
        reason=text(first, "reason"),
        promotion=text(first, "promotion_disposition"),
        publish=f"{text(first, 'publish_disposition')}: {text(first, 'publish_reason')}",
        claim_boundary=text(first, "claim_boundary", limit=2000),
        counts=_counts(first),
        figures=_figures(path, report),
        scores=tuple(_scores(first)),
        devices=devices,
        losses=tuple(series for series in losses if series.values),
        events=tuple(_event(one) for one in items(report, "states")),
        files=files_of(path),
        audit=audit_of(path),
    )


def _scores(first: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for one in items(first, "held_out_scores"):
        value = number(one, "mean_loss")
        if value is not None:
            yield text(one, "subject"), float(value)


def _receipt(path: Path, node_id: str) -> dict[str, Any]:
    """The node's name comes from a document: it must be a name and no way out of the folder."""
    if not node_id or "/" in node_id or node_id.startswith("."):
        return {}
    return read_json(path / ARTIFACTS / node_id / "contributor_receipt.json")


def _device(path: Path, node: dict[str, Any], receipt: dict[str, Any]) -> Device:
    node_id, losses = text(node, "node_id"), numbers(receipt, "step_losses")
    began, ended = number(receipt, "started_wall_ms"), number(receipt, "finished_wall_ms")
    merged = items(read_json(path / ARTIFACTS / "merged_artifact_report.json"), "contributions")
    mine = next((one for one in merged if text(one, "node_id") == node_id), {})
    weight, whole = number(mine, "weight_numerator"), number(mine, "weight_denominator")
    endpoints = items(read_json(path / "operator_manifest.json"), "endpoints")
    return Device(
        node_id=node_id,
        backend=text(node, "backend_label"),
        device=f"{text(node, 'device_label')} {text(node, 'device_name')}".strip(),
        disposition=words(text(node, "disposition")),
        replay=words(text(node, "replay_outcome")),
        steps=_whole(number(node, "steps_done")),
        samples=_whole(number(receipt, "samples_presented")),
        final_loss=losses[-1] if losses else None,
        train_ms=_whole(ended - began) if began is not None and ended is not None else None,
        adapter_bytes=_whole(number(receipt, "adapter", "size_bytes")),
        adapter_sha256=text(node, "adapter_sha256"),
        share=weight / whole if weight is not None and whole else None,
        longest_gap_ms=_whole(number(node, "longest_heartbeat_gap_ms")),
        endpoint=next((text(one, "observed_endpoint") for one in endpoints if text(one, "node_id") == node_id), ""),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _counts(first: dict[str, Any]) -> tuple[tuple[str, int], ...]:
    names = ("total_contributions", "accepted_contributions", "replay_checked_contributions")
    found = ((words(name), number(first, name)) for name in names)
    return tuple((name, int(value)) for name, value in found if value is not None)


def _figures(path: Path, report: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    merged, score = read_json(path / ARTIFACTS / "merged_artifact_report.json"), read_json(path / "receipts/score.json")
    began, ended = number(report, "started_wall_ms"), number(report, "finished_wall_ms")
    named = [
        ("run", seconds(ended - began) if began is not None and ended is not None else ""),
        ("window", _seconds(number(report, "window_ms"))),
        ("skew", _seconds(number(report, "skew_ms"))),
        ("observer gaps", str(len(numbers(report, "observer_gaps_ms")))),
        ("merge rank", f"{number(merged, 'rank') or 'no merge'}"),
        ("norm of the merged delta", f"{delta:.9g}" if (delta := number(merged, "delta_norm")) is not None else ""),
        ("held-out tokens", str(next((number(one, "tokens") for one in items(score, "scores")), "none"))),
    ]
    return tuple((name, value) for name, value in named if value)


def _seconds(value: float | None) -> str:
    return "not measured" if value is None else seconds(value)


def _event(one: dict[str, Any]) -> Event:
    after = text(one, "after")
    bad = after in ("refused", "replay_required", "rejected", "wait_then_replay", "aborted")
    what = f"{words(text(one, 'before'))} to {words(after)}: {text(one, 'reason')}"
    return Event(int(number(one, "wall_ms") or 0), "coordinator", what, "bad" if bad else "text")
