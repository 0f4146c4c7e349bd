"""What a drill expects, against records that came otherwise: each way to break a promise has its own words."""

from dataclasses import replace
from typing import get_args

import pytest

from console.drills.errors import DrillRefused
from console.drills.expectation import CASES, Case, expectation
from console.drills.matching import Seen, Story, forbidden, match
from console.drills.report import why_unstruck
from console.evidence.lane_documents.failure_drills import DRILL_KINDS
from tests.drills.stories import LANE, STORIES, changed, ends, frozen, seen, skew, window

ALL: tuple[Case, ...] = get_args(Case)


def problems(case: Case, story: Story) -> list[str]:
    return [f"{row.expected.what}: {row.problem}" for row in match(frozen(case), story) if not row.kept]


def without(story: Story, index: int) -> Story:
    return replace(story, records=(*story.records[:index], *story.records[index + 1 :]))


def instead(story: Story, index: int, record: Seen) -> Story:
    return replace(story, records=(*story.records[:index], record, *story.records[index + 1 :]))


@pytest.mark.parametrize("case", ALL)
def test_the_records_of_a_drill_that_went_as_frozen_have_no_problem(case: Case) -> None:
    assert problems(case, STORIES[case]) == []


@pytest.mark.parametrize("case", ALL)
def test_no_expected_record_can_be_missing(case: Case) -> None:
    story = STORIES[case]
    for row in match(frozen(case), story):
        assert row.seen is not None
        assert problems(case, without(story, story.records.index(row.seen)))


@pytest.mark.parametrize("case", ALL)
def test_records_in_another_order_are_no_match(case: Case) -> None:
    story = STORIES[case]
    assert problems(case, replace(story, records=story.records[::-1]))


def test_a_worker_found_stale_before_its_bound_is_named_with_the_figure() -> None:
    story = instead(STORIES["stale_worker"], 1, changed(5930, "live", "stale", 4990))
    assert problems("stale_worker", story) == [
        "found stale: beat_age_ms: expected more than 5000 and at most 5350, got 4990"
    ]


def test_a_worker_found_stale_too_late_by_the_drills_own_clock_is_named_though_the_record_says_otherwise() -> None:
    story = replace(STORIES["stale_worker"], beats_ms=(0, 100))
    said = problems("stale_worker", story)
    assert said[0] == "found stale: ms since last_beat: expected more than 5000 and at most 5750, got 5830"


def test_a_stale_worker_that_is_called_crashed_breaks_the_promise() -> None:
    story = instead(STORIES["stale_worker"], 4, changed(8420, "stale", "lost", 7530, "crashed"))
    assert problems("stale_worker", story) == [
        "found lost, not crashed: no such record; the nearest says departure crashed"
    ]


def test_a_killed_worker_that_only_times_out_breaks_the_promise() -> None:
    story = instead(STORIES["contributor_loss"], 1, changed(3300, "live", "lost", 2410, "timed_out"))
    assert "departure timed_out" in problems("contributor_loss", story)[0]


def test_an_upload_rejected_for_the_other_reason_is_not_the_drill() -> None:
    assert len(problems("another_shape", STORIES["flipped_byte"])) == 2
    assert len(problems("flipped_byte", STORIES["another_shape"])) == 2


def test_skew_of_the_other_node_is_not_the_drill() -> None:
    wrong = replace(skew(21_080, 15_080, "past_bound_waiting"), body={"outcome": "past_bound_waiting", "last": "n"})
    assert (
        "the nearest says last n"
        in problems("uneven_worker_speed", instead(STORIES["uneven_worker_speed"], 1, wrong))[0]
    )


def test_a_process_that_is_not_proven_gone_breaks_the_promise() -> None:
    left = seen(9400, "released", node_id="swarm-linux-a", proven_dead=False)
    story = instead(STORIES["stale_worker"], 6, left)
    assert problems("stale_worker", story) == [
        "its process is proven gone: no such record; the nearest says node_id swarm-mac-a"
    ]


def test_a_decision_that_takes_too_long_is_late_though_it_comes() -> None:
    story = instead(STORIES["contributor_loss"], 3, window(5400, "replay_required"))
    assert problems("contributor_loss", story)[0].endswith("expected more than -1 and at most 2000, got 2099")


def test_a_fault_that_never_struck_leaves_nothing_to_measure_from() -> None:
    story = replace(STORIES["contributor_loss"], struck_ms=None)
    assert problems("contributor_loss", story) == [
        "found lost, and proven dead: ms since fault: expected a measurement, got none"
    ]


def test_a_record_that_came_before_its_turn_is_said_to_have_come_early() -> None:
    first, *rest = STORIES["contributor_loss"].records[1:]
    early = Story((window(100, "replay_required"), first, rest[0], *rest[2:]), struck_ms=50)
    assert "the window ends as replay_required: it came before its turn" in problems("contributor_loss", early)


@pytest.mark.parametrize("kind", ["merged", "scored", "promotion_decided"])
def test_a_merge_in_spite_of_the_fault_is_forbidden(kind: str) -> None:
    records = (*STORIES["stale_worker"].records, seen(9999, kind))
    assert forbidden(frozen("stale_worker"), records) == (kind,)
    assert forbidden(frozen("stale_worker"), STORIES["stale_worker"].records) == ()


def test_every_frozen_kind_has_its_cases_and_the_same_contract_the_same_digest() -> None:
    assert set(CASES) == set(DRILL_KINDS)
    assert sorted(case for cases in CASES.values() for case in cases) == sorted(ALL)
    assert [frozen(case).digest for case in ALL] == [frozen(case).digest for case in ALL]
    assert len({frozen(case).digest for case in ALL}) == len(ALL)


def test_a_lane_with_a_host_elsewhere_is_refused_before_anything_is_started() -> None:
    away = LANE.model_copy(
        update={"nodes": tuple(node.model_copy(update={"host_alias": "far"}) for node in LANE.nodes)}
    )
    with pytest.raises(DrillRefused, match="expected every contributor on this machine, got swarm-mac-a on far"):
        expectation(away, "stale_worker")


@pytest.mark.parametrize(
    ("classification", "why"),
    [
        ("stopped_by_operator", "the run was stopped before the fault struck"),
        ("bounded_success", "the fault never struck: the contributor was done, or gone, before"),
    ],
)
def test_a_drill_that_was_ended_is_told_from_one_whose_fault_came_too_late(classification: str, why: str) -> None:
    assert why_unstruck(Story((window(0, "active"), *ends(100, classification)), struck_ms=None)) == why
