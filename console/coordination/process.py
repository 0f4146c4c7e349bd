"""The coordinator as a process: lock, journal, loop. What it leaves is a closed state and its folders."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from console.coordination.desk import Desk, Drift, no_drift
from console.coordination.engine import Engine
from console.coordination.errors import ContractDrift
from console.coordination.host_pool import HostPool, end_recorded_agents
from console.coordination.paths import RunPaths
from console.coordination.restore import body_of, restored
from console.coordination.run_journal import Past, RunJournal, read_past
from console.coordination.spec import PreviousRevision, RunSpec
from console.coordination.state import RunState
from runners.contract import coordinator_records as rec
from runners.records.admission import new_token
from runners.records.clock import Clock
from runners.records.keys import SigningKey


@dataclass(frozen=True)
class Outcome:
    spec: RunSpec
    paths: RunPaths
    state: RunState


def read_spec(path: Path) -> RunSpec:
    return RunSpec.read(path.read_bytes())


def coordinator_node(spec: RunSpec) -> str:
    return next(node.node_id for node in spec.contract.nodes if "coordinator" in node.roles)


def node_key(spec: RunSpec) -> SigningKey:
    """This host's own key; the local contributor signs with it too."""
    return SigningKey.load_or_create(Path(spec.host_home) / "keys" / f"{coordinator_node(spec)}.pem")


async def coordinate(spec: RunSpec, paths: RunPaths, token: str | None, drift: Drift = no_drift) -> Outcome:
    """Run, or go on with, one window until it is closed. The caller holds the lock of `paths.coordinator`."""
    paths.make()
    clock, key = Clock(), node_key(spec)
    past = read_past(paths.journals, spec.run_id, coordinator_node(spec), key, spec.revision)
    _require_same_contract(past, spec)
    if past.closed:
        # Killed between its last record and its bundle: nothing may be written after that record.
        state = restored(past.records, clock.mono_ms())
        await end_recorded_agents(state)
        return Outcome(spec, paths, state)
    journal = RunJournal.open(paths.journals, spec.run_id, coordinator_node(spec), key, clock, spec.revision)
    pool = HostPool()
    desk = Desk(
        spec=spec,
        paths=paths,
        key=key,
        journal=journal,
        token=token or _own_token(spec),
        clock=clock,
        connect=pool.get,
        drain=_nothing_to_drain,
        drift=drift,
        state=restored(journal.past.records, clock.mono_ms()),
    )
    pool.desk = desk
    engine = Engine(desk)
    desk.drain = engine.drain
    try:
        if desk.state.opened is None:
            desk.note(_run_opened(desk))
        if spec.previous is not None and desk.state.revision != spec.revision:
            desk.note(_revision_opened(spec.revision, spec.previous))
        await engine.run()
        return Outcome(spec, paths, desk.state)
    finally:
        await pool.close(end_agents=desk.state.closed)
        journal.close()


def _require_same_contract(past: Past, spec: RunSpec) -> None:
    """A spec that was changed while no coordinator lived would be another run. Raises ContractDrift."""
    opened = next((body_of(record) for record in past.records[:1]), None)
    if isinstance(opened, rec.RunOpened) and opened.contract_digest != spec.contract.digest:
        found = rec.Finding(rule="run_contract_as_opened", expected=opened.contract_digest, got=spec.contract.digest)
        raise ContractDrift("run_contract", (found,))


def _own_token(spec: RunSpec) -> str | None:
    """Where the coordinator hands the token over anyway, it makes one per process and keeps it in memory."""
    proved = any(remote.token_custody == "proved" for remote in spec.remotes)  # noqa: S105 - a word of the contract
    return None if proved else new_token()


async def _nothing_to_drain(_: str) -> None:
    return None


def _run_opened(desk: Desk) -> rec.RunOpened:
    contract = desk.contract
    return rec.RunOpened(
        lane_id=contract.lane_id,
        contract_digest=contract.digest,
        contributors=tuple(
            rec.NodeCard(
                node_id=node.node_id,
                roles=node.roles,
                backend=node.backend,
                transport=node.transport,
                contract_endpoint=f"{node.host_alias}:{node.cluster_port}",
            )
            for node in contract.contributors
        ),
        policies=contract.policies,
        steps=contract.recipe.steps,
        coordinator_public_key=desk.key.public_hex,
        operator_public_key=desk.spec.operator_public_key,
        pid=os.getpid(),
    )


def _revision_opened(revision: int, previous: PreviousRevision) -> rec.RevisionOpened:
    return rec.RevisionOpened(
        revision=revision,
        previous_bundle_digest=previous.bundle_digest,
        previous_classification=previous.classification,
        continued=previous.continued,
    )


def run_coordinator(spec: RunSpec, paths: RunPaths, token: str | None, drift: Drift = no_drift) -> Outcome:
    """Blocking form for a process of its own. SIGTERM ends it like a crash: the run can be attached again."""
    print(f"coordinator of {spec.run_id}: pid {os.getpid()}", file=sys.stderr)
    return asyncio.run(coordinate(spec, paths, token, drift))
