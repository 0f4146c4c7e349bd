"""`swarm check psionic` and `swarm check real-run` on documents of the old system."""

import json
from pathlib import Path

import pytest

from console.cli.check import CHECKS
from console.cli.main import main
from tests.checks.psionic.samples import bundle, interop

LAN_RUN = "runs/first-swarm-live-20260327-real-2"


@pytest.mark.parametrize("what", ["psionic", "real-run"])
@pytest.mark.parametrize("named", ["folder", "file"])
def test_a_retained_run_is_consistent_and_told_from_what_it_does_not_prove(
    what: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = interop() / LAN_RUN
    place = place if named == "folder" else place / "first_swarm_real_run_bundle.json"

    assert main(["check", what, "--bundle", str(place)]) == 0
    said = capsys.readouterr().out
    assert "consistent: " in said
    assert "what these documents do not prove:" in said


def test_the_verdict_as_json_has_every_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "psionic", "--bundle", str(interop()), "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["verified"], body["signer"], body["counts"]["verified"]) == (True, "missing", 195)
    assert body["not_proven"]


@pytest.mark.parametrize("what", ["psionic", "real-run"])
def test_a_changed_value_is_found_once_and_the_exit_status_says_so(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = bundle(tmp_path).parent
    path = folder / "coordinator_runtime_report.json"
    path.write_text(path.read_text().replace("1000", "1001"))

    assert main(["check", what, "--bundle", str(folder)]) == 1
    said = capsys.readouterr().out
    assert said.count("psionic_file: first_swarm_real_run_bundle.json: coordinator_report_sha256") == 1


def test_without_a_path_the_operator_is_told_to_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "psionic"]) == 2
    assert "--bundle PATH" in capsys.readouterr().err


def test_every_retained_run_is_in_check_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the newest alone: that is what a check without a path means."""
    monkeypatch.setattr("console.cli.checks.real_run.data_dir", lambda _: tmp_path)
    places = [bundle(tmp_path / "swarm" / "runs" / name).parent for name in ("run-1", "run-2", "run-3")]

    assert list(CHECKS["real-run"].retained()) == places
    assert len(CHECKS["real-run"].default()) == 1
