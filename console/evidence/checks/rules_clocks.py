"""Rules about time: clocks that go on, a coordinator's lateness that fits into them, silence and skew as they were.

Whose clock it is, is whose word it is: what these rules hold is that nobody's clock contradicts itself.
"""

import itertools
from collections.abc import Iterator

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.journals import Line
from console.evidence.checks.verdict import Mismatch, differs

SLOW_LOOP = "slow_loop"
# Between the moment that the coordinator judged by and the moment that it wrote the record.
SKEW_SLACK_MS, GAP_SLACK_MS, SILENCE_SLACK_MS = 1000, 2000, 1000


def clocks_go_on(e: Evidence) -> Iterator[Mismatch]:
    """A process's monotonic clock never goes back, the coordinator's neither: every bound is counted on it."""
    stories = [journal for node in e.contributors for journal in e.story_of(node)]
    for journal in [*e.journals_of(None, "coordinator"), *stories]:
        for one, other in itertools.pairwise(journal.lines):
            if other.record["mono_ms"] < one.record["mono_ms"]:
                yield Mismatch(other.where, "a clock that never goes back", "one that did")
                break


def lateness_fits_the_clock(e: Evidence) -> Iterator[Mismatch]:
    """Its own lateness is what a coordinator may credit to others: no more of it than its clock went on meanwhile."""
    for journal in e.journals_of(None, "coordinator"):
        if not journal.lines:
            continue
        since = journal.lines[0].record["mono_ms"]
        for line in journal.lines:
            if line.kind != "observer_gap" or line.body["cause"] != SLOW_LOOP:
                continue
            now = line.record["mono_ms"]
            if line.body["gap_ms"] > now - since + GAP_SLACK_MS:
                yield Mismatch(
                    f"{line.where} gap_ms", f"at most the {now - since} ms since then", f"{line.body['gap_ms']}"
                )
            since = now
    for one, other in itertools.pairwise(e.journals_of(None, "coordinator")):
        if one.lines and other.lines and other.lines[0].kind == "epoch_opened":
            # Told by the wall clock, which two processes share. It may have been set back in between.
            opened = other.lines[0]
            away = max(0, opened.record["wall_ms"] - one.lines[-1].record["wall_ms"])
            if abs(opened.body["gap_ms"] - away) > GAP_SLACK_MS:
                yield Mismatch(
                    f"{opened.where} gap_ms", f"{away} (within {GAP_SLACK_MS} ms)", f"{opened.body['gap_ms']}"
                )


def silence_was_noticed(e: Evidence) -> Iterator[Mismatch]:
    """Between `began` and `produced`, silence past the stale bound ends the revision; unnoticed, nobody watched."""
    if e.contract is None:
        return
    bound = (
        e.contract["policies"]["stale_ms"]
        + SILENCE_SLACK_MS
        + sum(line.body["gap_ms"] for line in e.said("observer_gap"))
    )
    bound += sum(max(0, line.body["gap_ms"]) for line in e.said("epoch_opened"))
    for node in e.contributors:
        noticed = any(line.body["after"] in ("stale", "lost") for line in e.said("runner_changed", node))
        for journal in e.story_of(node):
            kinds = [line.kind for line in journal.lines]
            if "began" not in kinds or noticed:
                continue
            end = kinds.index("produced") if "produced" in kinds else len(kinds) - 1
            signs = [
                line
                for index, line in enumerate(journal.lines)
                if line.kind in ("began", "heartbeat", "produced") and kinds.index("began") <= index <= end
            ]
            for one, other in itertools.pairwise(signs):
                gap = other.record["mono_ms"] - one.record["mono_ms"]
                if gap > bound:
                    yield Mismatch(other.where, f"a sign of life within {bound} ms, or a stale runner", f"{gap} ms")


def _watched_ms(e: Evidence, first: Line, last: Line) -> int:
    """Time between two records of the coordinator in which one was watching: without restarts and its own lateness."""
    between = [line for line in e.coordinator if e.position(first) <= e.position(line) <= e.position(last)]
    steps = (
        other.record["mono_ms"] - one.record["mono_ms"]
        for one, other in itertools.pairwise(between)
        if one.record["epoch"] == other.record["epoch"]
    )
    late = (line.body["gap_ms"] for line in between if line.kind == "observer_gap" and line.body["cause"] == SLOW_LOOP)
    return max(0, int(sum(steps)) - int(sum(late)))


def skew_is_the_measured_one(e: Evidence) -> Iterator[Mismatch]:
    """From the first of all contributions to the last, by the coordinator's own clock; past the bound it stays past."""
    if e.contract is None:
        return
    waited = False
    for line in e.said("skew_measured"):
        body = line.body
        yield from differs(f"{line.where} bound_ms", e.contract["policies"]["skew_ms"], body["bound_ms"])
        within = body["skew_ms"] <= body["bound_ms"]
        if within != (body["outcome"] == "within_bound") and not (waited and body["outcome"] == "wait_then_replay"):
            yield Mismatch(line.where, f"an outcome that fits {body['skew_ms']} ms", body["outcome"])
        elif waited and body["outcome"] != "wait_then_replay":
            yield Mismatch(line.where, "wait_then_replay once the bound was passed", body["outcome"])
        waited = True
        yield from _skew(e, line)


def _skew(e: Evidence, line: Line) -> Iterator[Mismatch]:
    body, arrivals = line.body, [seen for seen in e.said("contribution_seen") if e.position(seen) < e.position(line)]
    if not arrivals:
        yield Mismatch(line.where, f"contribution_seen of {body['first']}", "no such record")
        return
    seen = {said.body["node_id"]: said for said in reversed(arrivals)}
    first, last = arrivals[0], arrivals[-1]
    if body["first"] not in seen or _watched_ms(e, first, seen[body["first"]]) > SKEW_SLACK_MS:
        yield Mismatch(f"{line.where} first", first.body["node_id"], body["first"])
    missing = [node for node in e.contributors if node not in seen]
    if missing:
        last = line  # still outstanding then: measured up to the record itself
        if body["last"] not in missing or body["outcome"] == "within_bound":
            got = f"{body['last']}, {body['outcome']}"
            yield Mismatch(f"{line.where} last", f"{' or '.join(missing)}, still outstanding", got)
    elif body["last"] not in seen or _watched_ms(e, seen[body["last"]], last) > SKEW_SLACK_MS:
        yield Mismatch(f"{line.where} last", last.body["node_id"], body["last"])
    skew = _watched_ms(e, first, last)
    if abs(skew - body["skew_ms"]) > SKEW_SLACK_MS:
        yield Mismatch(f"{line.where} skew_ms", f"{skew} (within {SKEW_SLACK_MS} ms)", str(body["skew_ms"]))


RULES = (
    clocks_go_on,
    lateness_fits_the_clock,
    silence_was_noticed,
    skew_is_the_measured_one,
)
