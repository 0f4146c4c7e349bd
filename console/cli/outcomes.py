"""`swarm rehearse`, `evidence` and `closeout`: what a closed run amounts to, written beside its bundle."""

import argparse
import json
import sys
from pathlib import Path

from console.cli.find import find_bundle
from console.cli.run import require_ports
from console.cli.start import create_run, operator_token, spawn_coordinator
from console.cli.start_options import StartOptions
from console.cli.watch import Interrupts, Watch
from console.coordination.errors import CoordinationError
from console.evidence.checks.outcomes.publication import check_publication
from console.evidence.outcomes.attempt import attempt_evidence
from console.evidence.outcomes.closed_bundle import ClosedBundle, open_closed
from console.evidence.outcomes.closeout import closeout_report
from console.evidence.outcomes.places import closing_ms, documents_dir, publications_dir, write_document
from console.evidence.outcomes.publication import PublicationReport
from console.evidence.outcomes.rehearsal import rehearsal_report
from runners.contract.document import Document


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rehearse = commands.add_parser(
        "rehearse",
        help="time every phase of a lane in one real run, and say go or no_go",
        description="Runs one window on the lane (or takes --run) and reports its phases as its journal timed them. "
        "Exit 0 when the report was written, whatever it recommends: a no_go is an answer.",
    )
    rehearse.add_argument("--lane", default="loopback", help="name of a lane, or a .toml file (default: loopback)")
    rehearse.add_argument("--run", metavar="RUN", help="conclude from this closed run instead of making one")
    rehearse.add_argument("--stand-in", metavar="RUN", help="a run of another lane for phases that were not measured")
    rehearse.add_argument("--coordinator-port", type=int, metavar="P", help="port of the coordinator")
    rehearse.add_argument("--contributor-port", type=int, metavar="P", help="SSH port of the contributor; 0 picks one")
    rehearse.set_defaults(act=rehearse_lane)
    evidence = commands.add_parser(
        "evidence",
        help="write the evidence bundle of a live attempt, also of a refused one",
        description="Says of each stage of a closed run whether it was completed, refused or never reached, and on "
        "which files of the bundle that rests. The bundle is cited by digest and not changed.",
    )
    evidence.add_argument("run", nargs="?", metavar="RUN", help="run id or bundle folder (default: the newest run)")
    evidence.set_defaults(act=write_evidence)
    closeout = commands.add_parser(
        "closeout",
        help="write the closeout of a run: five gates, and what became of it",
        description="Judges five gates of a closed run and says what became of merge, promotion and publication. Exit "
        "0 when the document was written, whatever it says.",
    )
    closeout.add_argument("run", nargs="?", metavar="RUN", help="run id or bundle folder (default: the newest run)")
    closeout.set_defaults(act=write_closeout)
    for parser in (rehearse, evidence, closeout):
        parser.add_argument(
            "--out", type=Path, metavar="D", help="folder for the document (default: beside the bundle)"
        )
        parser.add_argument("--json", action="store_true", help="print the document")


def rehearse_lane(options: argparse.Namespace) -> int:
    run = open_closed(find_bundle(options.run) if options.run else _rehearsed(options))
    stand_in = open_closed(find_bundle(options.stand_in)) if options.stand_in else None
    report = rehearsal_report(run, bundle_ms=closing_ms(run), stand_in=stand_in)
    path = write_document(_folder(run, options), report.lane_id, "rehearsal", report)
    rows = [f"{phase.phase_id:<10} {phase.evidence_posture:<12} {_ms(phase.wallclock_ms)}" for phase in report.phases]
    rows += [f"bottleneck {item.phase_id}: {item.share_percent} %, {item.severity}" for item in report.bottlenecks]
    rows += [f"blocker    {item.blocker} {item.detail}" for item in report.remaining_blockers]
    return _say(path, report, [*rows, f"verdict    {report.recommendation}"], options)


def _rehearsed(options: argparse.Namespace) -> Path:
    """The bundle of a run that is made now, in the ordinary way."""
    token = operator_token()
    chosen = StartOptions(
        lane=options.lane, coordinator_port=options.coordinator_port, contributor_port=options.contributor_port
    )
    spec, paths = create_run(chosen, check_ports=require_ports)
    print(f"rehearsal run {spec.run_id} in {paths.root}", file=sys.stderr)
    with Interrupts() as interrupts:  # from before there is something to stop
        spawn_coordinator(paths, token)
        closed = Watch(spec.run_id, paths, interrupts).until_closed()
    if not closed:
        raise CoordinationError(f"run {spec.run_id}: expected it to close, got none who runs it; see {paths.log}")
    return paths.bundle


def write_evidence(options: argparse.Namespace) -> int:
    run = open_closed(find_bundle(options.run))
    document = attempt_evidence(run)
    path = write_document(_folder(run, options), document.lane_id, "evidence_bundle", document)
    rows = [f"attempt    {document.live_attempt_disposition}: {document.live_attempt_reason}"]
    rows += [f"{stage.stage_id:<22} {stage.disposition} {stage.reached}/{stage.required}" for stage in document.stages]
    rows += [
        f"{item.node_id:<22} {item.bringup_posture}, upload {item.upload_posture}, replay {item.replay_posture}, "
        f"{item.validator_posture}"
        for item in document.contributors
    ]
    return _say(path, document, [*rows, f"promotion  {document.promotion_outcome.disposition}"], options)


def write_closeout(options: argparse.Namespace) -> int:
    run = open_closed(find_bundle(options.run))
    folder = _folder(run, options)
    evidence = attempt_evidence(run)
    write_document(folder, evidence.lane_id, "evidence_bundle", evidence)
    document = closeout_report(run, evidence.digest, publication_of(run))
    path = write_document(folder, document.lane_id, "closeout", document)
    rows = [
        f"{'✓' if gate.passed else '✗'} {gate.gate}: {gate.value} (needs {gate.threshold})"
        for gate in document.closeout_gates
    ]
    rows += [
        f"merge      {document.merge_disposition}",
        f"promotion  {document.promotion_outcome.disposition}",
        f"publish    {document.publish_disposition}",
    ]
    return _say(path, document, rows, options)


def publication_of(run: ClosedBundle) -> PublicationReport | None:
    """A publication counts where it verifies and cites this bundle; another run's is not ours to claim."""
    path = publications_dir(run.folder) / run.places.publication_report
    if not path.is_file() or not check_publication(path, bundle=run.folder).consistent:
        return None
    return PublicationReport.read(path.read_bytes())


def _folder(run: ClosedBundle, options: argparse.Namespace) -> Path:
    folder: Path = options.out or documents_dir(run.folder)
    return folder


def _ms(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"


def _say(path: Path, document: Document, rows: list[str], options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps(document.to_json(), indent=2, sort_keys=True))
    else:
        print("\n".join([*rows, f"document   {path}"]))
    return 0
