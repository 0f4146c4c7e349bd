"""Where a lane's documents lie and what they are, written down a second time, from docs/layout.md."""

import re

FIRST_LANE = "first_swarm_trusted_lan"
LANE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SCHEMAS = {
    "contract": "swarm.run_contract.v1",
    "receipt_contract": "swarm.receipt_contract.v1",
    "plan": "swarm.workflow_plan.v1",
    "topology": "swarm.topology_contract.v1",
    "drills": "swarm.failure_drills.v1",
    "binder": "swarm.binder_projection.v1",
}
_FIRST = {
    "contract": "swarm/first_swarm_run_contract_v1.json",
    "receipt_contract": "swarm/first_swarm_open_adapter_receipt_contract_v1.json",
    "plan": "swarm/first_swarm_live_workflow_plan_v1.json",
    "topology": "swarm/first_swarm_trusted_lan_topology_contract_v1.json",
    "drills": "swarm/reports/first_swarm_trusted_lan_failure_drills_v1.json",
    "binder": "training/runpod_local_training_binder_projection_v1.json",
}
_OTHERS = {
    "contract": "swarm/{}_run_contract_v1.json",
    "receipt_contract": "swarm/{}_open_adapter_receipt_contract_v1.json",
    "plan": "swarm/{}_live_workflow_plan_v1.json",
    "topology": "swarm/{}_topology_contract_v1.json",
    "drills": "swarm/reports/{}_failure_drills_v1.json",
    "binder": "training/{}_training_binder_projection_v1.json",
}
_LATER = {"rehearsal": "rehearsal", "evidence": "evidence_bundle", "closeout": "closeout"}


def place(lane: str, kind: str) -> str:
    return _FIRST[kind] if lane == FIRST_LANE else _OTHERS[kind].format(lane)


def in_bundle(lane: str, kind: str) -> str:
    return place(lane, kind).removeprefix("swarm/")


def later(lane: str, what: str) -> str:
    """Where the lane's report of a kind lies once there is one."""
    return f"swarm/reports/{lane}_{_LATER[what]}_v1.json"


def publish_id(lane: str) -> str:
    return "first-swarm-local-snapshot" if lane == FIRST_LANE else re.sub("[_/]", "-", lane) + "-local-snapshot"


def snapshot_dir(lane: str) -> str:
    """Below the folder of publications, where the report lies too."""
    return f"local_publish/openagents_swarm_local_open_adapter/{publish_id(lane)}"


def publication_report(lane: str) -> str:
    return publish_id(lane).replace("-", "_") + "_publication_v1.json"


def bringup_report(node_id: str, required_devices: list[str]) -> str:
    if node_id == "swarm-mac-a" and required_devices == ["metal"]:
        return "swarm_mac_mlx_bringup_v1.json"
    if node_id == "swarm-linux-4080-a" and required_devices == ["cuda"]:
        return "swarm_linux_rtx4080_bringup_v1.json"
    return f"{node_id.replace('-', '_')}_bringup_v1.json"
