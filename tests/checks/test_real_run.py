"""A true bundle is consistent, and every single lie is refused by the one rule that is about it and by no other."""

import json
import random
from pathlib import Path

import pytest

from console.evidence.checks import rules_devices
from console.evidence.checks.real_run import RULES, check_real_run
from console.evidence.models import BUNDLE_FILE
from tests.checks.defects import Defect
from tests.checks.every_defect import DEFECTS
from tests.checks.forge import forge
from tests.checks.lies import Lies
from tests.checks.resealing import reseal_bundle


def _rules(bundle: Path) -> list[str]:
    """Each rule that objects, once, in their order."""
    return list(dict.fromkeys(finding.rule for finding in check_real_run(bundle).findings))


def test_a_true_bundle_is_consistent_and_its_signer_unknown(true_bundle: Path) -> None:
    verdict = check_real_run(true_bundle)

    assert verdict.findings == ()
    assert (verdict.consistent, verdict.signer) == (True, "unknown")
    assert verdict.facts["adapters"] == 6


@pytest.mark.parametrize("kind", ["bringup_received", "window_opened", "replay_judged", "closed"])
def test_a_run_that_a_second_coordinator_finished_is_consistent(kind: str, tmp_path: Path) -> None:
    bundle = forge(tmp_path, Lies(restart_before=kind))

    assert check_real_run(bundle).findings == ()
    assert len(list((bundle / "journals").glob("*.coordinator.*"))) == 2


@pytest.mark.parametrize("revision", [1, 2])
def test_a_replay_that_cites_the_revision_before_is_consistent(revision: int, tmp_path: Path) -> None:
    bundle = forge(tmp_path, Lies(revision=revision))

    assert check_real_run(bundle).findings == ()
    assert sorted(path.name for path in (bundle / "previous").iterdir()) == [
        "bundle.sig", BUNDLE_FILE, "window_plan.json",
    ]  # fmt: skip


def test_a_replay_that_goes_on_from_a_kept_checkpoint_is_consistent(tmp_path: Path) -> None:
    assert check_real_run(forge(tmp_path, Lies(revision=1, continued=True))).findings == ()


def test_the_bundles_own_document_may_be_named_instead_of_its_folder(true_bundle: Path) -> None:
    assert check_real_run(true_bundle / BUNDLE_FILE).consistent


def test_a_verdict_is_plain_json(true_bundle: Path) -> None:
    body = json.loads(json.dumps(check_real_run(true_bundle).to_json()))

    assert body["consistent"] is True
    assert body["findings"] == []


def test_nothing_is_written_into_a_checked_bundle(bundle: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in bundle.rglob("*")}
    check_real_run(bundle)

    assert {path: path.stat().st_mtime_ns for path in bundle.rglob("*")} == before


@pytest.mark.parametrize("defect", [d for d in DEFECTS if d.told], ids=lambda defect: defect.name)
def test_a_lie_that_everything_supports_is_refused_by_its_rule_alone(defect: Defect, tmp_path: Path) -> None:
    assert defect.told is not None
    bundle = forge(tmp_path, defect.told())

    assert _rules(bundle) == list(defect.rules)


@pytest.mark.parametrize("defect", [d for d in DEFECTS if d.after], ids=lambda defect: defect.name)
def test_a_finished_bundle_changed_by_its_operator_is_refused_by_its_rule_alone(defect: Defect, bundle: Path) -> None:
    assert defect.after is not None
    defect.after(bundle)
    if defect.resealed:
        reseal_bundle(bundle)

    assert _rules(bundle) == list(defect.rules)


def test_every_defect_has_its_own_name_and_a_rule_that_exists() -> None:
    names = [defect.name for defect in DEFECTS]

    assert len(set(names)) == len(names)
    assert {defect.rule for defect in DEFECTS} <= {rule.__name__ for rule in RULES}


def test_every_rule_but_a_few_has_a_defect_that_it_alone_finds_first() -> None:
    """The exceptions are shown in the tests of hostile folders, and of lanes that ask for a per-device summary."""
    covered = {defect.rule for defect in DEFECTS}
    elsewhere = {"bundle_document_is_readable", "only_plain_files", *(rule.__name__ for rule in rules_devices.RULES)}

    assert {rule.__name__ for rule in RULES} - covered == elsewhere


def test_every_rule_gives_its_reason() -> None:
    assert all((rule.__doc__ or "").strip() for rule in RULES)


def test_a_changed_byte_in_any_file_is_found(bundle: Path) -> None:
    """First, last and some byte between of every file: one bit is enough, white space and final LF included."""
    chance = random.Random(5)
    missed = []
    for path in sorted(file for file in bundle.rglob("*") if file.is_file()):
        data = path.read_bytes()
        for place in sorted({0, len(data) - 1, chance.randrange(len(data))}):
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            if check_real_run(bundle).consistent:
                missed.append((path.name, place))
        path.write_bytes(data)

    assert missed == []
    assert check_real_run(bundle).consistent


@pytest.mark.parametrize("blank", [b" ", b"\n", b"\r\n", b"\t"])
def test_white_space_after_the_bundles_document_is_found(bundle: Path, blank: bytes) -> None:
    path = bundle / BUNDLE_FILE
    path.write_bytes(path.read_bytes() + blank)

    assert "bundle_document_is_readable" in _rules(bundle)


@pytest.mark.parametrize("blank", [b"\n", b" \n", b"\r\n"])
def test_white_space_in_the_signature_is_found(bundle: Path, blank: bytes) -> None:
    path = bundle / "bundle.sig"
    path.write_bytes(path.read_bytes() + blank)

    assert _rules(bundle)[:1] == ["bundle_is_signed"]
