"""What a drill run really ended in, read from its closed bundle and held against the frozen promise."""

from pathlib import Path
from typing import Literal

from console.evidence.errors import LaneSourceError
from console.evidence.models import BUNDLE_FILE, CoordinatorRuntimeReport, RealRunBundle
from runners.contract.document import Word
from runners.contract.errors import ContractError
from runners.contract.names import NodeId, RunId, Sha256
from runners.contract.states import Classification, Disposition

DepartureWord = Literal["none", "crashed", "timed_out"]
REPORT_FILE = "coordinator_runtime_report.json"


class DrillPromise(Word):
    """What must come of a drill. A departure that isn't listed breaks the promise."""

    result_classification: Classification
    validator_disposition: Disposition  # of the affected node that is at fault
    departures: tuple[DepartureWord, ...]
    aggregation_blocked: bool
    replay_required: bool


class DrillObservation(Word):
    """The last run of a drill. `as_frozen` is what the comparison gives, never a wish."""

    run_id: RunId
    bundle_digest: Sha256
    contract_digest: Sha256
    finished_wall_ms: int
    node_id: NodeId  # the node that was at fault
    result_classification: Classification
    validator_disposition: Disposition
    departure: DepartureWord
    merge_disposition: Literal["merged", "no_merge"]
    as_frozen: bool


def observe(promise: DrillPromise, affected: tuple[str, ...], bundle_dir: Path) -> DrillObservation:
    """From a closed bundle. Raises LaneSourceError when it is not one, or holds no affected node."""
    try:
        bundle = RealRunBundle.read((bundle_dir / BUNDLE_FILE).read_bytes())
        report = CoordinatorRuntimeReport.read((bundle_dir / REPORT_FILE).read_bytes())
    except (OSError, ContractError) as error:
        raise LaneSourceError(f"{bundle_dir}: expected a closed run bundle, got {error}") from error
    touched = [node for node in report.nodes if node.node_id in affected]
    if not touched:
        raise LaneSourceError(f"{bundle_dir}: expected one of {', '.join(affected)} in the run, got neither")
    # Of several affected nodes the one at fault is the one that the validator did not accept or leave pending.
    calm = (Disposition.ACCEPTED, Disposition.PENDING)
    node = next((node for node in touched if node.disposition not in calm), touched[0])
    departure: DepartureWord = node.departure.value if node.departure else "none"
    return DrillObservation(
        run_id=bundle.run_id,
        bundle_digest=bundle.digest,
        contract_digest=bundle.contract_digest,
        finished_wall_ms=report.finished_wall_ms,
        node_id=node.node_id,
        result_classification=bundle.result_classification,
        validator_disposition=node.disposition,
        departure=departure,
        merge_disposition=bundle.merge_disposition,
        as_frozen=kept(promise, bundle, node.disposition, departure),
    )


def kept(promise: DrillPromise, bundle: RealRunBundle, disposition: Disposition, departure: DepartureWord) -> bool:
    return (
        bundle.result_classification is promise.result_classification
        and disposition is promise.validator_disposition
        and departure in promise.departures
        and (bundle.merge_disposition == "no_merge") == promise.aggregation_blocked
    )
