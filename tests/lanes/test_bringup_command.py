"""`swarm bringup` and `swarm check mac|linux` on this machine: real gates in real processes.

Here is neither a Mac with Metal nor an RTX 4080, so the frozen lane must refuse; the tests skip where one of them is.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console.cli.main import main
from console.evidence.lane_documents.places import FIRST_LANE
from console.places import data_dir
from runners.contract.bringup import BringupReport

REPOSITORY = Path(__file__).resolve().parents[2]
HOSTS = ("mac", "linux")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A person's folders that nobody used yet; every command of this module shares them."""
    folder = tmp_path_factory.mktemp("world")
    own = {"SWARM_RUNS": str(folder / "runs"), "SWARM_HOME": str(folder / "home"), "PYTHONPATH": str(REPOSITORY)}
    return {**{name: value for name, value in os.environ.items() if not name.startswith("SWARM_")}, **own}


def swarm(world: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "console.cli.main", *words]
    return subprocess.run(argv, env=world, capture_output=True, text=True, timeout=110, check=False)


@pytest.fixture(scope="module")
def loopback(world: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return swarm(world, "bringup", "all", "--lane", "loopback", "--json")


@pytest.fixture(scope="module")
def frozen(world: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return swarm(world, "bringup", "all", "--lane", FIRST_LANE, "--json")


def reports(done: "subprocess.CompletedProcess[str]") -> dict[str, BringupReport]:
    body: dict[str, Any] = json.loads(done.stdout)
    return {host: BringupReport.from_json(report) for host, report in body.items()}


def place(world: dict[str, str], lane: str, name: str) -> Path:
    return Path(world["SWARM_RUNS"]) / "reports" / lane / name


def test_this_machine_passes_the_loopback_lane(loopback: "subprocess.CompletedProcess[str]") -> None:
    assert loopback.returncode == 0, loopback.stderr
    found = reports(loopback)
    assert {host: report.disposition for host, report in found.items()} == dict.fromkeys(HOSTS, "ready_to_attempt")
    for report in found.values():
        assert report.gate is not None
        assert report.throughput is not None
        assert report.throughput.median_tokens_per_second > 0
        assert report.lane_id == "loopback"


def test_this_machine_refuses_the_frozen_lane_and_says_why(frozen: "subprocess.CompletedProcess[str]") -> None:
    found = reports(frozen)
    if any(report.disposition == "ready_to_attempt" for report in found.values()):
        pytest.skip("this is a machine of the frozen lane")
    assert frozen.returncode == 1
    assert {report.disposition for report in found.values()} == {"refused_machine_contract"}
    for host, kind in (("mac", "metal"), ("linux", "cuda")):
        report = found[host]
        assert report.device is not None
        assert f"device_kind: expected one of {kind}, got {report.device.kind}" in report.reasons
        assert (report.probe, report.gate, report.throughput) == (None, None, None)
        assert f".{report.device.kind}." in report.device.backend_label


def test_a_gate_that_takes_longer_than_the_lane_lets_it_is_given_up_and_says_so(
    world: dict[str, str], tmp_path: Path
) -> None:
    lane = tmp_path / "hasty.toml"
    text = (data_dir("fixtures") / "swarm" / "lanes" / "loopback.toml").read_text()
    lane.write_text(text.replace("prepare_ms = 300000", "prepare_ms = 500").replace('"loopback"', '"hasty"'))

    done = swarm(world, "bringup", "lane", "--lane", str(lane))

    assert done.returncode == 1
    assert done.stdout.count("no_report  expected a report within 0.5 s, the lane's prepare_ms, got none") == 2
    assert list((Path(world["SWARM_RUNS"]) / ".bringup").iterdir()) == []


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("lane", ["loopback", "frozen"])
def test_a_report_of_either_verdict_verifies(
    lane: str, host: str, world: dict[str, str], request: pytest.FixtureRequest
) -> None:
    report = reports(request.getfixturevalue(lane))[host]
    kept = [path for path in place(world, report.lane_id, "").iterdir() if report.digest in path.read_text()]
    done = swarm(world, "check", host, "--report", str(kept[0]), "--json")
    body = json.loads(done.stdout)
    assert (done.returncode, body["verified"], body["findings"]) == (0, True, [])
    assert body["contract"] is not None


def test_names_that_name_a_device_belong_to_the_lane_that_has_it(
    loopback: "subprocess.CompletedProcess[str]", frozen: "subprocess.CompletedProcess[str]", world: dict[str, str]
) -> None:
    assert loopback.stdout
    assert frozen.stdout
    assert {path.name for path in place(world, "loopback", "").glob("*.json")} == {
        "swarm_mac_a_bringup_v1.json",
        "swarm_linux_a_bringup_v1.json",
    }
    assert {path.name for path in place(world, FIRST_LANE, "").glob("*.json")} == {
        "swarm_mac_mlx_bringup_v1.json",
        "swarm_linux_rtx4080_bringup_v1.json",
    }


def test_a_later_launch_finds_the_report(loopback: "subprocess.CompletedProcess[str]", world: dict[str, str]) -> None:
    bundle = Path(world["SWARM_RUNS"]).parent / "bundle"
    words = ("--lane", "loopback", "--run-id", "run-1", "--bundle-dir", str(bundle), "--manifest-only")
    assert swarm(world, "launch", *words).returncode == 0
    manifest = json.loads((bundle / "loopback_launch_manifest.json").read_bytes())
    digests = {report.digest for report in reports(loopback).values()}
    assert {item["bringup"]["digest"] for item in manifest["hosts"]} == digests


def test_the_work_of_a_bring_up_is_seconds(loopback: "subprocess.CompletedProcess[str]") -> None:
    """By the report's own clock: under 6 s on a quiet machine, three times that on one that others use."""
    took = [report.finished_wall_ms - report.started_wall_ms for report in reports(loopback).values()]
    assert max(took) < 18_000


def test_a_bring_up_that_is_done_leaves_no_run_root(
    loopback: "subprocess.CompletedProcess[str]", world: dict[str, str]
) -> None:
    assert loopback.returncode == 0
    assert list((Path(world["SWARM_RUNS"]) / ".bringup").iterdir()) == []


def test_a_given_place_is_written_with_its_signature(world: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "mac" / "reports" / "mine.json"
    done = swarm(world, "bringup", "mac", "--lane", FIRST_LANE, "--report", str(path))
    report = BringupReport.read(path.read_bytes())
    assert done.returncode == (0 if report.disposition == "ready_to_attempt" else 1)
    assert len(path.with_name("mine.json.sig").read_text()) == 129
    assert report.disposition in done.stdout
    assert str(path) in done.stdout


def test_a_changed_report_does_not_verify(
    loopback: "subprocess.CompletedProcess[str]", world: dict[str, str], tmp_path: Path
) -> None:
    assert loopback.returncode == 0
    name = "swarm_linux_a_bringup_v1.json"
    true = place(world, "loopback", name)
    (tmp_path / name).write_bytes(true.read_bytes().replace(b'"threads": 1', b'"threads": 2'))
    (tmp_path / f"{name}.sig").write_bytes(true.with_name(f"{name}.sig").read_bytes())
    done = swarm(world, "check", "linux", "--report", str(tmp_path / name))
    assert done.returncode == 1
    assert "NOT verified" in done.stdout
    assert "report_owns_its_digest" in done.stdout


def test_the_console_never_loads_an_accelerator_library(world: dict[str, str]) -> None:
    modules = "{'torch', 'mlx', 'transformers', 'runners.training', 'runners.process'}"
    code = f"import sys, console.cli.bringup, console.cli.checks.bringup; sys.exit(len({modules} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env=world, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    "words",
    [("bringup", "all", "--report", "x.json"), ("bringup", "windows")],
    ids=["one_file_for_two", "no_such_host"],
)
def test_a_command_that_makes_no_sense_exits_2(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARM_RUNS", str(tmp_path))
    try:
        code = main(words)
    except SystemExit as exit_:  # argparse's own way
        code = int(str(exit_.code))
    assert code == 2
