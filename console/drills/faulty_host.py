"""A host of the loopback lane whose owner switched a fault on: an agent that runs before the coordinator comes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.hosts.keys import client_key, public_line
from console.hosts.loopback import AgentHandle, AgentPlan, start_agent, stop_agent
from runners.contract.lane import NodeContract
from runners.records.admission import new_token
from runners.records.durable import write_durable

IDLE_S = 300  # an agent whose drill was killed ends by itself


@dataclass(frozen=True)
class FaultyHost:
    """What its owner tells the operator; the token is in memory only."""

    endpoint: str  # host:port
    host_key_file: Path
    client_key_file: Path
    token: str


@contextmanager
def faulty_host(
    node: NodeContract, folder: Path, model_dir: Path, client_key_file: Path, fault: str
) -> Iterator[FaultyHost]:
    """Listens inside `folder`, which is this host's disk. Raises AgentStartFailed."""
    folder.mkdir(parents=True, mode=0o700)
    token = new_token()
    plan = AgentPlan(
        home=folder / "home",
        run_root=folder / node.run_root,
        model_dir=model_dir,
        backend=node.backend,
        authorized_key=public_line(client_key(client_key_file)),
        log_path=folder / "agent.txt",
        port=0,
        dangerous_drill_fault=fault,
        idle_exit_s=IDLE_S,
    )
    handle: AgentHandle = asyncio.run(start_agent(plan, token=token))
    try:
        host_key_file = folder / "host_key.pub"
        write_durable(host_key_file, f"{handle.host_key}\n".encode())
        yield FaultyHost(f"{handle.address}:{handle.port}", host_key_file, client_key_file, token)
    finally:
        asyncio.run(stop_agent(handle))
