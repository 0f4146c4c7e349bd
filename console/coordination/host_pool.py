"""One connection per host, made when first needed; the loopback lane's agent is started here too."""

import asyncio
from pathlib import Path

from console.coordination.desk import Desk
from console.coordination.reaching import target_of
from console.coordination.spec import RemoteHost
from console.coordination.state import RunState
from console.hosts.dial_in import DialIn
from console.hosts.host import Host, LinkCallback, LinkState
from console.hosts.keys import client_key, public_line
from console.hosts.local_host import LocalHost
from console.hosts.loopback import AgentHandle, AgentPlan, find_agent, start_agent, stop_agent
from console.hosts.ssh_dial import dial_out
from console.hosts.ssh_host import SshHost
from console.hosts.ssh_target import SshTarget
from runners.contract import coordinator_records as rec
from runners.contract.states import LinkState as Link
from runners.records.verb_process import VerbEnvironment


class HostPool:
    """`get` is safe to call from many works at once."""

    def __init__(self) -> None:
        self.desk: Desk | None = None
        self._hosts: dict[str, Host] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._agents: dict[str, AgentHandle] = {}
        self._listener: DialIn | None = None
        self._listening = asyncio.Lock()

    async def get(self, node_id: str) -> Host:
        """Raises HostUnreachable, HostKeyMismatch, HostAuthRefused, PortTaken, AgentStartFailed."""
        async with self._locks.setdefault(node_id, asyncio.Lock()):
            if node_id not in self._hosts:
                self._hosts[node_id] = await self._connect(node_id)
            return self._hosts[node_id]

    async def close(self, *, end_agents: bool) -> None:
        for host in self._hosts.values():
            await host.close()
        if self._listener is not None:
            await self._listener.close()
        if end_agents:
            self._find_recorded_agents()
            for handle in self._agents.values():
                await stop_agent(handle)

    async def _connect(self, node_id: str) -> Host:
        assert self.desk is not None
        remote = self.desk.remote(node_id)
        if remote is None:
            return self._local(node_id)
        if remote.kind == "managed_agent":
            handle = await self._agent(remote)
            remote = found_at(remote, handle)
        target = target_of(remote, self.desk.contract)
        dial = (await self._dial_in(remote)).next if remote.kind == "dial_in" else dial_out
        on_link = self._on_link(node_id, target)
        return await SshHost.connect(node_id, target, on_link=on_link, clock=self.desk.clock, dial=dial)

    async def _dial_in(self, remote: RemoteHost) -> DialIn:
        """One listener for every contributor that dials in, from the first time that one is asked for."""
        async with self._listening:
            if self._listener is None:
                assert remote.client_key_path is not None and remote.port is not None
                listener = DialIn(client_key(Path(remote.client_key_path)))
                await listener.start(remote.host, remote.port)
                self._listener = listener
        return self._listener

    def _local(self, node_id: str) -> Host:
        desk = self.desk
        assert desk is not None
        environment = VerbEnvironment(
            home=Path(desk.spec.host_home),
            run_root=desk.paths.local_runner,
            model_dir=Path(desk.spec.model_dir),
            backend=desk.contract.node(node_id).backend,
            contract_digest=desk.contract.digest,
        )
        desk.note(
            rec.LinkChanged(
                node_id=node_id,
                state=Link.UP,
                reason="same machine",
                endpoint="local",
                rtt_ms=None,
                host_key_fingerprint=None,
            )
        )
        return LocalHost(node_id, environment)

    async def _agent(self, remote: RemoteHost) -> AgentHandle:
        """The agent that an earlier start of this coordinator left running, or a new one."""
        desk = self.desk
        assert desk is not None
        self._find_recorded_agents()
        if remote.node_id in self._agents:
            return self._agents[remote.node_id]
        assert remote.home is not None and remote.run_root is not None and remote.model_dir is not None
        assert remote.client_key_path is not None and remote.port is not None
        plan = AgentPlan(
            home=Path(remote.home),
            run_root=Path(remote.run_root),
            model_dir=Path(remote.model_dir),
            backend=desk.contract.node(remote.node_id).backend,
            authorized_key=public_line(client_key(Path(remote.client_key_path))),
            log_path=desk.paths.coordinator / f"agent_{remote.node_id}.txt",
            listen=remote.host,
            port=remote.port,
            contract_digest=desk.contract.digest,
        )

        def note(started: AgentHandle) -> None:
            desk.note(_record_of(remote.node_id, started))

        handle = await start_agent(plan, token=None, note=note)
        self._agents[remote.node_id] = handle
        return handle

    def _find_recorded_agents(self) -> None:
        assert self.desk is not None
        for node_id, handle in living_agents(self.desk.state).items():
            self._agents.setdefault(node_id, handle)

    def _on_link(self, node_id: str, target: SshTarget) -> LinkCallback:
        def changed(link: LinkState) -> None:
            assert self.desk is not None
            if self.desk.state.closed:
                return
            self.desk.note(
                rec.LinkChanged(
                    node_id=node_id,
                    state=Link.UP if link.up else Link.DOWN,
                    reason=link.reason[:4000],
                    endpoint=link.endpoint,
                    rtt_ms=link.rtt_ms,
                    host_key_fingerprint=target.host_key.get_fingerprint(),
                )
            )

        return changed


def living_agents(state: RunState) -> dict[str, AgentHandle]:
    """Agents that this run started, also before a restart of the coordinator, and that still run."""
    found = {}
    for node in state.nodes.values():
        if node.agent is None:
            continue
        recorded = AgentHandle(
            pid=node.agent.pid,
            process_started_ms=node.agent.process_started_ms,
            address=node.agent.address,
            port=node.agent.port,
            host_key=node.agent.host_key,
            host_key_fingerprint=node.agent.host_key_fingerprint,
        )
        if find_agent(recorded) is not None:
            found[node.node_id] = recorded
    return found


async def end_recorded_agents(state: RunState) -> None:
    for handle in living_agents(state).values():
        await stop_agent(handle)


def _record_of(node_id: str, handle: AgentHandle) -> rec.AgentStarted:
    return rec.AgentStarted(
        node_id=node_id,
        pid=handle.pid,
        process_started_ms=handle.process_started_ms,
        address=handle.address,
        port=handle.port,
        host_key=handle.host_key,
        host_key_fingerprint=handle.host_key_fingerprint,
    )


def found_at(remote: RemoteHost, handle: AgentHandle) -> RemoteHost:
    return remote.model_copy(update={"host": handle.address, "port": handle.port, "host_key": handle.host_key})
