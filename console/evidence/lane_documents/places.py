"""Where a lane's documents lie, relative to the folder of fixtures. The first lane has the runbook's own names."""

import re
from dataclasses import dataclass
from typing import Literal

from runners.contract.lane import NodeContract, RunContract

FIRST_LANE = "first_swarm_trusted_lan"
PUBLISH_REPO = "openagents/swarm-local-open-adapter"
Kind = Literal["contract", "receipt_contract", "plan", "topology", "drills", "binder"]
KINDS: tuple[Kind, ...] = ("contract", "receipt_contract", "plan", "topology", "drills", "binder")

FIRST_LANE_PLACES: dict[Kind, str] = {
    "contract": "swarm/first_swarm_run_contract_v1.json",
    "receipt_contract": "swarm/first_swarm_open_adapter_receipt_contract_v1.json",
    "plan": "swarm/first_swarm_live_workflow_plan_v1.json",
    "topology": "swarm/first_swarm_trusted_lan_topology_contract_v1.json",
    "drills": "swarm/reports/first_swarm_trusted_lan_failure_drills_v1.json",
    "binder": "training/runpod_local_training_binder_projection_v1.json",
}
OTHER_LANES_PLACES: dict[Kind, str] = {
    "contract": "swarm/{lane}_run_contract_v1.json",
    "receipt_contract": "swarm/{lane}_open_adapter_receipt_contract_v1.json",
    "plan": "swarm/{lane}_live_workflow_plan_v1.json",
    "topology": "swarm/{lane}_topology_contract_v1.json",
    "drills": "swarm/reports/{lane}_failure_drills_v1.json",
    "binder": "training/{lane}_training_binder_projection_v1.json",
}
# A name that names a device belongs to the lanes that have it: node, and the devices that the lane demands there.
DEVICE_REPORTS: dict[tuple[str, tuple[str, ...]], str] = {
    ("swarm-mac-a", ("metal",)): "swarm_mac_mlx_bringup_v1.json",
    ("swarm-linux-4080-a", ("cuda",)): "swarm_linux_rtx4080_bringup_v1.json",
}


@dataclass(frozen=True)
class LanePlaces:
    """Names follow from the lane alone, so that every command finds the same file."""

    lane_id: str

    def of(self, kind: Kind) -> str:
        if self.lane_id == FIRST_LANE:
            return FIRST_LANE_PLACES[kind]
        return OTHER_LANES_PLACES[kind].format(lane=self.lane_id)

    def in_operator_bundle(self, kind: Kind) -> str:
        """The same name without `swarm/`: reports keep their folder."""
        return self.of(kind).removeprefix("swarm/")

    @property
    def launch_manifest(self) -> str:
        return f"{self.lane_id}_launch_manifest.json"

    @property
    def launch_receipt(self) -> str:
        return f"{self.lane_id}_launch_receipt.json"

    @property
    def rehearsal(self) -> str:
        return f"swarm/reports/{self.lane_id}_rehearsal_v1.json"

    @property
    def evidence_bundle(self) -> str:
        return f"swarm/reports/{self.lane_id}_evidence_bundle_v1.json"

    @property
    def closeout(self) -> str:
        return f"swarm/reports/{self.lane_id}_closeout_v1.json"

    # A snapshot and its report, below `swarm/publications` or the publisher's own folder.

    @property
    def publish_id(self) -> str:
        first = self.lane_id == FIRST_LANE
        return "first-swarm-local-snapshot" if first else f"{re.sub('[_/]', '-', self.lane_id)}-local-snapshot"

    @property
    def snapshot_dir(self) -> str:
        return f"local_publish/{re.sub('[^A-Za-z0-9]', '_', PUBLISH_REPO)}/{self.publish_id}"

    @property
    def publication_report(self) -> str:
        return f"{self.publish_id.replace('-', '_')}_publication_v1.json"


def bringup_report(node: NodeContract) -> str:
    """File name of a node's bring-up report; it lies in a folder `reports`."""
    known = DEVICE_REPORTS.get((node.node_id, node.required_devices))
    return known or f"{node.node_id.replace('-', '_')}_bringup_v1.json"


def endpoint(node: NodeContract) -> str:
    return f"{node.host_alias}:{node.cluster_port}"


def coordinator(contract: RunContract) -> NodeContract:
    return next(node for node in contract.nodes if "coordinator" in node.roles)
