"""What a coordinator is asked to do: everything that a restarted one needs, and no secret."""

from typing import Literal

from runners.contract.coordinator_records import Continued
from runners.contract.document import Document, Word
from runners.contract.lane import RunContract
from runners.contract.names import NodeId, PublicKey, RunId, Sha256
from runners.contract.states import Classification


class RemoteHost(Word):
    """How to reach a contributor over SSH. Paths are of the coordinator's host."""

    node_id: NodeId
    kind: Literal["managed_agent", "agent"]  # started by the coordinator itself, or found there
    host: str
    port: int  # 0 lets a managed agent pick a free one
    host_key: str | None  # OpenSSH public key line; None only for a managed agent, which announces it by its pipe
    client_key_path: str
    token_custody: Literal["proved", "handed_over"]
    home: str | None  # managed agent only: folder of that host's own things
    run_root: str | None  # managed agent only
    model_dir: str | None  # managed agent only: that host's own checkpoint


class PreviousRevision(Word):
    """What a replay goes on from. Its bundle stays as it was closed."""

    bundle_digest: Sha256
    classification: Classification
    continued: tuple[Continued, ...] = ()  # empty for a replay from the start


class RunSpec(Document):
    schema_version: Literal["swarm.run_spec.v1"] = "swarm.run_spec.v1"
    run_id: RunId
    created_wall_ms: int
    contract: RunContract
    remotes: tuple[RemoteHost, ...]
    model_dir: str
    dataset_dir: str
    prepared_dir: str  # captured hidden states, shared by runs
    host_home: str  # this host's own things: node keys
    operator_public_key: PublicKey
    coordinator_port: int
    capture_batch: int
    gate_steps: int
    revision: int = 0
    previous: PreviousRevision | None = None  # of a replay
