"""A lane's documents with one defect each, all else re-sealed: exactly the rule about that defect refuses them."""

from pathlib import Path

import pytest

from console.coordination.lane_file import lane_files
from console.evidence.checks.lane.frozen import LANE_RULES, check_drills, check_lane, check_plan
from console.evidence.lane_documents.places import FIRST_LANE, LanePlaces
from console.places import data_dir
from tests.lanes.defects import BINDER, DEFECTS, LANE, Defect, observed, put, sealed_alone
from tests.lanes.resealing import relink


@pytest.mark.parametrize("lane", tuple(lane_files()))
def test_retained_lanes_are_true(lane: str) -> None:
    root = data_dir("fixtures")
    for check in (check_lane, check_plan, check_drills):
        assert check(root, lane).findings == ()


def test_re_sealing_alone_changes_nothing(fixtures: Path) -> None:
    before = {path: path.read_bytes() for path in fixtures.rglob("*.json")}
    relink(fixtures, LANE, {})
    assert {path: path.read_bytes() for path in fixtures.rglob("*.json")} == before


def test_a_true_observation_is_accepted_whether_the_promise_was_kept_or_not(fixtures: Path) -> None:
    relink(fixtures, LANE, {"drills": observed()})
    assert check_drills(fixtures, LANE).consistent
    relink(fixtures, LANE, {"drills": observed(result_classification="bounded_success", as_frozen=False)})
    assert check_drills(fixtures, LANE).consistent


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_one_defect_is_refused_by_the_rule_about_it(fixtures: Path, defect: Defect) -> None:
    relink(fixtures, LANE, defect.edits)
    if defect.plant:
        defect.plant(fixtures)
    verdict = check_lane(fixtures, LANE)
    assert not verdict.consistent
    assert {finding.rule for finding in verdict.findings} == {defect.rule}, [str(f) for f in verdict.findings]


def test_every_rule_has_a_defect_that_it_refuses() -> None:
    names = {getattr(rule, "__name__", "") for rule in LANE_RULES}
    assert names - {defect.rule for defect in DEFECTS} == {"roles_are_held"}


def test_two_coordinators_are_refused(fixtures: Path) -> None:
    roles = ["coordinator", "validator", "contributor"]
    relink(fixtures, LANE, {"contract": put("nodes", 1, "roles", value=roles)})
    assert "roles_are_held" in {finding.rule for finding in check_lane(fixtures, LANE).findings}


def test_missing_stale_and_false_are_three_findings(fixtures: Path) -> None:
    relink(fixtures, LANE, {
        "topology": put("plan_digest", value="0" * 64),
        "drills": put("drills", 0, "promise", "replay_required", value=False),
    })  # fmt: skip
    (fixtures / BINDER).unlink()
    rules = [finding.rule for finding in check_lane(fixtures, LANE).findings]
    assert rules == ["documents_are_there", "links_are_current", "promises_stay_frozen"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", "\x1b[31m"])
def test_a_lane_name_that_could_be_a_path_is_refused(fixtures: Path, name: str) -> None:
    assert [finding.rule for finding in check_lane(fixtures, name).findings] == ["lane_has_a_plain_name"]


def test_hostile_nesting_is_a_finding_and_no_exception(fixtures: Path) -> None:
    (fixtures / BINDER).write_bytes(b'{"a":' * 5000 + b"1" + b"}" * 5000)
    assert {finding.rule for finding in check_lane(fixtures, LANE).findings} == {"documents_have_their_form"}


def test_the_first_lane_is_checked_at_the_runbooks_paths(fixtures: Path) -> None:
    path = fixtures / LanePlaces(FIRST_LANE).of("topology")
    sealed_alone("swarm/" + path.name, put("namespace", value="cluster.other"))(fixtures)
    rules = {finding.rule for finding in check_lane(fixtures, FIRST_LANE).findings}
    assert rules == {"topology_is_the_contract", "links_are_current", "binder_names_the_authorities"}
