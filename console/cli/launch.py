"""`swarm launch --manifest-only`: the operator bundle of a run, without contacting anybody."""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from console.cli.errors import UsageError
from console.coordination.lane_file import load_lane
from console.evidence.lane_documents.frozen_lane import freeze_lane, kept_observations, require_no_drift_from_files
from console.evidence.lane_documents.known_reports import KnownReport, given_report, newest_report
from console.evidence.lane_documents.launch_manifest import BoundReport, LaunchManifest, LaunchReceipt
from console.evidence.lane_documents.operator_bundle import Launch, write_operator_bundle
from console.evidence.lane_documents.places import FIRST_LANE
from console.evidence.lane_documents.sources import read_sources
from console.places import data_dir, runs_dir
from runners.records.clock import Clock

Given = Mapping[str, Path | None]
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,95}")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "launch",
        help="materialize the operator bundle of a run; contacts no host and claims no run",
        description="Writes topology, drills, plan, each host's bring-up report (given, newest retained, or a place "
        "holder that says not_observed), launch manifest and launch receipt into a new folder.",
    )
    parser.add_argument("--lane", default=FIRST_LANE, help=f"name of a lane, or a .toml file (default: {FIRST_LANE})")
    parser.add_argument("--run-id", required=True, help="name of the run that is to be: letters, digits, - and _")
    parser.add_argument("--bundle-dir", type=Path, required=True, help="new or empty folder")
    parser.add_argument("--manifest-only", action="store_true", help="required: a live run is `swarm run`")
    for where in ("mac", "linux"):
        parser.add_argument(f"--{where}-report", type=Path, metavar="FILE", help=f"bring-up report of the {where} host")
    parser.add_argument("--json", action="store_true", help="print the launch receipt")
    parser.set_defaults(act=launch)


def launch(options: argparse.Namespace) -> int:
    if not options.manifest_only:
        raise UsageError("launch: expected --manifest-only, got none; a live run is `swarm run --lane L --run-id ID`")
    if not RUN_ID.fullmatch(options.run_id):
        raise UsageError(f"--run-id: expected letters, digits, - and _, at most 96 of them, got {options.run_id!r}")
    given = {where: getattr(options, f"{where}_report") for where in ("mac", "linux")}
    asked, receipt = materialize(options.lane, options.run_id, options.bundle_dir, given=given)
    if options.json:
        sys.stdout.write(receipt.to_bytes().decode())
        return 0
    places = asked.frozen.places
    manifest = LaunchManifest.read((options.bundle_dir / places.launch_manifest).read_bytes())
    for host in manifest.hosts:
        print(f"{host.node_id:<20} {_told(host.bringup)}")
    print(f"{receipt.launch_status}  {options.bundle_dir}  {receipt.digest}")
    return 0


def materialize(
    lane: str,
    run_id: str,
    folder: Path,
    *,
    given: Given | None = None,
    fixtures: Path | None = None,
    frozen_files_must_agree: bool = True,
    model: Path | None = None,
    dataset: Path | None = None,
) -> tuple[Launch, LaunchReceipt]:
    """The bundle in `folder`; `given` are report files by run root. Raises EvidenceError."""
    contract, fixtures = load_lane(lane), fixtures or data_dir("fixtures")
    shipped = data_dir("fixtures") / "swarm"  # what the repository ships, unless another checkpoint or dataset is named
    sources = read_sources(contract, model or shipped / "base", dataset or shipped / "dataset")
    frozen = freeze_lane(sources, kept_observations(fixtures, contract))
    if frozen_files_must_agree:
        require_no_drift_from_files(frozen, fixtures)
    reports: dict[str, KnownReport] = {}
    for node in contract.contributors:
        path = (given or {}).get(node.run_root)
        known = given_report(path, contract, node) if path else newest_report(contract, node, fixtures, runs_dir())
        if known is not None:
            reports[node.node_id] = known
    asked = Launch(frozen, run_id, Clock().wall_ms(), reports)
    return asked, write_operator_bundle(asked, folder)


def _told(bound: BoundReport) -> str:
    if bound.age_ms is None:
        return "not_observed: no report under this contract was given or found"
    signed = "signed" if bound.signature else "unsigned"
    age_s = bound.age_ms / 1000
    return f"{bound.disposition}: {bound.origin}, {signed}, {age_s:.0f} s old, made for run {bound.run_id}"
