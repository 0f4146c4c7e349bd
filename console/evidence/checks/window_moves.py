"""The window's allowed moves, and what must be on record before each."""

SIDE_EXITS = {"refused", "replay_required", "rejected", "wait_then_replay", "aborted"}
ENDS = {"held", "promoted"} | SIDE_EXITS

MOVES: dict[str, set[str]] = {
    "planned": {"admitting", "refused", "aborted"},
    "admitting": {"preparing", "refused", "aborted"},
    "preparing": {"active", "refused", "rejected", "aborted"},
    "active": {"collecting", *SIDE_EXITS} - {"refused"},
    "collecting": {"sealed", *SIDE_EXITS} - {"refused"},
    "sealed": {"validating", "replay_required", "rejected", "aborted"},
    "validating": {"validated", "replay_required", "rejected", "aborted"},
    "validated": {"aggregated", "rejected", "aborted"},
    "aggregated": {"held", "promoted", "rejected", "aborted"},
    **{end: {"closed"} for end in ENDS},
    "closed": set(),
}

# What the coordinator must have said about every required contributor before the window may move there.
Condition = tuple[str, str | None, tuple[str, ...]]  # kind of record, field, admitted values
BEFORE_FOR_EACH: dict[str, tuple[Condition, ...]] = {
    "preparing": (
        ("bringup_received", "disposition", ("ready_to_attempt",)),
        ("admission_decided", "outcome", ("admitted",)),
    ),
    "active": (("launched", None, ()), ("runner_ready", None, ())),
    "collecting": (("contribution_seen", None, ()),),
    "sealed": (("submission_judged", "outcome", ("received",)),),
    "validated": (
        ("replay_judged", "outcome", ("exact", "within_tolerance")),
        ("contribution_judged", "disposition", ("accepted",)),
    ),
}
BEFORE: dict[str, tuple[Condition, ...]] = {
    "preparing": (("plan_bound", None, ()),),
    "active": (("window_opened", None, ()),),
    "sealed": (("skew_measured", "outcome", ("within_bound",)),),
    "aggregated": (("merged", None, ()),),
    "held": (("scored", None, ()), ("promotion_decided", "disposition", ("held",))),
    "promoted": (("scored", None, ()), ("promotion_decided", "disposition", ("promoted",))),
}
# A side exit has a cause on record; one of these is enough.
CAUSES: dict[str, tuple[Condition, ...]] = {
    "refused": (("bringup_refused", None, ()), ("admission_decided", "outcome", ("refused",))),
    "replay_required": (("runner_changed", "after", ("stale", "lost")), ("contributor_failed", None, ())),
    "rejected": (
        ("submission_judged", "outcome", ("rejected",)),
        ("checkpoint_refused", None, ()),
        ("journal_broken", None, ()),
        ("contribution_judged", "disposition", ("rejected",)),
    ),
    "wait_then_replay": (("skew_measured", "outcome", ("wait_then_replay",)),),
    "aborted": (
        ("operator_acted", "command", ("stop",)),
        ("preparation_failed", None, ()),
        ("work_failed", None, ()),
        ("drift_found", None, ()),
        ("contribution_judged", "disposition", ("replay_required",)),
    ),
}
# The order of one contributor's way, and of the coordinator's own: each needs the one named before it.
NEEDS_ABOUT_NODE: dict[str, tuple[Condition, ...]] = {
    "shipped": (("admission_decided", "outcome", ("admitted",)),),
    "launched": (("shipped", None, ()),),
    "runner_ready": (("launched", None, ()),),
    "checkpoint_kept": (("runner_ready", None, ()),),
    "checkpoint_refused": (("runner_ready", None, ()),),
    "submission_judged": (("contribution_seen", None, ()),),
    "replay_judged": (("submission_judged", "outcome", ("received",)),),
}
ACCEPTANCE_NEEDS: tuple[Condition, ...] = (
    ("submission_judged", "outcome", ("received",)),
    ("replay_judged", "outcome", ("exact", "within_tolerance")),
)
NEEDS: dict[str, tuple[Condition, ...]] = {
    "scored": (("merged", None, ()),),
    "promotion_decided": (("merged", None, ()), ("scored", None, ())),
}
# The verdict word, and the record without which it would be invented.
VERDICT_CAUSES: dict[str, tuple[Condition, ...]] = {
    "refused_bringup": (("bringup_refused", None, ()),),
    "refused_admission": (("admission_decided", "outcome", ("refused",)),),
    "failed_preparation": (("preparation_failed", None, ()),),
    "failed_contribution": (("contributor_failed", None, ()),),
    "replay_required": CAUSES["replay_required"],
    "wait_then_replay": CAUSES["wait_then_replay"],
    "rejected": CAUSES["rejected"],
    "failed_validation": (("work_failed", None, ()), ("contribution_judged", "disposition", ("replay_required",))),
    "contract_drift": (("drift_found", None, ()),),
    "stopped_by_operator": (("operator_acted", "command", ("stop",)),),
}
