"""What a coordinator is asked to do: everything that a restarted one needs, and no secret."""

from typing import Literal

from runners.contract.coordinator_records import Continued
from runners.contract.document import Document, Word
from runners.contract.lane import RunContract
from runners.contract.names import NodeId, PublicKey, RunId, Sha256
from runners.contract.states import Classification


class SshdAccess(Word):
    """What a host needs beside where there is no agent of ours: verbs run through the user's own login."""

    username: str | None  # None: as the ssh_config says
    ssh_config: tuple[str, ...]  # files on the coordinator's host; none: no aliases
    python: str  # on the host: the interpreter that has what the runners import
    package_dir: str  # on the host: the folder that holds `runners`
    fix: str  # what helps where another host key answers


class RemoteHost(Word):
    """How to reach a contributor over SSH. A managed agent's paths are of this machine, an sshd's of that host."""

    node_id: NodeId
    kind: Literal["managed_agent", "agent", "sshd", "dial_in"]  # agent started here, found there, none, dials in here
    host: str  # address, name, or alias of an ssh_config; dial_in: the address here that it dials
    port: int | None  # 0 lets a managed agent pick a free one; None: as the ssh_config says
    host_key: str | None  # OpenSSH public key line; None only for a managed agent, which announces it by its pipe
    client_key_path: str | None  # None: the user's own keys and SSH agent
    token_custody: Literal["proved", "handed_over"]
    home: str | None  # managed agent and sshd: folder of that host's own things
    run_root: str | None  # managed agent and sshd
    model_dir: str | None  # managed agent and sshd: that host's own checkpoint
    sshd: SshdAccess | None = None


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
