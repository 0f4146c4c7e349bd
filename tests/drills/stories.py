"""The records that each drill should give on the loopback lane, as a coordinator would write them."""

from typing import Any

from console.coordination.lane_file import load_lane
from console.drills.expectation import Case, DrillExpectation, expectation
from console.drills.matching import Seen, Story

NODE, OTHER = "swarm-linux-a", "swarm-mac-a"
LANE = load_lane("loopback")


def seen(at_ms: int, kind: str, **body: Any) -> Seen:
    return Seen(kind, body, at_ms)


def changed(at_ms: int, before: str, after: str, age: int, departure: str | None = None) -> Seen:
    return seen(
        at_ms, "runner_changed", node_id=NODE, before=before, after=after, beat_age_ms=age, departure=departure
    )  # fmt: skip


def judged(at_ms: int, disposition: str) -> Seen:
    return seen(at_ms, "contribution_judged", node_id=NODE, disposition=disposition)


def window(at_ms: int, after: str) -> Seen:
    return seen(at_ms, "window_changed", after=after)


def ends(at_ms: int, classification: str) -> tuple[Seen, ...]:
    return (
        seen(at_ms, "released", node_id=OTHER, proven_dead=True),
        seen(at_ms + 900, "released", node_id=NODE, proven_dead=True),
        window(at_ms + 910, "closed"),
        seen(at_ms + 920, "closed", classification=classification),
    )


def skew(at_ms: int, skew_ms: int, outcome: str) -> Seen:
    return seen(at_ms, "skew_measured", skew_ms=skew_ms, first=OTHER, last=NODE, outcome=outcome)


def refused(reason: str) -> Story:
    return Story(
        (
            seen(1000, "contribution_seen", node_id=NODE),
            seen(1400, "quarantined", node_id=NODE, name="adapter_config.json", reason=reason),
            seen(1410, "quarantined", node_id=NODE, name="adapter_model.safetensors", reason=reason),
            seen(1420, "submission_judged", node_id=NODE, outcome="rejected", reason=reason),
            window(1430, "rejected"),
            *ends(1500, "rejected"),
        ),
        struck_ms=990,
    )


STORIES: dict[Case, Story] = {
    "stale_worker": Story(
        (
            window(0, "active"),
            changed(5930, "live", "stale", 5040),
            judged(5931, "replay_required"),
            window(5940, "replay_required"),
            changed(8420, "stale", "lost", 7530, "timed_out"),
            *ends(8500, "replay_required"),
        ),
        beats_ms=(0, 880),
        struck_ms=1000,
    ),
    "contributor_loss": Story(
        (
            window(0, "active"),
            changed(3300, "live", "lost", 2410, "crashed"),
            judged(3301, "replay_required"),
            window(3310, "replay_required"),
            *ends(3400, "replay_required"),
        ),
        beats_ms=(880,),
        struck_ms=1000,
    ),
    "another_shape": refused("manifest_digest_mismatch"),
    "flipped_byte": refused("artifact_digest_mismatch"),
    "uneven_worker_speed": Story(
        (
            seen(6000, "contribution_seen", node_id=OTHER),
            skew(21_080, 15_080, "past_bound_waiting"),
            seen(24_000, "contribution_seen", node_id=NODE),
            skew(24_001, 18_001, "wait_then_replay"),
            judged(24_002, "quarantined"),
            window(24_010, "wait_then_replay"),
            *ends(24_100, "wait_then_replay"),
        ),
        struck_ms=500,
    ),
}


def frozen(case: Case) -> DrillExpectation:
    return expectation(LANE, case)
