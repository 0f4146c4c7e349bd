"""A lane: one frozen arrangement of hosts, policies, governance and claim boundary."""

from typing import Literal

from runners.contract.document import Document, Word
from runners.contract.names import FileName, Label, NodeId, Text

MAX_SEGMENT_STEPS = 20  # the tolerances were measured over segments of at most so many steps


class Policies(Word):
    """Bounds on what the coordinator waits for. All in milliseconds of the coordinator's monotonic clock."""

    heartbeat_ms: int
    stale_ms: int  # age of the last received heartbeat past which the revision needs a replay
    loss_ms: int  # and past which the contributor has departed
    skew_ms: int  # difference between the contributors' produced times
    skew_wait_ms: int  # how much longer than `skew_ms` the coordinator waits for the slower node
    contact_ms: int  # longest wait for a host that can't be reached
    prepare_ms: int  # longest preparation of one host
    fetch_ms: int
    replay_ms: int
    max_revisions: int


class MachineThresholds(Word):
    """What a machine must be to compute for a node. Zero asks for nothing: the value is measured and reported."""

    os: tuple[Literal["linux", "macos"], ...]
    arch: tuple[Label, ...]  # as the kernel names it: x86_64, aarch64, arm64
    minimum_memory_bytes: int
    minimum_disk_free_bytes: int  # where the run root lies
    device_name_contains: Text | None = None
    minimum_device_memory_bytes: int  # of the device that computes; a CPU's and a Mac's is the machine's own
    minimum_free_device_memory_bytes: int
    minimum_tokens_per_second: float  # median, at the geometry of the lane and of the host's own head
    maximum_product_error: float  # of an f32 product on the device; TF32 gives 3e-4, f32 less than 1e-6


class NodeContract(Word):
    """One node's place in the lane."""

    node_id: NodeId
    host_alias: Label
    roles: tuple[Literal["coordinator", "validator", "contributor"], ...]
    backend: Literal["mlx", "torch"]
    required_devices: tuple[str, ...]  # device kinds that may compute for this node, e.g. ("metal",)
    transport: Literal["local", "ssh"]
    cluster_port: int
    run_root: FileName  # folder of this node under <runs>/<run_id>/
    thresholds: MachineThresholds


class AdapterContract(Word):
    """What is trained: shapes follow from the base (d, V) and from the rank here."""

    family: Label
    format: Literal["safetensors"]
    precision: Literal["f32_reference"]
    rank: int
    alpha: float


class RecipeContract(Word):
    """How it is trained: AdamW on A and B with torch's semantics (bias correction, decoupled decay)."""

    steps: int
    batch_samples: int
    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    seed: int  # initial adapter and batch order derive from it
    threads: int
    chunk_tokens: int  # rows of hidden states per product, at most: a host may have room for fewer
    checkpoint_steps: int  # steps between two training checkpoints; a replay goes from one to the next


class PairTolerance(Word):
    """How far work of one backend may be from its replay by another one, in every segment of a replay."""

    contributor: Literal["mlx", "torch"]
    replay: Literal["mlx", "torch", "reference"]
    relative_bound: float  # ‖difference of the deltas‖ over the segment's own change of the delta; moments likewise
    delta_floor: float  # of the norm of the whole delta: what rounding moves where a segment changes little,
    moment_floor: float  # and of a moment's; both from measurements (decisions/0046)
    loss_bound: float  # absolute, nats, every step

    def allowed(self, what: str, change: float, norm: float) -> float:
        """How large a difference may be."""
        floor = self.delta_floor if what == "delta" else self.moment_floor
        return max(self.relative_bound * change, floor * norm)


class Governance(Word):
    """What must hold before contributions are merged, and before a merge is promoted."""

    replay_backend: Literal["mlx", "torch", "reference"]
    same_backend_exact: bool  # under equal execution settings, and only there, the bits must be equal
    tolerances: tuple[PairTolerance, ...]  # one per pair of backends that the lane can meet
    delta_norm_bound: float  # Frobenius norm of s B A past which a contribution is refused
    minimum_improvement: float  # nats per token, merge against base, on held-out samples
    publication: Literal["never_automatic"]

    def tolerance(self, contributor: str, replay: str) -> PairTolerance:
        """Raises KeyError for a pair that the lane doesn't know."""
        for pair in self.tolerances:
            if (pair.contributor, pair.replay) == (contributor, replay):
                return pair
        raise KeyError(f"no tolerance for work of {contributor} replayed by {replay}")


class DataContract(Word):
    dataset_ref: str
    train_split: str
    held_out_split: str


class RunContract(Document):
    """The lane as every side must hold it; equal digests mean the same lane."""

    schema_version: Literal["swarm.run_contract.v1"] = "swarm.run_contract.v1"
    lane_id: Label
    run_family_id: Label
    namespace: Label
    admission_posture: Literal["trusted_lan.shared_secret"]
    admission_token_env: Literal["PSIONIC_SWARM_ADMISSION_TOKEN"]
    nodes: tuple[NodeContract, ...]
    policies: Policies
    adapter: AdapterContract
    recipe: RecipeContract
    governance: Governance
    data: DataContract
    extra_documents: tuple[Literal["per_device_summary"], ...] = ()  # what this lane's run bundles hold beside the rest
    claim_boundary: Text

    def node(self, node_id: str) -> NodeContract:
        """Raises KeyError for a node that isn't in the lane."""
        for node in self.nodes:
            if node.node_id == node_id:
                return node
        raise KeyError(f"lane {self.lane_id} has no node {node_id}")

    @property
    def contributors(self) -> tuple[NodeContract, ...]:
        return tuple(node for node in self.nodes if "contributor" in node.roles)
