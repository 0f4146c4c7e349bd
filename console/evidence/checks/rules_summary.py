"""Rules about the summaries: they say what the records say, and every record's evidence was kept."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.journals import Line
from console.evidence.checks.layout import BUNDLE_FILE, kind_of
from console.evidence.checks.troubles import accepted, what_became_of
from console.evidence.checks.verdict import Mismatch, differs

COORDINATOR, CONTRIBUTORS = "coordinator_runtime_report.json", "contributor_runtime_report.json"


def journaled_things_exist(e: Evidence) -> Iterator[Mismatch]:
    """What the journal says exists must lie in the bundle, however the run ended."""
    lost = {f"contract/{line.body['document']}.json" for line in e.said("drift_found")}
    for line in e.coordinator:
        for path in _promised(line):
            if path not in e.folder.files and path not in lost:
                yield Mismatch(path, f"a file, because of {line.where} {line.kind}", "no such file")


def _promised(line: Line) -> tuple[str, ...]:
    """Paths that a record of the coordinator speaks of."""
    body, node = line.body, line.body.get("node_id")
    if line.kind == "replay_judged" and body["receipt_digest"]:
        return (f"receipts/replay_{node}.json", f"retained_artifacts/replayed_{node}/adapter_model.safetensors")
    if line.kind in ("bringup_received", "bringup_refused") and body["report_digest"]:
        return (f"reports/{node}_bringup.json", f"reports/{node}_bringup.json.sig")
    if line.kind == "admission_decided" and body["receipt_digest"]:
        return (f"receipts/admission_{node}.json", f"receipts/admission_{node}.json.sig")
    if line.kind == "submission_judged" and body["outcome"] == "received":
        names = ("adapter_model.safetensors", "adapter_config.json", "contributor_receipt.json")
        return tuple(f"retained_artifacts/{node}/{name}" for name in names)
    if line.kind == "checkpoint_kept":
        return (f"retained_artifacts/{node}/checkpoints/{body['checkpoint']['file']['name']}",)
    return {
        "plan_bound": (
            "contract/window_plan.json",
            "contract/membership_receipt.json",
            "contract/train_manifest.json",
            "contract/held_out_manifest.json",
        ),
        "window_opened": ("contract/begin.json",),
        "merged": (
            "retained_artifacts/merged_artifact_report.json",
            "retained_artifacts/merged/adapter_model.safetensors",
            "retained_artifacts/merged/adapter_config.json",
        ),
        "scored": ("receipts/score.json",),
        "promotion_decided": ("receipts/promotion.json",),
        "quarantined": (f"quarantine/{node}/{body.get('name')}",),
    }.get(line.kind, ())


def receipts_are_journaled(e: Evidence) -> Iterator[Mismatch]:
    """A receipt that no record cites was slipped in, or belongs to another run."""
    cited: set[str] = set()
    for line in e.coordinator:
        cited |= {value for name, value in line.body.items() if name.endswith("_digest") and isinstance(value, str)}
    for path, body in e.documents.items():
        if path.startswith(("receipts/", "reports/", "retained_artifacts/merged")) and body["digest"] not in cited:
            yield Mismatch(path, "a record of the coordinator that cites it", "none")
    receipts = {
        line.body["receipt_digest"] for node in e.contributors for line in e.lines_of(node) if line.kind == "produced"
    }
    for path, body in e.documents.items():
        if path.endswith("/contributor_receipt.json") and body["digest"] not in receipts:
            yield Mismatch(path, "a produced record that cites it", "none")


def quarantine_is_as_recorded(e: Evidence) -> Iterator[Mismatch]:
    """Refused bytes are kept with their reason: every file has its record, every record its bytes."""
    recorded: dict[str, Body] = {
        f"quarantine/{line.body['node_id']}/{line.body['name']}": line.body for line in e.said("quarantined")
    }
    for path in e.folder.files:
        known = kind_of(path)
        if known and known[0] == "quarantined":
            got, body = e.file_of(path), recorded.get(path)
            if body is None:
                yield Mismatch(path, "a quarantined record", "none")
            elif got:
                yield from differs(path, (body["size_bytes"], body["sha256"]), (got.size, got.sha256))


def bundle_counts_are_recounted(e: Evidence) -> Iterator[Mismatch]:
    """Totals and dispositions of the verdict, from the records."""
    promoted = [line.body["disposition"] for line in e.said("promotion_decided")]
    confirmed = {
        line.body["node_id"]
        for line in e.said("replay_judged")
        if line.body["outcome"] in ("exact", "within_tolerance")
    }
    expected = {
        "total_contributions": len({line.body["node_id"] for line in e.said("contribution_seen")}),
        "accepted_contributions": sum(accepted(e, node) for node in e.contributors),
        "replay_checked_contributions": len(confirmed),
        "merge_disposition": "merged" if e.said("merged") else "no_merge",
        "promotion_disposition": promoted[-1] if promoted else "not_reached",
    }
    for name, value in expected.items():
        yield from differs(f"{BUNDLE_FILE} {name}", value, e.bundle[name])
    judged = [line for line in e.coordinator if line.kind in ("submission_judged", "contribution_judged")]
    found = {(item["rule"], item["expected"], item["got"]): item for line in judged for item in line.body["findings"]}
    yield from differs(f"{BUNDLE_FILE} findings", list(found.values()), e.bundle["findings"])


def coordinator_report_repeats_the_journal(e: Evidence) -> Iterator[Mismatch]:
    """States, counts, gaps and skew of the report are those of the coordinator's journal."""
    report = e.documents.get(COORDINATOR)
    if report is None:
        return
    states = [
        {"wall_ms": line.record["wall_ms"], **{name: line.body[name] for name in ("before", "after", "reason")}}
        for line in e.said("window_changed")
    ]
    skews = e.said("skew_measured")
    yield from differs(f"{COORDINATOR} states", states, report["states"])
    yield from differs(f"{COORDINATOR} record_counts", _counts(e.coordinator), report["record_counts"])
    gaps = [line.body["gap_ms"] for line in e.said("observer_gap")]
    yield from differs(f"{COORDINATOR} observer_gaps_ms", gaps, report["observer_gaps_ms"])
    yield from differs(f"{COORDINATOR} skew_ms", skews[-1].body["skew_ms"] if skews else None, report["skew_ms"])
    yield from differs(f"{COORDINATOR} window_ms", _window_ms(e), report["window_ms"])
    if e.coordinator:
        lived = (e.coordinator[0].record["wall_ms"], e.coordinator[-1].record["wall_ms"])
        told = (report["started_wall_ms"], report["finished_wall_ms"])
        yield from differs(f"{COORDINATOR} started_wall_ms and finished_wall_ms", lived, told)
    opened = [card["node_id"] for line in e.said("run_opened")[:1] for card in line.body["contributors"]]
    yield from differs(f"{COORDINATOR} nodes", sorted(opened), [node["node_id"] for node in report["nodes"]])
    for node in report["nodes"]:
        yield from _node_summary(e, node)


def _window_ms(e: Evidence) -> int | None:
    """From the opening to the change that ended the window, where one process saw both."""
    opened, changes = e.said("window_opened"), e.said("window_changed")
    if not opened or len(changes) < 2 or opened[0].record["epoch"] != changes[-2].record["epoch"]:
        return None
    return int(changes[-2].record["mono_ms"] - opened[0].record["mono_ms"])


def _node_summary(e: Evidence, summary: Body) -> Iterator[Mismatch]:
    node = summary["node_id"]
    replays = e.said("replay_judged", node)
    departures = [line.body["departure"] for line in e.said("runner_changed", node) if line.body["departure"]]
    own = e.lines_of(node)
    expected = {
        "ready": bool(e.said("runner_ready", node)),
        "heartbeats": sum(line.kind == "heartbeat" for line in own),
        "departure": departures[-1] if departures else None,
        "replay_outcome": replays[-1].body["outcome"] if replays else "not_replayed",
        "disposition": what_became_of(e, node)[1],
        "longest_heartbeat_gap_ms": longest_gap_ms(own),
    }
    for name, value in expected.items():
        yield from differs(f"{COORDINATOR} {node} {name}", value, summary[name])
    if summary["adapter_sha256"] is not None:
        got = [line.body["adapter_sha256"] for line in e.said("submission_judged", node)]
        yield from differs(f"{COORDINATOR} {node} adapter_sha256", got[-1] if got else None, summary["adapter_sha256"])
    yield from _steps(f"{COORDINATOR} {node}", own, summary["steps_done"])


def longest_gap_ms(own: list[Line]) -> int | None:
    """Largest distance of two signs of life on the contributor's own clock, from `began` to `produced`."""
    signs = [line for line in own if line.kind in ("began", "heartbeat", "produced")]
    kinds = [line.kind for line in signs]
    if "began" not in kinds:
        return None
    end = kinds.index("produced") + 1 if "produced" in kinds else len(signs)
    clocks = [line.record["mono_ms"] for line in signs[kinds.index("began") : end]]
    return max((other - one for one, other in pairwise(clocks)), default=None)


def contributor_report_repeats_the_journals(e: Evidence) -> Iterator[Mismatch]:
    """Each account is drawn from that node's own journal and nothing else."""
    accounts = e.documents.get(CONTRIBUTORS, {}).get("contributors", [])
    told = sorted({journal.node_id for journal in e.journals_of(None, "contributor") if journal.lines})
    yield from differs(f"{CONTRIBUTORS} contributors", told, [account["node_id"] for account in accounts])
    for account in accounts:
        node = account["node_id"]
        own = e.lines_of(node)
        where = f"{CONTRIBUTORS} {node}"
        yield from differs(f"{where} record_counts", _counts(own), account["record_counts"])
        yield from _steps(where, own, account["steps_done"])
        produced = [line.body["receipt_digest"] for line in own if line.kind == "produced"]
        expected = produced[-1] if produced else None
        yield from differs(f"{where} contributor_receipt_digest", expected, account["contributor_receipt_digest"])
        report = e.bringup(node)
        if report:
            yield from differs(f"{where} node_public_key", report["node_public_key"], account["node_public_key"])
        losses = [line.body["loss"] for line in own if line.kind == "heartbeat" and line.body["loss"] is not None]
        yield from differs(f"{where} last_loss", losses[-1] if losses else None, account["last_loss"])
        exits = [line.body["reason"] for line in own if line.kind == "exited"]
        if exits:
            yield from differs(f"{where} exit_reason", exits[-1], account["exit_reason"])


def reports_cover_the_whole_journals(e: Evidence) -> Iterator[Mismatch]:
    """The heads in the two reports are the ends of the kept journals: nothing was cut off after they were written."""
    for path, accounts in (
        (COORDINATOR, [e.documents.get(COORDINATOR)]),
        (CONTRIBUTORS, e.documents.get(CONTRIBUTORS, {}).get("contributors", [])),
    ):
        for account in accounts:
            for head in account["journal_heads"] if account else []:
                journal = e.journals.get(head["file"])
                if journal and journal.problem is None:
                    yield from differs(f"{path} head of {head['file']}", journal.size, head["offset"])
    covered = {head["file"] for where, head in e.heads() if where.endswith("_report.json")}
    for file, journal in e.journals.items():
        if journal.lines and file not in covered:
            yield Mismatch(f"journals/{file}", "a head in one of the runtime reports", "none")


def _counts(lines: list[Line]) -> dict[str, int]:
    return dict(Counter(line.kind for line in lines))


def _steps(where: str, own: list[Line], claimed: int) -> Iterator[Mismatch]:
    beats = [line.body["step"] for line in own if line.kind == "heartbeat"]
    yield from differs(f"{where} steps_done", max(beats, default=0), claimed)


RULES = (
    journaled_things_exist,
    receipts_are_journaled,
    quarantine_is_as_recorded,
    bundle_counts_are_recounted,
    coordinator_report_repeats_the_journal,
    contributor_report_repeats_the_journals,
    reports_cover_the_whole_journals,
)
