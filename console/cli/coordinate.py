"""The coordinator's process: `python -m console.cli.coordinate SPEC`. Started by `swarm run`, never by hand."""

import os
import sys
from pathlib import Path

from console.cli.start import OPERATOR
from console.coordination.desk import Drift
from console.coordination.errors import CoordinationError
from console.coordination.paths import RunPaths
from console.coordination.process import read_spec, run_coordinator
from console.coordination.spec import RunSpec
from console.evidence.bundle import ClosedRun, write_bundle
from console.evidence.errors import EvidenceError
from console.evidence.lane_documents.drift import LaneDocuments, RunDocuments, drift
from console.evidence.lane_documents.frozen_lane import freeze_lane, retained_lane
from console.evidence.lane_documents.sources import read_sources
from console.evidence.outcomes.attempt import leave_attempt_evidence
from console.observation.last_word import no_next
from console.places import data_dir
from runners.contract.coordinator_records import Finding
from runners.contract.errors import ContractError
from runners.contract.plan import WindowPlan
from runners.contract.receipts import MembershipReceipt
from runners.records.errors import AlreadyHeld
from runners.records.keys import SigningKey
from runners.records.lock import FolderLock
from runners.records.verb_process import TOKEN_FD_ENV

ALREADY_RUNNING = 3


def main(argv: list[str]) -> int:
    spec = read_spec(Path(argv[0]))
    paths = RunPaths.of(Path(argv[0]).parents[3], spec.run_id, spec.contract, spec.revision)
    try:
        with FolderLock(paths.coordinator):
            outcome = run_coordinator(spec, paths, _inherited_token(), _drift_from(spec))
            # The operator of the run, whoever attached to it.
            key_file = Path(spec.host_home) / "keys" / OPERATOR
            bundle = write_bundle(ClosedRun(spec, paths, outcome.state), SigningKey.load_or_create(key_file), key_file)
            print(f"bundle: {bundle}", file=sys.stderr)
            _leave_evidence(bundle)
    except AlreadyHeld:
        print("another coordinator of this run is alive: nothing to do", file=sys.stderr)
        return ALREADY_RUNNING
    except (CoordinationError, ContractError) as error:
        # Nothing was decided and nothing is changed: whoever mends that can attach again.
        print(no_next(spec.run_id, error), file=sys.stderr)
        return 1
    return 0


def _leave_evidence(bundle: Path) -> None:
    """The attempt's own document. The bundle is closed by now, so what goes wrong here is told and fails nothing."""
    try:
        print(f"evidence: {leave_attempt_evidence(bundle)}", file=sys.stderr)
    except EvidenceError as error:
        print(f"no evidence bundle of the attempt: {error}", file=sys.stderr)


def _drift_from(spec: RunSpec) -> Drift:
    lane = lane_documents(spec)

    def judged(plan: WindowPlan, membership: MembershipReceipt) -> tuple[Finding, ...]:
        return drift(lane, RunDocuments(plan, membership))

    return judged


def lane_documents(spec: RunSpec) -> LaneDocuments:
    """The retained ones; an operator's own lane is frozen here and now, from the checkpoint and data of the run."""
    kept = retained_lane(data_dir("fixtures"), spec.contract)
    if kept is None:
        frozen = freeze_lane(read_sources(spec.contract, Path(spec.model_dir), Path(spec.dataset_dir)))
        kept = frozen.plan, frozen.topology
    return LaneDocuments(*kept)


def _inherited_token() -> str | None:
    """From the pipe that the starter wrote; read once, then nobody can read it again."""
    number = os.environ.pop(TOKEN_FD_ENV, None)
    if number is None:
        return None
    with os.fdopen(int(number)) as pipe:
        return pipe.readline().strip() or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
