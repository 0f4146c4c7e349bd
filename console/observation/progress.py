"""Narration of a run for a plain terminal: one line per record that a person would want to hear of."""

from console.observation.figures import clock, words
from console.observation.line import Line
from console.observation.receipts import tell
from console.observation.telling import Tone

SPOKEN = frozenset(
    {
        "run_opened",
        "revision_opened",
        "epoch_opened",
        "operator_acted",
        "bringup_received",
        "bringup_refused",
        "admission_decided",
        "inputs_prepared",
        "plan_bound",
        "drift_found",
        "preparation_failed",
        "runner_ready",
        "runner_changed",
        "journal_broken",
        "observer_gap",
        "contribution_seen",
        "contributor_failed",
        "submission_judged",
        "quarantined",
        "skew_measured",
        "replay_judged",
        "contribution_judged",
        "scored",
        "work_failed",
        "merged",
        "promotion_decided",
        "replay_outlook",
        "window_changed",
        "closed",
    }
)


def narrate(line: Line) -> str | None:
    """`13:45:08 window changed  preparing to active: ...`; None for what needs no words. Problems always speak."""
    telling = tell(line)
    trouble = telling.tone in (Tone.WARN, Tone.BAD)
    if not trouble and not (line.from_coordinator and line.kind in SPOKEN):
        return None
    mark = {Tone.BAD: "✗ ", Tone.WARN: "! "}.get(telling.tone, "")
    who = "" if line.from_coordinator else f"{line.node_id} "
    return f"{clock(line.at.wall_ms)} {mark}{who}{words(line.kind)}: {telling.text}"
