"""Who sits where in a lane, under which bounds, and by which commands an attempt is prepared."""

from typing import Literal

from console.evidence.lane_documents.places import LanePlaces, bringup_report, coordinator, endpoint
from console.evidence.lane_documents.receipt_contract import ReceiptContract, backend_labels
from console.evidence.lane_documents.workflow_plan import WorkflowPlan
from runners.contract.document import Document, Word
from runners.contract.lane import NodeContract, Policies, RunContract
from runners.contract.names import FileName, Label, NodeId, Sha256, Text

LOOPBACK = ("localhost", "127.0.0.1", "::1")
BOUNDARY = (
    "Places, ports, bounds and the order of commands, frozen. It names the gate that each host must pass and the "
    "shape of the membership that a run must show; it does not say that any host passed, is reachable, or ever "
    "took part. A run whose plan or membership differs from this is another run, and stops."
)


class TopologyNode(Word):
    node_id: NodeId
    roles: tuple[Literal["coordinator", "validator", "contributor"], ...]
    host_alias: Label
    cluster_endpoint: Label
    transport: Literal["local", "ssh"]
    backend: Literal["mlx", "torch"]
    backend_labels: tuple[Label, ...]
    device_labels: tuple[Label, ...]
    run_root: Text  # a template: ${RUN_ID} is the run's name
    required_bringup_report: FileName
    validates: bool
    aggregates: bool


class Staging(Word):
    """Folders below a node's run root (docs/layout.md)."""

    coordinator_artifacts: Text
    coordinator_quarantine: Text
    contributor_inputs: Text
    contributor_outbox: Text
    run_bundle: Text


class LaunchStep(Word):
    phase: Label
    actor: NodeId | Literal["operator"]
    command: Text
    artifact: Text


class TopologyContract(Document):
    schema_version: Literal["swarm.topology_contract.v1"] = "swarm.topology_contract.v1"
    lane_id: Label
    run_family_id: Label
    contract_digest: Sha256
    receipt_contract_digest: Sha256
    plan_digest: Sha256
    namespace: Label
    admission_posture: Literal["trusted_lan.shared_secret"]
    admission_token_env: Literal["PSIONIC_SWARM_ADMISSION_TOKEN"]
    network_posture: Literal["one_machine_only", "named_hosts_only.no_discovery"]
    coordinator_node_id: NodeId
    contributor_node_ids: tuple[NodeId, ...]
    nodes: tuple[TopologyNode, ...]
    policies: Policies
    staging: Staging
    launch_sequence: tuple[LaunchStep, ...]
    claim_boundary: Text


def topology_contract(contract: RunContract, receipts: ReceiptContract, plan: WorkflowPlan) -> TopologyContract:
    own = coordinator(contract)
    return TopologyContract.seal(
        lane_id=contract.lane_id,
        run_family_id=contract.run_family_id,
        contract_digest=contract.digest,
        receipt_contract_digest=receipts.digest,
        plan_digest=plan.digest,
        namespace=contract.namespace,
        admission_posture=contract.admission_posture,
        admission_token_env=contract.admission_token_env,
        network_posture=network_posture(contract),
        coordinator_node_id=own.node_id,
        contributor_node_ids=tuple(node.node_id for node in contract.contributors),
        nodes=tuple(_node(node) for node in contract.nodes),
        policies=contract.policies,
        staging=Staging(
            coordinator_artifacts=f"{run_root(own)}/coordinator/artifacts",
            coordinator_quarantine=f"{run_root(own)}/coordinator/quarantine",
            contributor_inputs="${RUN_ROOT}/received",
            contributor_outbox="${RUN_ROOT}/outbox",
            run_bundle="~/swarm-runs/${RUN_ID}/bundle",
        ),
        launch_sequence=launch_sequence(contract),
        claim_boundary=BOUNDARY,
    )


def network_posture(contract: RunContract) -> Literal["one_machine_only", "named_hosts_only.no_discovery"]:
    alone = all(node.host_alias in LOOPBACK for node in contract.nodes)
    return "one_machine_only" if alone else "named_hosts_only.no_discovery"


def run_root(node: NodeContract) -> str:
    return f"~/swarm-runs/${{RUN_ID}}/{node.run_root}"


def launch_sequence(contract: RunContract) -> tuple[LaunchStep, ...]:
    """From nothing to a live run. Every command but the last can be given again without harm."""
    places, own = LanePlaces(contract.lane_id), coordinator(contract).node_id
    lane = f"--lane {contract.lane_id}"
    gates = tuple(
        LaunchStep(
            phase=f"bring_up_{node.run_root}",
            actor=node.node_id,
            command=f"swarm bringup {node.run_root} {lane} --report {run_root(node)}/reports/{bringup_report(node)}",
            artifact=f"{run_root(node)}/reports/{bringup_report(node)}",
        )
        for node in contract.contributors
    )
    documents: tuple[tuple[str, Literal["plan", "topology", "drills"]], ...] = (
        ("freeze_workflow_plan", "plan"),
        ("freeze_topology", "topology"),
        ("freeze_failure_drills", "drills"),
    )
    frozen = tuple(
        LaunchStep(
            phase=phase,
            actor=own,
            command=f"swarm freeze {kind} {lane} --out ${{BUNDLE_DIR}}/{places.in_operator_bundle(kind)}",
            artifact=f"${{BUNDLE_DIR}}/{places.in_operator_bundle(kind)}",
        )
        for phase, kind in documents
    )
    bundle = LaunchStep(
        phase="materialize_operator_bundle",
        actor="operator",
        command=f"swarm launch {lane} --run-id ${{RUN_ID}} --bundle-dir ${{BUNDLE_DIR}} --manifest-only",
        artifact=f"${{BUNDLE_DIR}}/{places.launch_manifest}",
    )
    live = LaunchStep(
        phase="live_run",
        actor="operator",
        command=f"swarm run {lane} --run-id ${{RUN_ID}}",
        artifact="~/swarm-runs/${RUN_ID}/bundle/first_swarm_real_run_bundle.json",
    )
    return (bundle, *gates, *frozen, live)


def _node(node: NodeContract) -> TopologyNode:
    return TopologyNode(
        node_id=node.node_id,
        roles=node.roles,
        host_alias=node.host_alias,
        cluster_endpoint=endpoint(node),
        transport=node.transport,
        backend=node.backend,
        backend_labels=backend_labels(node),
        device_labels=tuple(f"{kind}:0" for kind in node.required_devices),
        run_root=run_root(node),
        required_bringup_report=bringup_report(node),
        validates="validator" in node.roles,
        aggregates="coordinator" in node.roles,
    )
