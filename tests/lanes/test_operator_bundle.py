"""The operator bundle: what a launch writes, from which reports, and how a false one is refused."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli.main import main
from console.cli.start import create_run
from console.cli.start_options import StartOptions
from console.evidence.checks.lane.operator_bundle import RULES, check_operator_bundle
from console.evidence.lane_documents.known_reports import KnownReport, newest_report
from console.evidence.lane_documents.places import FIRST_LANE, bringup_report
from console.places import data_dir
from runners.contract.lane import NodeContract, RunContract
from tests.lanes.false_operator_bundles import CONTRACT, DEFECTS, LANE, PLACES, Plant
from tests.lanes.given_reports import keep, report
from tests.lanes.resealing import Body

SEVEN = {
    "first_swarm_trusted_lan_topology_contract_v1.json",
    "reports/first_swarm_trusted_lan_failure_drills_v1.json",
    "first_swarm_live_workflow_plan_v1.json",
    "reports/swarm_mac_mlx_bringup_v1.json",
    "reports/swarm_linux_rtx4080_bringup_v1.json",
    "first_swarm_trusted_lan_launch_manifest.json",
    "first_swarm_trusted_lan_launch_receipt.json",
}


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No run of the person who tests, and no report that the repository keeps."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("SWARM_RUNS", str(folder))

    def newest(contract: RunContract, node: NodeContract, _: Path, runs: Path) -> KnownReport | None:
        return newest_report(contract, node, tmp_path / "fixtures", runs)

    monkeypatch.setattr("console.cli.launch.newest_report", newest)
    return folder


def launch(bundle: Path, *more: str, lane: str = LANE) -> int:
    return main(["launch", "--lane", lane, "--run-id", "run-1", "--bundle-dir", str(bundle), "--manifest-only", *more])


def bringups(bundle: Path) -> list[Body]:
    manifest = json.loads((bundle / PLACES.launch_manifest).read_bytes())
    return [host["bringup"] for host in manifest["hosts"]]


def test_a_launch_writes_the_runbooks_seven_files_and_nothing_else(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    assert launch(bundle, lane=FIRST_LANE) == 0
    assert {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()} == SEVEN
    assert check_operator_bundle(bundle).findings == ()


def test_a_host_without_a_report_gets_a_place_holder_that_says_so(tmp_path: Path) -> None:
    assert launch(tmp_path / "bundle") == 0
    assert [item["disposition"] for item in bringups(tmp_path / "bundle")] == ["not_observed", "not_observed"]
    place = json.loads((tmp_path / "bundle" / "reports" / bringup_report(CONTRACT.nodes[0])).read_bytes())
    assert (place["schema_version"], place["disposition"]) == ("swarm.bringup_not_observed.v1", "not_observed")


def test_the_newest_retained_report_is_shown_with_its_age_and_signature(tmp_path: Path, runs: Path) -> None:
    for run, wall_ms in (("old", 1_000), ("new", 2_000), ("older", 500)):
        keep(runs / run / "mac" / "coordinator" / "reports", "swarm-mac-a_bringup.json", report(0, wall_ms=wall_ms))
    assert launch(tmp_path / "bundle") == 0
    shown, other = bringups(tmp_path / "bundle")
    assert (shown["origin"], shown["taken_wall_ms"], other["origin"]) == ("newest_retained", 2_000, "not_observed")
    assert shown["age_ms"] > 0
    assert shown["signature"]
    assert check_operator_bundle(tmp_path / "bundle").consistent


def test_the_report_that_the_repository_keeps_is_shown_where_there_is_no_newer_one(runs: Path) -> None:
    fixtures = data_dir("fixtures")
    kept = newest_report(CONTRACT, CONTRACT.nodes[0], fixtures, runs)
    assert kept is not None
    assert (kept.origin, kept.report.disposition) == ("newest_retained", "ready_to_attempt")
    newer = report(0, wall_ms=kept.report.finished_wall_ms + 1)
    keep(runs / "one" / "mac" / "coordinator" / "reports", "swarm-mac-a_bringup.json", newer)
    shown = newest_report(CONTRACT, CONTRACT.nodes[0], fixtures, runs)
    assert shown is not None
    assert shown.report == newer


def test_a_report_of_another_contract_or_with_a_bad_signature_is_passed_over(tmp_path: Path, runs: Path) -> None:
    name = "swarm-mac-a_bringup.json"
    keep(runs / "one" / "mac" / "coordinator" / "reports", name, report(0, contract_digest="0" * 64))
    path = keep(runs / "two" / "mac" / "coordinator" / "reports", name, report(0))
    path.with_name(f"{name}.sig").write_text("0" * 128 + "\n")
    assert launch(tmp_path / "bundle") == 0
    assert bringups(tmp_path / "bundle")[0]["disposition"] == "not_observed"


def test_a_given_report_is_bound_and_one_of_another_node_refused(tmp_path: Path) -> None:
    given = keep(tmp_path, "given.json", report(1), signed=False)
    assert launch(tmp_path / "bundle", "--linux-report", str(given)) == 0
    assert bringups(tmp_path / "bundle")[1]["origin"] == "given"
    assert launch(tmp_path / "refused", "--mac-report", str(given)) == 1
    assert not (tmp_path / "refused").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "mine.txt").write_text("mine")
    assert launch(tmp_path / "bundle") == 1
    assert [path.name for path in (tmp_path / "bundle").iterdir()] == ["mine.txt"]


def test_without_manifest_only_nothing_is_written(tmp_path: Path) -> None:
    assert main(["launch", "--run-id", "run-1", "--bundle-dir", str(tmp_path / "bundle")]) == 2
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("run_id", ["../x", "a b", "", "x" * 97])
def test_a_run_id_that_could_be_a_path_is_refused(tmp_path: Path, run_id: str) -> None:
    words = ["launch", "--run-id", run_id, "--bundle-dir", str(tmp_path / "bundle"), "--manifest-only"]
    assert main(words) == 2
    assert not (tmp_path / "bundle").exists()


def test_a_launch_opens_no_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a launch contacted somebody")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert launch(tmp_path / "bundle") == 0


def test_a_launch_imports_no_network_and_no_arrays(tmp_path: Path) -> None:
    heavy = ("asyncssh", "torch", "mlx", "numpy", "textual", "transformers")
    words = ["launch", "--run-id", "r", "--bundle-dir", str(tmp_path / "bundle"), "--manifest-only"]
    code = (
        f"import sys; from console.cli.main import main; main({words!r}); print(*(set({heavy!r}) & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == ""


@pytest.fixture(scope="module")
def good_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    given = keep(folder, "given.json", report(1))
    assert launch(folder / "bundle", "--linux-report", str(given)) == 0
    return folder / "bundle"


@pytest.mark.parametrize(("rule", "plant"), [item[1:] for item in DEFECTS], ids=[item[0] for item in DEFECTS])
def test_one_defect_is_refused_by_the_rule_about_it(good_bundle: Path, tmp_path: Path, rule: str, plant: Plant) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(good_bundle, bundle)
    assert check_operator_bundle(bundle).findings == ()
    plant(bundle)
    verdict = check_operator_bundle(bundle)
    assert {finding.rule for finding in verdict.findings} == {rule}, [str(finding) for finding in verdict.findings]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    verdict = check_operator_bundle(tmp_path / "bundle")
    assert {finding.rule for finding in verdict.findings} == {"documents_are_there"}
    assert len(RULES) == verdict.facts["rules"]


def test_a_run_keeps_the_operator_bundle_that_it_started_from(
    tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARM_HOME", str(tmp_path / "home"))
    spec, paths = create_run(StartOptions(lane=LANE, run_id="run-1"), check_ports=lambda _: None)
    assert paths.root == runs / spec.run_id
    assert check_operator_bundle(paths.root / "operator_bundle").findings == ()
