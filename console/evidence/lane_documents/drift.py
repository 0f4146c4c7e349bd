"""Has a run left its lane? Its own documents are held against the frozen ones; any finding stops the run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from console.evidence.lane_documents.topology_contract import TopologyContract
from console.evidence.lane_documents.workflow_plan import WorkflowPlan, batches_sha256, ids_sha256
from runners.contract.coordinator_records import Finding
from runners.contract.document import Word
from runners.contract.plan import Assignment, WindowPlan
from runners.contract.receipts import Member, MembershipReceipt


@dataclass(frozen=True)
class LaneDocuments:
    """The frozen side."""

    plan: WorkflowPlan
    topology: TopologyContract


@dataclass(frozen=True)
class RunDocuments:
    """The run's side: what it bound to measured hosts."""

    plan: WindowPlan
    membership: MembershipReceipt


def drift(lane: LaneDocuments, run: RunDocuments) -> tuple[Finding, ...]:
    """Every difference. None means that the run is one of this lane as far as documents can say."""
    return tuple(finding for rule in RULES for finding in rule(lane, run))


def documents_name_one_contract(lane: LaneDocuments, run: RunDocuments) -> Iterator[Finding]:
    """Frozen plan, topology, the run's plan and its membership rest on the same contract, and on one run."""
    frozen = lane.topology.contract_digest
    yield from _differs("drift.topology_names_the_plan", lane.plan.digest, lane.topology.plan_digest)
    yield from _differs("drift.plan_contract", frozen, run.plan.contract_digest)
    yield from _differs("drift.membership_contract", frozen, run.membership.contract_digest)
    yield from _differs("drift.plan_lane", lane.plan.lane_id, run.plan.lane_id)
    yield from _differs("drift.membership_run", run.plan.run_id, run.membership.run_id)


def base_and_data_are_the_lanes(lane: LaneDocuments, run: RunDocuments) -> Iterator[Finding]:
    """The head that is trained for, the training file, and the held-out samples in their order."""
    train, held_out = lane.plan.splits
    yield from _differs("drift.head", lane.plan.head, run.plan.head)
    yield from _differs("drift.dataset_ref", lane.plan.dataset_ref, run.plan.dataset_ref)
    yield from _differs("drift.dataset", train.sha256, run.plan.dataset_sha256)
    yield from _differs("drift.held_out", held_out.sample_ids_sha256, ids_sha256(run.plan.held_out_sample_ids))


def assignments_are_the_lanes(lane: LaneDocuments, run: RunDocuments) -> Iterator[Finding]:
    """Who trains what, in which order, by which recipe, and what must come back."""
    planned = {item.node_id: item for item in lane.plan.assignments}
    bound = {item.node_id: item for item in run.plan.assignments}
    yield from _differs("drift.assigned_nodes", sorted(planned), sorted(bound))
    for node_id in sorted(planned.keys() & bound.keys()):
        frozen, item = planned[node_id], bound[node_id]
        yield from _differs(f"drift.samples/{node_id}", frozen.sample_ids_sha256, ids_sha256(item.slice.sample_ids))
        yield from _differs(f"drift.batches/{node_id}", frozen.batches_sha256, batches_sha256(item.batches))
        yield from _differs(f"drift.recipe/{node_id}", lane.plan.recipe, item.recipe)
        yield from _differs(f"drift.adapter/{node_id}", lane.plan.adapter, item.adapter)
        yield from _differs(f"drift.upload/{node_id}", frozen.expected_upload.to_json(), _upload(item))


def members_are_the_topologys(lane: LaneDocuments, run: RunDocuments) -> Iterator[Finding]:
    """Every contributor of the topology, in its roles and at its contract endpoint, on a device that it may be."""
    members = {member.node_id: member for member in run.membership.members}
    yield from _differs("drift.members", sorted(lane.topology.contributor_node_ids), sorted(members))
    for node in lane.topology.nodes:
        member: Member | None = members.get(node.node_id)
        if member is None:
            continue
        yield from _differs(f"drift.roles/{node.node_id}", sorted(node.roles), sorted(member.roles))
        yield from _differs(f"drift.endpoint/{node.node_id}", node.cluster_endpoint, member.contract_endpoint)
        for name, allowed, got in (
            ("backend", node.backend_labels, member.backend_label),
            ("device", node.device_labels, member.device_label),
        ):
            if got not in allowed:
                yield Finding(rule=f"drift.{name}/{node.node_id}", expected=f"one of {list(allowed)}", got=got)


def _upload(item: Assignment) -> object:
    upload = item.expected_upload
    return {
        "files": list(upload.files),
        "tensors": [tensor.to_json() for tensor in upload.tensors],
        "head_sha256": upload.identity.head_sha256,
        "rank": upload.identity.rank,
        "alpha": upload.identity.alpha,
    }


def _differs(rule: str, expected: object, got: object) -> Iterator[Finding]:
    """Of two words only the fields that differ are shown."""
    if expected == got:
        return
    if isinstance(expected, Word) and isinstance(got, Word):
        frozen, bound = expected.to_json(), got.to_json()
        names = [name for name in frozen if frozen[name] != bound.get(name)]
        expected, got = _shown(frozen, names), _shown(bound, names)
    yield Finding(rule=rule, expected=str(expected)[:400], got=str(got)[:400])


def _shown(body: dict[str, object], names: list[str]) -> str:
    return ", ".join(f"{name} {body.get(name)}" for name in names)


RULES: tuple[Callable[[LaneDocuments, RunDocuments], Iterator[Finding]], ...] = (
    documents_name_one_contract,
    base_and_data_are_the_lanes,
    assignments_are_the_lanes,
    members_are_the_topologys,
)
