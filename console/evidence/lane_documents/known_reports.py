"""The newest bring-up report that is known of a host, without asking the host."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from console.evidence.errors import LaunchRefused
from console.evidence.lane_documents.places import bringup_report
from runners.contract.bringup import BringupReport
from runners.contract.errors import ContractError
from runners.contract.lane import NodeContract, RunContract
from runners.records.errors import RecordsError
from runners.records.keys import verify

REPORT_PREFIX = b"swarm.bringup_report.v1\0"
MOST_CANDIDATES = 200  # of the newest runs; older reports are of no use to a launch


@dataclass(frozen=True)
class KnownReport:
    report: BringupReport
    raw: bytes
    signature: str | None
    origin: Literal["given", "newest_retained"]


def given_report(path: Path, contract: RunContract, node: NodeContract) -> KnownReport:
    """The operator's own choice. Raises LaunchRefused where it is not a report of this node under this contract."""
    try:
        known = _read(path, "given")
    except (OSError, ContractError, RecordsError) as error:
        raise LaunchRefused(f"{path}: expected a bring-up report, got {error}") from error
    report = known.report
    if (report.node_id, report.contract_digest) != (node.node_id, contract.digest):
        raise LaunchRefused(
            f"{path}: expected a report of {node.node_id} under contract {contract.digest[:12]} of {contract.lane_id}, "
            f"got one of {report.node_id} under {report.contract_digest[:12]}; run the gate on that host again"
        )
    return known


def newest_report(contract: RunContract, node: NodeContract, fixtures: Path, runs: Path) -> KnownReport | None:
    """By the reports' own clocks, among those that this repository and this machine's runs keep."""
    found = [known for path in _candidates(node, fixtures, runs) if (known := _fitting(path, contract, node))]
    return max(found, key=lambda known: known.report.finished_wall_ms, default=None)


def _candidates(node: NodeContract, fixtures: Path, runs: Path) -> Iterator[Path]:
    yield fixtures / "swarm" / "reports" / bringup_report(node)
    kept = [
        *runs.glob(f"reports/*/{bringup_report(node)}"),
        *runs.glob(f"*/{node.run_root}/reports/{bringup_report(node)}"),
        *runs.glob(f"*/*/coordinator/reports/{node.node_id}_bringup.json"),
    ]
    yield from sorted(kept, key=lambda path: path.stat().st_mtime, reverse=True)[:MOST_CANDIDATES]


def _fitting(path: Path, contract: RunContract, node: NodeContract) -> KnownReport | None:
    """Another lane's or a damaged report is passed over: it is no report of this node."""
    try:
        known = _read(path, "newest_retained")
    except (OSError, ContractError, RecordsError):
        return None
    fits = (known.report.node_id, known.report.contract_digest) == (node.node_id, contract.digest)
    return known if fits else None


def _read(path: Path, origin: Literal["given", "newest_retained"]) -> KnownReport:
    raw = path.read_bytes()
    report = BringupReport.read(raw)
    beside = path.with_name(path.name + ".sig")
    signature = beside.read_text().strip() if beside.is_file() else None
    if signature is not None:
        verify(report.node_public_key, signature, REPORT_PREFIX + bytes.fromhex(report.digest))
    return KnownReport(report, raw, signature, origin)
