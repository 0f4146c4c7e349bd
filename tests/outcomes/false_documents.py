"""Documents of a closed run that are false in one thing, and the rule that says so."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from console.evidence.outcomes.bottlenecks import bottlenecks
from console.evidence.outcomes.phases import Phase
from runners.contract.document import word_from_json

Body = dict[str, Any]
OTHER = "ab" * 32


@dataclass(frozen=True)
class Lie:
    """One false field; digest and links are made anew, so only the rule about it can object."""

    name: str
    kind: str
    rule: str
    edit: Callable[[Body], None]
    of: str = "promoted"


def _sets(*path: str | int, to: Any) -> Callable[[Body], None]:
    def edit(body: Body) -> None:
        place: Any = body
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return edit


def _follow(body: Body) -> None:
    """What follows from the phases, made to follow from them as they are told now."""
    phases = word_phases(body["phases"])
    body["bottlenecks"] = [item.to_json() for item in bottlenecks(phases)]
    body["remaining_serial_phase_ids"] = [
        phase.phase_id for phase in phases if phase.parallelization_posture == "serial"
    ]


def word_phases(phases: list[Body]) -> tuple[Phase, ...]:
    return tuple(word_from_json(Phase, phase) for phase in phases)


def _without_a_phase(body: Body) -> None:
    body["phases"].pop(7)
    _follow(body)


def _parallel_merge(body: Body) -> None:
    body["phases"][7]["parallelization_posture"] = "parallelizable"
    _follow(body)


def _faster(body: Body) -> None:
    """With bottlenecks computed to match: only the journal says otherwise."""
    phase = next(item for item in body["phases"] if item["phase_id"] == "merge")
    phase["wallclock_ms"] += 1
    _follow(body)


def _called_measured(body: Body) -> None:
    for phase in body["phases"]:
        if phase["phase_id"] == "ship":
            phase.update(evidence_posture="measured", wallclock_ms=5, basis="coordinator_journal")
    body["remaining_blockers"] = [
        item for item in body["remaining_blockers"] if item["blocker"] != "phase_not_measured:ship"
    ]
    _follow(body)


LIES = (
    Lie("another_lane", "rehearsal", "lane_is_the_runs", _sets("lane_id", to="first_swarm_trusted_lan")),
    Lie("a_wider_claim", "rehearsal", "boundary_ends_with_the_lanes", _sets("claim_boundary", to="It proves it all.")),
    Lie("a_phase_left_out", "rehearsal", "every_phase_is_named_once", _without_a_phase),
    Lie(
        "another_coordinator", "rehearsal", "nodes_are_the_contracts", _sets("coordinator_node_id", to="swarm-linux-a")
    ),
    Lie("parallel_merge", "rehearsal", "posture_and_basis_fit", _parallel_merge),
    Lie("a_faster_phase", "rehearsal", "measured_phases_are_in_the_journal", _faster),
    Lie(
        "a_measured_phase_that_never_was",
        "rehearsal",
        "measured_phases_are_in_the_journal",
        _called_measured,
        "refused",
    ),
    Lie("no_bottleneck", "rehearsal", "bottlenecks_follow_from_phases", _sets("bottlenecks", to=[])),
    Lie("nothing_serial", "rehearsal", "serial_phases_are_listed", _sets("remaining_serial_phase_ids", to=[])),
    Lie("no_blocker", "rehearsal", "blockers_are_the_runs", _sets("remaining_blockers", to=[]), "refused"),
    Lie("a_go_after_a_refusal", "rehearsal", "recommendation_follows", _sets("recommendation", to="go"), "refused"),
    Lie("a_no_go_after_a_success", "rehearsal", "recommendation_follows", _sets("recommendation", to="no_go")),
    Lie(
        "completed_though_refused",
        "evidence_bundle",
        "attempt_ended_as_the_run",
        _sets("live_attempt_disposition", to="completed"),
        "refused",
    ),
    Lie("another_plan", "evidence_bundle", "plan_and_membership_are_the_runs", _sets("plan_digest", to=OTHER)),
    Lie(
        "uploaded_though_refused",
        "evidence_bundle",
        "postures_are_in_the_journal",
        _sets("contributors", 0, "upload_posture", to="uploaded"),
        "refused",
    ),
    Lie(
        "a_metal_label",
        "evidence_bundle",
        "postures_are_in_the_journal",
        _sets("contributors", 1, "backend_label", to="open_adapter_backend.mlx.metal.gpt_oss_lm_head"),
    ),
    Lie(
        "an_exact_replay",
        "evidence_bundle",
        "postures_are_in_the_journal",
        _sets("contributors", 0, "replay_posture", to="exact"),
    ),
    Lie(
        "a_stage_that_was_skipped",
        "evidence_bundle",
        "stages_are_in_the_journal",
        _sets("stages", 3, "disposition", to="completed"),
        "refused",
    ),
    Lie(
        "promoted_though_refused",
        "evidence_bundle",
        "promotion_is_the_runs",
        _sets("promotion_outcome", to={"disposition": "promoted", "missing_gates": []}),
        "refused",
    ),
    Lie(
        "a_gate_called_met",
        "closeout",
        "gates_are_counted_from_receipts",
        _sets("closeout_gates", 2, "passed", to=True),
        "refused",
    ),
    Lie(
        "a_gate_called_open",
        "closeout",
        "gates_are_counted_from_receipts",
        _sets("closeout_gates", 4, "passed", to=False),
    ),
    Lie(
        "merged_though_refused",
        "closeout",
        "merge_and_promotion_are_the_runs",
        _sets("merge_disposition", to="merged"),
        "refused",
    ),
    Lie(
        "published_without_a_report",
        "closeout",
        "published_means_a_true_publication",
        lambda body: body.update(publish_disposition="published", publication_digest=OTHER),
    ),
    Lie(
        "refused_though_promoted",
        "closeout",
        "published_means_a_true_publication",
        _sets("publish_disposition", to="refused"),
    ),
)
