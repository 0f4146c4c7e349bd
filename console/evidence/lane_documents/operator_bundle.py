"""The operator bundle: what is known before a run, in one folder. Writes files, contacts nobody."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from console.evidence.errors import LaunchRefused
from console.evidence.lane_documents.frozen_lane import FrozenLane
from console.evidence.lane_documents.known_reports import KnownReport
from console.evidence.lane_documents.launch_manifest import (
    BOUNDARY,
    NOT_OBSERVED_BOUNDARY,
    BoundReport,
    BringupNotObserved,
    BundledFile,
    LaunchHost,
    LaunchManifest,
    LaunchPhase,
    LaunchReceipt,
)
from console.evidence.lane_documents.places import bringup_report, endpoint
from console.evidence.lane_documents.topology_contract import LaunchStep
from runners.contract.canonical import sha256_hex
from runners.contract.lane import NodeContract
from runners.records.durable import write_durable


@dataclass(frozen=True)
class Launch:
    """What is asked for. `reports` has the known ones, by node."""

    frozen: FrozenLane
    run_id: str
    created_wall_ms: int
    reports: Mapping[str, KnownReport]


@dataclass
class _Writing:
    folder: Path
    files: list[BundledFile] = field(default_factory=list)
    phases: list[LaunchPhase] = field(default_factory=list)

    def put(self, phase: str, path: str, data: bytes) -> None:
        started = time.perf_counter_ns()
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_durable(target, data)
        elapsed_us = (time.perf_counter_ns() - started) // 1000
        self.files.append(BundledFile(path=path, size_bytes=len(data), sha256=sha256_hex(data)))
        self.phases.append(LaunchPhase(phase=phase, status="completed", path=path, elapsed_us=elapsed_us))


def write_operator_bundle(launch: Launch, folder: Path) -> LaunchReceipt:
    """Into a new or empty folder; the receipt comes last. Raises LaunchRefused."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LaunchRefused(f"{folder}: expected a new or an empty folder, got one with something in it")
    folder.mkdir(parents=True, exist_ok=True)
    frozen, places = launch.frozen, launch.frozen.places
    writing = _Writing(folder)
    writing.put("topology_contract", places.in_operator_bundle("topology"), frozen.topology.to_bytes())
    writing.put("failure_drills", places.in_operator_bundle("drills"), frozen.drills.to_bytes())
    writing.put("workflow_plan", places.in_operator_bundle("plan"), frozen.plan.to_bytes())
    hosts = tuple(_host(launch, node, writing) for node in frozen.contract.contributors)
    manifest = _manifest(launch, hosts, writing)
    raw = manifest.to_bytes()
    write_durable(folder / places.launch_manifest, raw)
    receipt = LaunchReceipt.seal(
        run_id=launch.run_id,
        lane_id=frozen.contract.lane_id,
        launch_status="bundle_materialized",
        manifest_path=places.launch_manifest,
        manifest_digest=manifest.digest,
        manifest_sha256=sha256_hex(raw),
        phases=tuple(writing.phases),
        claim_boundary=BOUNDARY,
    )
    write_durable(folder / places.launch_receipt, receipt.to_bytes())
    return receipt


def _host(launch: Launch, node: NodeContract, writing: _Writing) -> LaunchHost:
    path = f"reports/{bringup_report(node)}"
    known = launch.reports.get(node.node_id)
    phase = f"bringup_report_{node.node_id}"
    if known is None:
        place = _not_observed(launch.frozen, node)
        writing.put(phase, path, place.to_bytes())
        bound = BoundReport(
            path=path, disposition="not_observed", digest=place.digest, origin="not_observed",
            run_id=None, taken_wall_ms=None, age_ms=None, node_public_key=None, signature=None,
        )  # fmt: skip
    else:
        writing.put(phase, path, known.raw)
        bound = _bind(known, path, launch.created_wall_ms)
    return LaunchHost(
        node_id=node.node_id,
        host_alias=node.host_alias,
        contract_endpoint=endpoint(node),
        run_root=f"~/swarm-runs/{launch.run_id}/{node.run_root}",
        bringup=bound,
    )


def _bind(known: KnownReport, path: str, created_wall_ms: int) -> BoundReport:
    report = known.report
    return BoundReport(
        path=path,
        disposition=report.disposition,
        digest=report.digest,
        origin=known.origin,
        run_id=report.run_id,
        taken_wall_ms=report.finished_wall_ms,
        age_ms=created_wall_ms - report.finished_wall_ms,
        node_public_key=report.node_public_key,
        signature=known.signature,
    )


def _not_observed(frozen: FrozenLane, node: NodeContract) -> BringupNotObserved:
    step = next(step for step in frozen.topology.launch_sequence if step.phase == f"bring_up_{node.run_root}")
    return BringupNotObserved.seal(
        lane_id=frozen.contract.lane_id,
        contract_digest=frozen.contract.digest,
        node_id=node.node_id,
        disposition="not_observed",
        command=step.command,
        claim_boundary=NOT_OBSERVED_BOUNDARY,
    )


def _manifest(launch: Launch, hosts: tuple[LaunchHost, ...], writing: _Writing) -> LaunchManifest:
    frozen = launch.frozen
    return LaunchManifest.seal(
        run_id=launch.run_id,
        lane_id=frozen.contract.lane_id,
        run_family_id=frozen.contract.run_family_id,
        created_wall_ms=launch.created_wall_ms,
        execution_posture="local_bundle_materialization_only",
        hosts_contacted=0,
        contract_digest=frozen.contract.digest,
        receipt_contract_digest=frozen.receipts.digest,
        plan_digest=frozen.plan.digest,
        topology_digest=frozen.topology.digest,
        drills_digest=frozen.drills.digest,
        hosts=hosts,
        launch_sequence=tuple(named_steps(frozen, launch.run_id)),
        files=tuple(sorted(writing.files, key=lambda file: file.path)),
        claim_boundary=BOUNDARY,
    )


def named_steps(frozen: FrozenLane, run_id: str) -> Iterator[LaunchStep]:
    """The topology's steps with the run's name in them."""
    for step in frozen.topology.launch_sequence:
        yield LaunchStep(
            phase=step.phase,
            actor=step.actor,
            command=step.command.replace("${RUN_ID}", run_id),
            artifact=step.artifact.replace("${RUN_ID}", run_id),
        )
