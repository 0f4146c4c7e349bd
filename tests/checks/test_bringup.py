"""A true report verifies, ready or refused; one with a single lie, sealed and signed again by its host, is refused by
the rule about that lie."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from console.evidence.checks.bringup.gate_problem import MOST_STEPS, gate_losses, problem
from console.evidence.checks.bringup.report import check_bringup
from console.evidence.checks.bringup.rules import RULES
from runners.process.bringup import GATE_PREFIX
from runners.records.keys import SigningKey
from tests.checks.defects_of_reports import DEFECTS
from tests.checks.forged_bringup import refuse_for_disk, trained_gate
from tests.checks.forged_hosts import LINUX, MAC
from tests.checks.resealing import BodyEdit, reseal_body
from tests.checks.signed_report import CONTRACT, KEY, forged, resealed, write


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lane") / "contract.json"
    path.write_bytes(CONTRACT.to_bytes())
    return path


@pytest.mark.parametrize(("node", "host"), [(MAC, "mac"), (LINUX, "linux")])
def test_a_ready_report_verifies(node: str, host: str, tmp_path: Path, contract: Path) -> None:
    assert check_bringup(write(tmp_path, forged(node)), host=host, contract=contract).findings == ()


def test_a_true_refusal_verifies_as_well(tmp_path: Path, contract: Path) -> None:
    body = forged()
    refuse_for_disk(body)
    verdict = check_bringup(write(tmp_path, resealed(body)), host="linux", contract=contract)
    assert (body["disposition"], verdict.findings) == ("refused_machine_contract", ())


def test_without_the_lanes_contract_a_report_is_judged_by_its_own_requirements(tmp_path: Path) -> None:
    assert check_bringup(write(tmp_path, forged()), host="linux").consistent


@pytest.mark.parametrize(("rule", "edit"), [pytest.param(rule, edit, id=name) for name, rule, edit in DEFECTS])
def test_one_lie_sealed_again_is_refused_by_its_rule(rule: str, edit: BodyEdit, tmp_path: Path, contract: Path) -> None:
    body = forged()
    edit(body)
    host = body["requirements"]["run_root"]
    verdict = check_bringup(write(tmp_path, resealed(body)), host=host, contract=contract)
    assert {item.rule for item in verdict.findings} == {rule}, [str(item) for item in verdict.findings]


def test_every_rule_refuses_something() -> None:
    sealing = {
        "report_owns_its_digest",
        "host_signed_its_report",
        "host_signed_its_gate",
    }  # shown below: these can't be sealed again
    assert {rule.__name__ for rule in RULES} - {rule for _, rule, _ in DEFECTS} == sealing
    assert all((rule.__doc__ or "").strip() for rule in RULES)


def _rules(path: Path, contract: Path) -> list[str]:
    return [item.rule for item in check_bringup(path, host="linux", contract=contract).findings]


def test_a_report_changed_after_its_seal_is_refused(tmp_path: Path, contract: Path) -> None:
    body = forged()
    body["host_name"] = "elsewhere"
    assert _rules(write(tmp_path, body), contract) == ["report_owns_its_digest"]


def test_a_gate_signed_by_another_host_is_refused(tmp_path: Path, contract: Path) -> None:
    body = forged()
    receipt = body["gate"]["receipt"]
    body["gate"]["signature"] = SigningKey.generate().sign(GATE_PREFIX + bytes.fromhex(receipt["digest"]))
    reseal_body(body)
    assert _rules(write(tmp_path, body), contract) == ["host_signed_its_gate"]


@pytest.mark.parametrize("how", ["missing", "another_key", "not_hex", "crlf", "folder"])
def test_a_signature_that_does_not_hold_is_named(how: str, tmp_path: Path, contract: Path) -> None:
    path = write(tmp_path, forged(), key=SigningKey.generate() if how == "another_key" else KEY)
    signature = path.with_name("report.json.sig")
    if how in ("missing", "folder"):
        signature.unlink()
    if how == "folder":
        signature.mkdir()
    if how == "not_hex":
        signature.write_text("x" * 128 + "\n")
    if how == "crlf":
        signature.write_bytes(signature.read_bytes()[:-1] + b"\r\n")
    assert _rules(path, contract) == ["host_signed_its_report"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"{"),
        lambda path: path.write_bytes(path.read_bytes() + b"\n"),
        lambda path: path.write_bytes(json.dumps(json.loads(path.read_bytes())).encode()),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"host_name"', b'"hostname"')),
        lambda path: path.write_bytes(b"\xff" * 40),
    ],
    ids=["missing", "torn", "one_more_byte", "other_spaces", "other_field", "not_utf8"],
)
def test_bytes_that_are_no_report_are_named(spoil: Callable[[Path], object], tmp_path: Path, contract: Path) -> None:
    path = write(tmp_path, forged())
    spoil(path)
    assert _rules(path, contract) == ["report_has_its_form"]


def test_a_report_behind_a_link_is_not_followed(tmp_path: Path, contract: Path) -> None:
    (tmp_path / "true").mkdir()
    path = tmp_path / "report.json"
    path.symlink_to(write(tmp_path / "true", forged()))
    assert _rules(path, contract) == ["report_has_its_form"]


def test_the_other_hosts_report_is_not_this_ones(tmp_path: Path, contract: Path) -> None:
    assert _rules(write(tmp_path, forged(MAC)), contract) == ["report_is_of_the_host"]


@pytest.mark.parametrize("steps", [2, 8, MOST_STEPS])
def test_the_checkers_gate_is_the_runners_gate(steps: int) -> None:
    """Written twice, the same problem: losses agree far within the bound that the rule allows."""
    run, again = trained_gate(steps), gate_losses(steps)
    assert problem().head_sha256 == run.head_sha256
    assert again.steps == pytest.approx(run.step_losses, abs=1e-6)
    assert (again.initial, again.final) == pytest.approx((run.initial_loss, run.final_loss), abs=1e-6)
