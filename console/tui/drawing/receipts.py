"""One receipt as one line."""

from console.observation.figures import clock, words
from console.observation.line import Proof
from console.observation.receipts import Row as Receipt
from console.observation.telling import Tone
from console.tui.drawing.text import Row, fill, pad

TONE_ROLES = {
    Tone.BEAT: "ok",
    Tone.PLAIN: "text",
    Tone.FACT: "accent",
    Tone.GOOD: "ok",
    Tone.WARN: "warn",
    Tone.BAD: "bad",
}
KIND_WIDTH = 12
_SHORT_KINDS = {
    "window_changed": "window",
    "runner_changed": "runner",
    "link_changed": "link",
    "directions_tested": "directions",
    "bringup_received": "bring-up",
    "bringup_refused": "bring-up",
    "admission_decided": "admission",
    "plan_bound": "plan",
    "runner_ready": "ready",
    "checkpoint_kept": "checkpoint",
    "checkpoint_refused": "checkpoint",
    "checkpointed": "checkpoint",
    "accelerator_read": "gpu",
    "contribution_seen": "seen",
    "submission_judged": "submission",
    "replay_judged": "replay",
    "contribution_judged": "judgement",
    "promotion_decided": "promotion",
    "contributor_failed": "failed",
    "preparation_failed": "failed",
    "work_failed": "failed",
    "drift_found": "drift",
    "replay_outlook": "outlook",
    "inputs_prepared": "inputs",
    "journal_broken": "broken",
    "observer_gap": "gap",
    "skew_measured": "skew",
    "operator_acted": "operator",
    "agent_started": "agent",
    "epoch_opened": "takeover",
    "run_opened": "run",
    "window_opened": "clocks run",
}


def receipt_row(
    receipt: Receipt, width: int, names: dict[str, str], name_width: int, *, proved: bool, acknowledged: bool = False,
    cause: bool = False,
) -> Row:  # fmt: skip
    """`proved`: its own signature was checked, not only the chain that leads to a checked one. `cause`: a stop rests on
    it."""
    role = TONE_ROLES[receipt.tone]
    who = "coord" if receipt.role == "coordinator" else names.get(receipt.node_id, receipt.node_id)
    seq = f"#{receipt.ref.seq}" if receipt.ref else ""
    text = receipt.text
    if receipt.role == "coordinator":
        for node_id, name in names.items():
            text = text.replace(node_id, name)
    kind = _SHORT_KINDS.get(receipt.kind, words(receipt.kind))
    return fill(
        (
            (f"{clock(receipt.wall_ms, tenths=True)} ", "muted"),
            (f"{pad(who, name_width)} ", "text"),
            (f"{pad(kind, KIND_WIDTH)} ", role),
            ("e ", "bad*") if cause else ("a ", "muted") if acknowledged else _proof(receipt, proved=proved),
            (f"{seq:<5} ", "muted"),
            (text, role if receipt.is_problem and not acknowledged else "text"),
        ),
        width,
    )


def _proof(receipt: Receipt, *, proved: bool) -> tuple[str, str]:
    """✓ own signature, ≈ chained to a checked one, ✗ not verified, ! verified and reports trouble."""
    if receipt.ref is None:
        return ("✗ ", "bad")
    if receipt.is_problem:
        return ("! ", TONE_ROLES[receipt.tone])
    if receipt.proof is Proof.SIGNED or proved:
        return ("✓ ", "ok")
    return ("≈ ", "muted")


def name_width(names: dict[str, str]) -> int:
    return min(12, max([5, *(len(name) for name in names.values())]))
