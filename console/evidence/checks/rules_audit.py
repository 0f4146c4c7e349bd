"""The audit is what people read first, so it is written anew from the records and compared, line by line."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import zip_longest

from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.rules_summary import longest_gap_ms
from console.evidence.checks.troubles import what_became_of
from console.evidence.checks.verdict import Mismatch, shown

AUDIT = "audit.md"
# A record that is told under "Met on the way": when, and in which words.
Told = tuple[str, Callable[[Body], bool], str]


def _always(_: Body) -> bool:
    return True


MET: tuple[Told, ...] = (
    ("bringup_refused", _always, "{node_id} refused at its gate, {reason}: {detail}"),
    ("admission_decided", lambda b: b["outcome"] == "refused", "{node_id} not admitted, {reason}: {detail}"),
    ("preparation_failed", _always, "{node_id} could not be prepared, {reason}: {detail}"),
    ("link_changed", lambda b: b["state"] == "down", "link to {node_id} down: {reason}"),
    ("runner_changed", _always, "{node_id} {before} to {after}, last heartbeat {beat_age_ms} ms before: {cause}"),
    ("journal_broken", _always, "journal of {node_id} broken, {reason}: {detail}"),
    ("contributor_failed", _always, "{node_id} failed, {reason}: {detail}"),
    ("checkpoint_refused", _always, "checkpoint of {node_id} after step {step} refused: {reason}"),
    ("submission_judged", lambda b: b["outcome"] == "rejected", "submission of {node_id} rejected: {reason}"),
    ("quarantined", _always, "{name} of {node_id} put into quarantine: {reason}"),
    ("skew_measured", lambda b: b["outcome"] != "within_bound",
     "{last} {skew_ms} ms behind {first}, bound {bound_ms} ms: {outcome}"),
    ("replay_judged", lambda b: b["outcome"] in ("mismatch", "failed"), "replay of {node_id}: {outcome}{detailed}"),
    ("observer_gap", _always, "the coordinator itself was late by {gap_ms} ms ({cause})"),
    ("epoch_opened", _always, "a new coordinator took over after {gap_ms} ms"),
    ("recovered", _always, "a torn last line of {cut_bytes} bytes was cut"),
    ("revision_opened", _always,
     "revision {revision}, because the one before ended as {previous_classification}: {went}"),
    ("work_failed", _always, "{activity} failed: {detail}"),
    ("drift_found", _always, "drift of the {document}, {said}"),
    ("replay_outlook", lambda b: not b["possible"], "no replay is possible under the same contract: {found}"),
    ("operator_acted", _always, "the operator: {command} ({reason})"),
)  # fmt: skip


def audit_tells_the_records(e: Evidence) -> Iterator[Mismatch]:
    """Not a word of its own: result, hosts, verdicts, figures, troubles and limits are those of this run."""
    file = e.file_of(AUDIT)
    if file is None or file.secret or e.contract is None or not e.said("closed") or not e.said("run_opened"):
        return  # rules about the folder and the end of the run name it
    got = file.head.decode("utf-8", "replace").split("\n")
    # One by one and not as lines of a text: what a host said may hold line ends of its own.
    expected = "\n".join(_lines(e)).split("\n")
    for number, (wanted, told) in enumerate(zip_longest(expected, got, fillvalue="nothing"), start=1):
        if wanted != told:
            yield Mismatch(f"{AUDIT} line {number}", shown(wanted), shown(told))
            return  # whatever follows has moved


def _lines(e: Evidence) -> Iterator[str]:
    yield from _head(e)
    yield from _hosts(e)
    yield from _verified(e)
    yield from _figures(e)
    yield from _met(e)
    assert e.contract is not None
    proven = "the merge of replay-checked contributions" if e.said("merged") else "no merge: only what is listed above"
    yield from ("## What it proves, and what it does not", "")
    yield from (f"It proves {proven}. {e.contract['claim_boundary']}", "")
    yield (
        "The run itself published nothing. Without an outside witness the coordinator's owner could have written all "
        "of it."
    )
    yield ""


def _head(e: Evidence) -> Iterator[str]:
    assert e.contract is not None
    begun, ended = e.coordinator[0].record["wall_ms"], e.coordinator[-1].record["wall_ms"]
    closed = e.said("closed")[-1].body
    yield from (f"# Audit of run {e.bundle['run_id']}", "")
    lane, digest = e.contract["lane_id"], e.contract["digest"][:16]
    span = f"{_utc(begun)} to {_utc(ended)} UTC ({(ended - begun) / 1000:.1f} s)"
    yield from (f"Lane `{lane}`, contract `{digest}`, {span}.", "")
    yield from (f"Result: **{closed['classification']}**. {closed['reason']}.", "")


def _hosts(e: Evidence) -> Iterator[str]:
    yield from ("## What ran", "", "| node | device | steps | heartbeats | longest gap | departure |")
    yield "|---|---|---|---|---|---|"
    for node in sorted(e.contributors):
        received = [line.body for line in e.said("bringup_received", node)]
        device = f"{received[-1]['backend_label']}, {received[-1]['device_name']}" if received else "not observed"
        own = e.lines_of(node)
        beats = [line.body["step"] for line in own if line.kind == "heartbeat"]
        gap = longest_gap_ms(own)
        departures = [line.body["departure"] for line in e.said("runner_changed", node) if line.body["departure"]]
        yield (
            f"| {node} | {device} | {max(beats, default=0)} | {len(beats)} "
            f"| {f'{gap} ms' if gap is not None else '-'} | {departures[-1] if departures else '-'} |"
        )
    yield ""


def _verified(e: Evidence) -> Iterator[str]:
    yield from ("## What was verified", "")
    for node in sorted(e.contributors):
        trouble, word = what_became_of(e, node)
        parts = [f"contribution {word}", _replayed(e, node)]
        if trouble:
            parts.append(f"{trouble['reason']}: {trouble['detail']}")
        yield f"- {node}: {'; '.join(parts)}"
    for line in e.said("skew_measured")[-1:]:
        yield f"- skew {line.body['skew_ms']} ms of {line.body['bound_ms']} ms: {line.body['outcome']}"
    yield ""


def _replayed(e: Evidence, node: str) -> str:
    said = [line.body for line in e.said("replay_judged", node)][-1:]
    if not said:
        return "not replayed"
    body = said[0]
    if body["relative_difference"] is None:
        return f"replay {body['outcome']}: {body['detail']}"
    return (
        f"replayed on `{body['backend_label']}` in {body['segments']} segments ({body['exact_segments']} exact): "
        f"{body['outcome']}, largest difference over a segment's own change {body['relative_difference']:.2e} "
        f"(bound {body['relative_bound']:g}), largest loss difference {body['max_loss_difference']:.2e} "
        f"(bound {body['loss_bound']:g})"
    )


def _figures(e: Evidence) -> Iterator[str]:
    scored, decided = e.said("scored"), e.said("promotion_decided")
    yield from ("## Figures", "")
    if not scored:
        yield from ("No held-out score: no merge was reached.", "")
        return
    yield from ("| held-out loss of | nats per response token |", "|---|---|")
    for score in scored[-1].body["scores"]:
        yield f"| {score['subject']} | {score['mean_loss']:.6f} |"
    for line in decided[-1:]:
        body = line.body
        yield ""
        yield from (f"Promotion: **{body['disposition']}**. Publication: {body['publish_disposition']}.", "")
        for gate in body["gates"]:
            yield f"- {gate['gate']}: {gate['value']} ({gate['threshold']})"
    yield ""


def _met(e: Evidence) -> Iterator[str]:
    yield from ("## Met on the way", "")
    told = [(line.record["wall_ms"], _told(line.kind, line.body)) for line in e.coordinator]
    yield from [f"- {_utc(wall_ms)} {text}" for wall_ms, text in told if text] or ["Nothing out of the ordinary."]
    yield ""


def _told(kind: str, body: Body) -> str:
    for known, when, words in MET:
        if known == kind and when(body):
            return words.format(
                **body, went=_went(body), said=_said(body), found=_found(body), detailed=_detailed(body)
            )
    return ""


def _detailed(body: Body) -> str:
    return f" {body['detail']}".rstrip() if "detail" in body else ""


def _went(body: Body) -> str:
    stretches = [
        (item["node_id"], item["checkpoints"][-1]) for item in body.get("continued", []) if item["checkpoints"]
    ]
    told = [
        f"{node} goes on after step {at['step']}, from its checkpoint of revision {at['revision']}"
        for node, at in stretches
    ]
    return "; ".join(told) or "every slice from its first step"


def _said(body: Body) -> str:
    first: Body = next(iter(body.get("findings", [])), {"rule": "", "expected": "", "got": ""})
    return f"{first['rule']}: expected {first['expected']}, got {first['got']}"


def _found(body: Body) -> str:
    return "; ".join(
        f"{item['rule']} expected {item['expected']}, got {item['got']}" for item in body.get("findings", [])
    )


def _utc(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


RULES = (audit_tells_the_records,)
