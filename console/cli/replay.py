"""`swarm replay ID`: the same slices again in a new revision of the same window, after stale, lost or skewed."""

import argparse
import asyncio
import os
import sys

from console.cli.errors import UsageError
from console.cli.run import known_run, report_result, watch_run
from console.cli.start import operator_token, spawn_coordinator
from console.cli.watch import Interrupts
from console.coordination.paths import RunPaths
from console.coordination.reaching import target_of
from console.coordination.spec import PreviousRevision, RemoteHost, RunSpec
from console.evidence.checks.real_run import check_real_run
from console.evidence.models import BUNDLE_FILE, SIGNATURE_FILE, CoordinatorRuntimeReport, RealRunBundle
from console.hosts.errors import HostError
from console.hosts.ssh_host import SshHost
from console.observation.source import RunSource
from runners.contract.coordinator_records import CheckpointKept, Continued, Released
from runners.contract.lane import RunContract
from runners.contract.plan import WindowPlan
from runners.contract.states import Classification, Disposition
from runners.records.clock import Clock
from runners.records.durable import sync_folder, write_durable
from runners.records.lock import is_held

REPLAYABLE = (Classification.REPLAY_REQUIRED, Classification.WAIT_THEN_REPLAY)
AT_FAULT = (Disposition.REPLAY_REQUIRED, Disposition.QUARANTINED)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "replay",
        help="the same slices again in a new revision, after stale, lost or skewed; exit as `swarm run`",
        description="Opens the next revision of a run that ended without a merge: same contract, same slices, same "
        "start. Every contributor goes on from its last training checkpoint that the coordinator kept, or from the "
        "start where there is none. The closed bundle stays as it is; the new one cites its digest.",
    )
    parser.add_argument("run_id", help="the run; `swarm status` lists them")
    parser.add_argument("--node", help="the node whose slice is to be redone (default: whichever it was)")
    parser.add_argument(
        "--from-start",
        action="store_true",
        help="train from the first step again, whatever checkpoints were kept (default: go on from the last of each)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end")
    parser.set_defaults(act=replay, bundle_dir=None)


def replay(options: argparse.Namespace) -> int:
    spec, paths = known_run(options.run_id)
    previous = require_replayable(spec, paths, options.node)
    continued = () if options.from_start else kept_checkpoints(paths)
    again, new = open_revision(spec, paths, previous, continued)
    print(f"run {again.run_id} revision {again.revision} in {new.coordinator}", file=sys.stderr)
    for node in spec.contract.contributors:
        print(f"  {node.node_id} {_goes_on(node.node_id, continued)}", file=sys.stderr)
    with Interrupts() as interrupts:
        spawn_coordinator(new, operator_token())
        ended = watch_run(again.run_id, new, interrupts)
    return report_result(again.run_id, new, options) if ended is None else ended


def require_replayable(spec: RunSpec, paths: RunPaths, node: str | None) -> RealRunBundle:
    """The bundle to go on from. Raises UsageError with the reason why there is no replay."""
    where = f"replay of {spec.run_id}"
    if is_held(paths.coordinator) or not paths.bundle.exists():
        raise UsageError(f"{where}: expected a closed run, got one that goes on; `swarm attach {spec.run_id}` ends it")
    bundle = RealRunBundle.read((paths.bundle / BUNDLE_FILE).read_bytes())
    if bundle.result_classification not in REPLAYABLE:
        raise UsageError(f"{where}: expected a run that ended as {' or '.join(REPLAYABLE)}, "
                         f"got {bundle.result_classification.value}; `swarm run` starts another one")  # fmt: skip
    most = spec.contract.policies.max_revisions
    if spec.revision >= most:
        raise UsageError(f"{where}: expected a revision below {most}, the lane's last, got {spec.revision}")
    findings = check_real_run(paths.bundle).findings
    if findings:
        raise UsageError(f"{where}: expected a bundle that verifies, got {findings[0]}")
    _require_fault(where, paths, node)
    _require_dead(where, paths)
    for remote in spec.remotes:
        if remote.kind != "managed_agent":
            asyncio.run(_require_reachable(where, remote, spec.contract))
    return bundle


def _require_fault(where: str, paths: RunPaths, node: str | None) -> None:
    report = CoordinatorRuntimeReport.read((paths.bundle / "coordinator_runtime_report.json").read_bytes())
    struck = [item.node_id for item in report.nodes if item.disposition in AT_FAULT]
    if node is not None and node not in struck:
        raise UsageError(f"{where}: --node: expected {' or '.join(struck)}, whose slice has to be redone, got {node}")


def _require_dead(where: str, paths: RunPaths) -> None:
    """A runner that could still write would be two runners of one node; `launch` on the host refuses it as well."""
    proven = {
        line.body.node_id: line.body.proven_dead
        for line in RunSource(paths.bundle).read_all().lines
        if isinstance(line.body, Released)
    }
    for node_id, dead in proven.items():
        if not dead:
            raise UsageError(f"{where}: expected the old process of {node_id} proven dead, got no proof; "
                             "end it on its host, then start a new run")  # fmt: skip


async def _require_reachable(where: str, remote: RemoteHost, contract: RunContract) -> None:
    try:
        host = await SshHost.connect(remote.node_id, target_of(remote, contract))
    except HostError as error:
        raise UsageError(f"{where}: expected {remote.node_id} to be reachable, got {error}") from error
    await host.close()


def kept_checkpoints(paths: RunPaths) -> tuple[Continued, ...]:
    """Of each node, every checkpoint of its slice's work that the closed revision kept. Its bundle was verified."""
    plan_file = paths.bundle / "contract" / "window_plan.json"
    if not plan_file.exists():
        return ()
    kept = {item.node_id: list(item.continues_from) for item in WindowPlan.read(plan_file.read_bytes()).assignments}
    for line in RunSource(paths.bundle).poll().lines:
        if isinstance(line.body, CheckpointKept):
            kept[line.body.node_id].append(line.body.checkpoint)
    return tuple(Continued(node_id=node_id, checkpoints=tuple(refs)) for node_id, refs in kept.items() if refs)


def _goes_on(node_id: str, continued: tuple[Continued, ...]) -> str:
    refs = next((item.checkpoints for item in continued if item.node_id == node_id), ())
    return f"goes on after step {refs[-1].step} of revision {refs[-1].revision}" if refs else "starts from the start"


def open_revision(
    spec: RunSpec, paths: RunPaths, bundle: RealRunBundle, continued: tuple[Continued, ...] = ()
) -> tuple[RunSpec, RunPaths]:
    """Folder and spec of the next revision, put in place by one rename. The folders before it stay as they are."""
    said = {name: getattr(spec, name) for name in RunSpec.model_fields if name != "digest"}
    again = RunSpec.seal(
        **said
        | {
            "created_wall_ms": Clock().wall_ms(),
            "revision": spec.revision + 1,
            "previous": PreviousRevision(
                bundle_digest=bundle.digest, classification=bundle.result_classification, continued=continued
            ),
        }
    )
    new = RunPaths(paths.root, paths.own, again.revision)
    draft = RunPaths(paths.root, f"{paths.own}/.opening.{os.getpid()}", again.revision)
    draft.make()
    draft.previous.mkdir()
    for source, name in (
        (paths.bundle / BUNDLE_FILE, BUNDLE_FILE),
        (paths.bundle / SIGNATURE_FILE, SIGNATURE_FILE),
        (paths.bundle / "contract" / "window_plan.json", "window_plan.json"),
    ):
        write_durable(draft.previous / name, source.read_bytes())
    write_durable(draft.spec, again.to_bytes())
    draft.coordinator.rename(new.coordinator)
    draft.coordinator.parent.rmdir()
    sync_folder(new.coordinator.parent)
    return again, new
