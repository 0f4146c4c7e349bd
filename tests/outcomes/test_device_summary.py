"""The per-device summary: there when the lane's contract asks for it, and true row by row.

No tailnet can be had on a test machine: the runs are forged ones on the loopback lane with the tailnet lane's request
for the document. That the tailnet lane itself asks for it is read from its file.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from console.coordination.lane_file import load_lane
from console.evidence.checks.real_run import check_real_run
from console.evidence.device_summary import SUMMARY_FILE, DeviceSummary
from tests.checks.forge import forge
from tests.checks.resealing import operator_key_file, reseal_bundle, rewrite
from tests.outcomes.false_summaries import LIES, Body, summarised


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return summarised(tmp_path)


def _rules(bundle: Path) -> list[str]:
    return list(dict.fromkeys(finding.rule for finding in check_real_run(bundle).findings))


def test_only_the_tailnet_lane_asks_for_it() -> None:
    asking = [
        lane
        for lane in ("loopback", "first_swarm_trusted_lan", "first_swarm_tailnet_admitted")
        if load_lane(lane).extra_documents
    ]
    assert asking == ["first_swarm_tailnet_admitted"]


def test_a_lane_that_asks_gets_a_row_per_admitted_device(bundle: Path) -> None:
    summary = DeviceSummary.read((bundle / SUMMARY_FILE).read_bytes())
    shares = [row.share_numerator / row.share_denominator for row in summary.per_device_contributions]

    assert _rules(bundle) == []
    assert [row.node_id for row in summary.per_device_contributions] == ["swarm-linux-a", "swarm-mac-a"]
    assert sum(shares) == pytest.approx(1.0)


def test_a_lane_that_does_not_ask_gets_none(promoted_bundle: Path) -> None:
    assert not (promoted_bundle / SUMMARY_FILE).exists()


@pytest.mark.parametrize(("rule", "edit"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
def test_a_resealed_lie_is_refused_by_its_rule_alone(rule: str, edit: Callable[[Body], None], bundle: Path) -> None:
    rewrite(bundle / SUMMARY_FILE, edit)
    reseal_bundle(bundle)

    assert _rules(bundle) == [rule]


def test_a_summary_that_was_taken_out_is_missed(bundle: Path) -> None:
    (bundle / SUMMARY_FILE).unlink()
    reseal_bundle(bundle)

    assert _rules(bundle) == ["device_summary_is_there_when_asked"]


def test_a_summary_that_nobody_asked_for_is_refused(bundle: Path, tmp_path: Path) -> None:
    plain = forge(tmp_path / "plain")
    operator_key_file(plain.parent)
    (plain / SUMMARY_FILE).write_bytes((bundle / SUMMARY_FILE).read_bytes())
    reseal_bundle(plain)

    assert "device_summary_is_there_when_asked" in _rules(plain)
