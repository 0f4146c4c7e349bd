"""`swarm drill KIND`: a scratch run into which a real fault is put, held against what the lane promises."""

import argparse
import contextlib
import json
import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from console.cli.errors import MissingTool, UsageError
from console.cli.run import require_ports
from console.cli.start import create_run, operator_key, operator_token, spawn_coordinator
from console.cli.start_options import StartOptions, host_home
from console.cli.watch import Interrupts
from console.coordination.inbox import leave_command
from console.coordination.lane_file import load_lane
from console.coordination.paths import RunPaths
from console.coordination.spec import RunSpec
from console.drills.errors import CoordinatorStays, DrillRefused, RunAbandoned
from console.drills.expectation import CASES, Case, DrillExpectation, expectation, struck_node
from console.drills.faulty_host import faulty_host
from console.drills.rehearsal import Rehearsal, fault_for
from console.drills.report import REPORT_FILE, DrillReport, judge_drill, table
from console.drills.reports_first import ReportsFirst
from console.evidence.checks.real_run import check_real_run
from console.evidence.lane_documents.failure_drills import DRILL_KINDS
from console.observation.line import Line
from console.observation.progress import narrate
from console.places import data_dir, runs_dir
from runners.records.clock import Clock
from runners.records.durable import write_durable

Started = tuple[RunSpec, RunPaths]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "drill",
        help="put a real fault into a scratch run; exit 0 when it came as frozen",
        description="Runs a scratch window with the lane's own policies and puts the fault into its real processes: "
        "SIGSTOP, SIGKILL, a slowed runner, an upload that is not the planned one, a changed byte in the outbox. "
        "The coordinator is told nothing. Each case keeps its bundle, and drill.json beside it.",
    )
    parser.add_argument("kind", metavar="KIND", choices=DRILL_KINDS, help=" | ".join(DRILL_KINDS))
    parser.add_argument("--case", choices=[case for cases in CASES.values() for case in cases if len(cases) > 1],
                        help="upload_disagreement: only this case (default: each in turn)")  # fmt: skip
    parser.add_argument("--lane", default="loopback", help="name of a lane, or a .toml file (default: loopback)")
    parser.add_argument("--run-id", help="name of the run (default: made from lane, case and time)")
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end")
    parser.set_defaults(act=drill)


def drill(options: argparse.Namespace) -> int:
    cases = CASES[options.kind]
    if options.case is not None:
        if options.case not in cases:
            raise UsageError(f"drill {options.kind}: expected --case with upload_disagreement only, got {options.case}")
        cases = (options.case,)
    try:
        expected = {case: expectation(load_lane(options.lane), case) for case in cases}
    except DrillRefused as error:
        raise MissingTool(str(error)) from error
    reports, stayed = [], False
    with Interrupts() as interrupts:
        for number, case in enumerate(cases):
            run_id = f"{options.run_id}-{number}" if options.run_id and number else options.run_id
            report, left = hold(options.lane, run_id or new_drill_id(options.lane, case), expected[case], interrupts)
            reports.append(report)
            stayed = stayed or not left
            if not options.json:
                print(table(report))
    if options.json:
        print(json.dumps([report.to_json() for report in reports], indent=2, sort_keys=True))
    passed = all(report.result == "pass" for report in reports)
    if passed:
        bundle = runs_dir() / reports[-1].run_id / "bundle"
        keeps = f"swarm freeze drills --lane {options.lane} --observed {options.kind}={bundle}"
        print(f"to keep this with the lane: {keeps}", file=sys.stderr)
    return 0 if passed and not stayed else 1


def new_drill_id(lane: str, case: Case) -> str:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{Path(lane).stem}-drill-{case}-{now}-{secrets.token_hex(2)}".replace("_", "-")


def hold(lane: str, run_id: str, expected: DrillExpectation, interrupts: Interrupts) -> tuple[DrillReport, bool]:
    """One case, from its run's start to its report beside the bundle; False where the coordinator stayed. Ctrl-C asks
    the run to stop and close its bundle; where it was asked, or has closed it, the drill leaves. Raises UsageError,
    MissingTool."""
    with _run(lane, run_id, expected) as (spec, paths):
        clock = Clock()
        fault = fault_for(expected.case, spec, clock)
        print(f"drill {expected.case}: run {run_id} in {paths.root}", file=sys.stderr)

        asked: list[str] = []

        def interrupted() -> bool:
            if not interrupts.take():
                return False
            if asked or paths.bundle.exists():
                raise KeyboardInterrupt(f"the run is as it was; `swarm attach {run_id}` watches it")
            asked.append(
                leave_command(paths.inbox, operator_key(), run_id, "stop", "Ctrl-C in a drill", clock.wall_ms())
            )
            return True

        reports = ReportsFirst(paths, spec.contract)

        def hear(line: Line) -> None:
            _narrate(line)
            reports.hear(line)

        rehearsal = Rehearsal(paths, expected.node_id, fault, hear, interrupted)
        try:
            story = rehearsal.until_closed()
        except RunAbandoned as error:
            raise MissingTool(str(error)) from error
        # Whoever watches has the verdict while the coordinator still writes what nothing here rests on.
        report = judge_drill(expected, story, fault.struck, paths.bundle, check_real_run(paths.bundle))
        write_durable(paths.root / REPORT_FILE, report.to_bytes())
        return report, _left(rehearsal)


def _left(rehearsal: Rehearsal) -> bool:
    try:
        rehearsal.until_left()
    except CoordinatorStays as error:
        print(f"swarm: {error}", file=sys.stderr)
        return False
    return True


@contextlib.contextmanager
def _run(lane: str, run_id: str, expected: DrillExpectation) -> Iterator[Started]:
    """A coordinator that lives, as `swarm run` starts it. A fault in a host's settings needs a host of its own."""
    if expected.case != "another_shape":
        chosen = StartOptions(lane=lane, run_id=run_id, coordinator_port=0, contributor_port=0)
        spec, paths = create_run(chosen, check_ports=require_ports)
        spawn_coordinator(paths, operator_token())
        yield spec, paths
        return
    node = struck_node(load_lane(lane))
    folder = runs_dir() / ".hosts" / node.node_id / "drills" / run_id
    client_key_file = host_home() / "keys" / "ssh_client.pem"
    model_dir = data_dir("fixtures") / "swarm" / "base"
    with faulty_host(node, folder, model_dir, client_key_file, expected.case) as host:
        chosen = StartOptions(
            lane=lane, run_id=run_id, coordinator_port=0,
            remote=host.endpoint, remote_host_key=host.host_key_file, client_key=host.client_key_file,
        )  # fmt: skip
        spec, paths = create_run(chosen, check_ports=require_ports)
        spawn_coordinator(paths, host.token)
        yield spec, paths


def _narrate(line: Line) -> None:
    told = narrate(line)
    if told is not None:
        print(told, file=sys.stderr, flush=True)
