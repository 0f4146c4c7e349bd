"""What a run folder of the old system says: the fields that its documents really hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from console.evidence.checks.layout import BUNDLE_FILE
from console.observation.figures import seconds, words
from console.observation.kept_json import items, number, part, read_json, text, texts
from console.observation.kept_run import Device, Event, KeptRun, audit_of, files_of

REPORTS = ("coordinator_runtime_report.json", "contributor_runtime_report.json")
SUMMARY = "tailrun_admitted_home_run_summary.json"
SHORTEST_RATE_MS = 100  # below it a clock of whole milliseconds is off by a percent or more
SMALLEST_HEAD_ADAPTER = 4 * (2880 + 201_088)  # bytes: A [1, d] and B [V, 1] in f32, d and V of gpt-oss-20b
_EVENTS = (
    ("heartbeat_receipts", "observed_at_ms", "heartbeat"),
    ("acknowledgement_receipts", "acknowledged_at_ms", "acknowledged its assignment"),
    ("submission_receipts", "observed_at_ms", "submission"),
)


def read_psionic(path: Path) -> KeptRun:
    first = read_json(path / BUNDLE_FILE)
    reports = [read_json(path / name) for name in REPORTS]
    names = ("total_contributions", "accepted_contributions", "replay_checked_contributions")
    counts = ((words(name), number(first, name)) for name in names)
    return KeptRun(
        path=path,
        kind="psionic",
        run_id=text(first, "run_id"),
        lane=text(first, "run_family_id"),
        classification=text(first, "result_classification"),
        reason=", ".join(texts(first, "promotion_hold_reason_codes")),
        promotion=text(first, "promotion_disposition"),
        publish=f"{text(first, 'publish_disposition')}: {text(first, 'publish_reason')}",
        claim_boundary=text(first, "claim_boundary", limit=2000),
        counts=tuple((name, int(value)) for name, value in counts if value is not None),
        figures=tuple(
            (f"{text(report, 'runtime_role')} wall clock", seconds(number(report, "observed_wallclock_ms") or 0))
            for report in reports
            if report
        ),
        scores=(),
        devices=tuple(_devices(path, reports)),
        losses=(),  # these documents keep one final loss per device and no series
        events=tuple(sorted(_events(reports[0]), key=lambda event: event.wall_ms)),
        files=files_of(path),
        audit=audit_of(path),
    )


def _devices(path: Path, reports: list[dict[str, Any]]) -> Iterator[Device]:
    summary = {text(one, "node_id"): one for one in items(read_json(path / SUMMARY), "per_device_contributions")}
    for report in reports:
        mine = part(report, "local_contribution")
        if not isinstance(mine, dict):
            continue
        node_id = text(report, "node_id")
        said, ran = summary.get(node_id, {}), part(mine, "execution_summary")
        began, ended = number(ran, "started_at_ms"), number(ran, "completed_at_ms")
        steps, size_bytes = _whole(number(mine, "executed_steps")), _whole(number(mine, "payload_bytes"))
        train_ms = _whole(ended - began) if began is not None and ended is not None else None
        yield Device(
            node_id=node_id,
            backend=text(mine, "execution_backend_label"),
            device="not recorded",
            disposition=_outcome(reports[0], node_id),
            replay="not kept",
            steps=steps,
            samples=_whole(number(ran, "sample_count")),
            final_loss=number(mine, "final_mean_loss"),
            train_ms=train_ms,
            adapter_bytes=size_bytes,
            adapter_sha256=text(mine, "payload_sha256"),
            share=number(said, "contribution_share"),
            endpoint=text(report, "local_endpoint"),
            caveats=tuple(_caveats(steps, train_ms, size_bytes)),
        )


def _caveats(steps: int | None, train_ms: int | None, size_bytes: int | None) -> Iterator[str]:
    """A label and a rate are believed only as far as the other figures beside them allow."""
    if steps and train_ms is not None and train_ms < SHORTEST_RATE_MS:
        yield f"{steps} steps in {train_ms} ms by a clock of whole milliseconds: no rate follows from that"
    if size_bytes is not None and size_bytes < SMALLEST_HEAD_ADAPTER:
        yield (
            f"its adapter has {size_bytes} bytes; one of rank 1 for the head of gpt-oss-20b has "
            f"{SMALLEST_HEAD_ADAPTER}: whatever the backend's label says, what was trained here is no such head"
        )


def _outcome(report: dict[str, Any], node_id: str) -> str:
    found = (text(one, "outcome") for one in items(report, "submission_receipts") if text(one, "worker_id") == node_id)
    return next(found, "not recorded")


def _events(report: dict[str, Any]) -> Iterator[Event]:
    for name, when, what in _EVENTS:
        for one in items(report, name):
            steps = number(one, "progress", "completed_steps")
            more = f" {text(one, 'outcome')}" if name == "submission_receipts" else ""
            told = f"{what}{more}" if steps is None else f"{what}, step {steps}"
            yield Event(int(number(one, when) or 0), text(one, "worker_id"), told)
    held = text(report, "promotion_receipt", "promotion_disposition")
    for name, when, what in (
        ("window_plan", "planned_at_ms", "window planned"),
        ("validator_summary", "scored_at_ms", "contributions scored"),
        (
            "promotion_receipt",
            "aggregated_at_ms",
            f"aggregated, {held}",
        ),
    ):
        at = number(report, name, when)
        if at is not None:
            yield Event(int(at), "coordinator", what, "accent")


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
