"""`swarm bringup lane`: every host of the lane gated where it stands, by the way that a run would take to it.

This host in a process of its own, a loopback host behind its own agent, any other over SSH. Hosts don't wait for each
other: on unlike machines both gates go on at once, and one that can't be reached says so beside the other's report.
"""

import argparse
import asyncio
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from console.cli.errors import UsageError
from console.cli.progress_bar import meanwhile
from console.cli.remotes import remote_of
from console.cli.start import GATE_STEPS, coordinator_port
from console.cli.start_options import StartOptions, host_home
from console.coordination.host_pool import found_at
from console.coordination.lane_file import load_lane
from console.coordination.paths import RunPaths
from console.coordination.reaching import target_of
from console.coordination.spec import RemoteHost
from console.hosts.bringup import bring_up
from console.hosts.dial_in import DialIn
from console.hosts.errors import HostError
from console.hosts.host import Host
from console.hosts.keys import client_key, public_line
from console.hosts.local_host import LocalHost
from console.hosts.loopback import AgentPlan, start_agent, stop_agent
from console.hosts.ssh_dial import dial_out
from console.hosts.ssh_host import SshHost
from console.hosts.ssh_link import Dial
from console.hosts.ways import Way
from console.places import data_dir, runs_dir
from runners.contract.errors import ContractError
from runners.contract.lane import NodeContract, RunContract
from runners.contract.requests import BringupResponse
from runners.records.clock import Clock
from runners.records.errors import RecordsError
from runners.records.verb_process import VerbEnvironment


@dataclass(frozen=True, slots=True)
class Gated:
    """What one host came to: its signed report, or why there is none."""

    node: NodeContract
    response: BringupResponse | None = None
    reason: str = ""


def way_of(options: argparse.Namespace) -> Way:
    return Way(options.remote, options.dial_in, options.remote_host_key, options.client_key, options.coordinator_port)


def gate_lane(options: argparse.Namespace) -> tuple[RunContract, tuple[Gated, ...]]:
    """Raises LaneFileError. A host that can't be reached is a result, not an error."""
    contract = load_lane(options.lane)
    model = (options.model or data_dir("fixtures") / "swarm" / "base").absolute()
    run_id = f"bringup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    paths = RunPaths.of(runs_dir() / ".bringup", run_id, contract)
    paths.coordinator.mkdir(parents=True)
    try:
        return contract, asyncio.run(
            _Gates(contract, StartOptions.by(way_of(options), options.lane), model, paths).all()
        )
    finally:
        shutil.rmtree(paths.root, ignore_errors=True)


@dataclass(frozen=True)
class _Gates:
    contract: RunContract
    options: StartOptions
    model: Path
    paths: RunPaths

    async def all(self) -> tuple[Gated, ...]:
        return tuple(await asyncio.gather(*map(self.one, self.contract.nodes)))

    async def one(self, node: NodeContract) -> Gated:
        began_ms = Clock().mono_ms()

        def tell(what: str) -> None:
            print(f"{node.node_id}: {(Clock().mono_ms() - began_ms) / 1000:.1f} s  {what}", file=sys.stderr, flush=True)

        bound_s = self.contract.policies.prepare_ms / 1000  # as long as a run would wait for it
        try:
            async with asyncio.timeout(bound_s), self.reached(node, tell) as host:
                tell(f"gate goes on with {node.backend}, reached by {host.endpoint} (bound {bound_s:g} s)")
                run_id = self.paths.root.name
                async with meanwhile(sys.stderr, f"{node.node_id}: at its gate", alone=False):
                    response = await bring_up(host, self.contract, run_id=run_id, gate_steps=GATE_STEPS)
        except (HostError, ContractError, RecordsError, UsageError, OSError) as error:
            late = f"expected a report within {bound_s:g} s, the lane's prepare_ms, got none"
            reason = str(error) or (late if isinstance(error, TimeoutError) else type(error).__name__)
            tell(f"no report: {reason}")
            return Gated(node, reason=reason)
        tell(response.report.disposition)
        return Gated(node, response)

    @asynccontextmanager
    async def reached(self, node: NodeContract, tell: Callable[[str], None]) -> AsyncIterator[Host]:
        if node.transport != "ssh":
            environment = VerbEnvironment(
                home=host_home(), run_root=self.paths.local_runner, model_dir=self.model, backend=node.backend
            )
            yield LocalHost(node.node_id, environment)
            return
        remote = self.way_to(node)
        where = remote.host + (f":{remote.port}" if remote.port else "")
        tell(f"listening at {where} until it dials in" if remote.kind == "dial_in" else f"connecting to {where}")
        async with self.answering(remote, node) as answering, dialing(answering) as dial:
            host = await SshHost.connect(node.node_id, target_of(answering, self.contract), dial=dial)
            try:
                _require_gate(answering, node, host)
                yield host
            finally:
                await host.close()

    def way_to(self, node: NodeContract) -> RemoteHost:
        """Raises UsageError."""
        port = coordinator_port(self.contract, self.options)
        return remote_of(node, self.contract, self.options, self.paths, port)

    @asynccontextmanager
    async def answering(self, remote: RemoteHost, node: NodeContract) -> AsyncIterator[RemoteHost]:
        """A loopback host's own agent answers as long as it is asked, on the lane's own port."""
        if remote.kind != "managed_agent":
            yield remote
            return
        assert remote.home and remote.run_root and remote.client_key_path and remote.port is not None
        plan = AgentPlan(
            home=Path(remote.home),
            run_root=Path(remote.run_root),
            model_dir=self.model,
            backend=node.backend,
            authorized_key=public_line(client_key(Path(remote.client_key_path))),
            log_path=self.paths.coordinator / f"agent_{node.node_id}.txt",
            listen=remote.host,
            port=remote.port,
            contract_digest=self.contract.digest,
        )
        agent = await start_agent(plan, token=None)
        try:
            yield found_at(remote, agent)
        finally:
            await stop_agent(agent)


@asynccontextmanager
async def dialing(remote: RemoteHost) -> AsyncIterator[Dial]:
    """Who opens the connection: this side, or the host, for which this side listens as long as it is asked."""
    if remote.kind != "dial_in":
        yield dial_out
        return
    assert remote.client_key_path is not None and remote.port is not None
    listener = DialIn(client_key(Path(remote.client_key_path)))
    await listener.start(remote.host, remote.port)
    try:
        yield listener.next
    finally:
        await listener.close()


def _require_gate(remote: RemoteHost, node: NodeContract, host: SshHost) -> None:
    """An agent that runs already is asked nothing: the gate would bind its run root to the bring-up. That it was
    reached, and has its pinned key, is known by now. Raises UsageError."""
    if remote.kind in ("agent", "dial_in"):
        raise UsageError(
            f"{host.endpoint} was reached, and has the pinned key {host.host_key_fingerprint}; expected a host of "
            "`swarm host list` to gate, got an agent whose run root is one run's for good: that run gates it, or "
            f"`swarm bringup {node.run_root}` on that machine"
        )
