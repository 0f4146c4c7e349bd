import asyncio
import os
import signal
import socket
from dataclasses import replace
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import FXP_REALPATH
from asyncssh.sftp import SFTPServerHandler

from console.coordination.lane_file import lane_files, load_lane
from console.hosts import ssh_dial, ssh_link
from console.hosts.errors import HostAuthRefused, HostKeyMismatch, HostUnreachable, LinkDown
from console.hosts.ssh_host import SshHost
from runners.contract.canonical import canonical_bytes
from runners.contract.requests import Done
from tests.agent.rig import AgentRig
from tests.hosts.conftest import Order, Told, connected, target_of
from tests.hosts.seen import Seen
from tests.hosts.slow_way import slow_way
from tests.patience import PATIENCE_S, meanwhile_until

pytestmark = pytest.mark.ssh


@pytest.mark.parametrize("lane", lane_files())
def test_a_dead_link_is_named_before_anyone_behind_it_is_called_stale(lane: str) -> None:
    """By what is set; how soon it really is on this machine is measured by `make detection`."""
    named_ms = ssh_dial.KEEPALIVE_S * (ssh_dial.KEEPALIVE_MISSED + 1) * 1000
    policies = load_lane(lane).policies
    assert named_ms + policies.heartbeat_ms < policies.stale_ms


async def test_another_host_key_is_refused_with_both_fingerprints(agent: AgentRig) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    with pytest.raises(HostKeyMismatch) as caught:
        await SshHost.connect("linux", replace(target_of(agent), host_key=other))
    assert caught.value.expected == other.get_fingerprint()
    assert caught.value.got == agent.host_key.get_fingerprint()
    assert "do not connect" in str(caught.value)


async def test_a_pinned_key_of_another_type_is_a_mismatch_too(agent: AgentRig) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").convert_to_public()
    with pytest.raises(HostKeyMismatch) as caught:
        await SshHost.connect("linux", replace(target_of(agent), host_key=other))
    assert caught.value.got == agent.host_key.get_fingerprint()


async def test_a_client_key_that_the_host_does_not_know_is_refused(agent: AgentRig) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(HostAuthRefused, match="--authorized-key"):
        await SshHost.connect("linux", replace(target_of(agent), client_key=stranger))


async def test_a_closed_port_is_unreachable(agent: AgentRig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(
        HostUnreachable, match=f"ssh://127.0.0.1:{port}: expected an SSH host, got: Connection refused"
    ) as it:
        await SshHost.connect("linux", replace(target_of(agent), port=port))
    assert it.value.fact.startswith("Connection refused. ")  # in a column of few cells, beside the endpoint


async def test_something_else_than_ssh_is_unreachable(agent: AgentRig) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(HostUnreachable):
            await SshHost.connect("linux", replace(target_of(agent), port=port))


async def test_what_a_host_says_in_the_handshake_cannot_move_a_terminal(agent: AgentRig) -> None:
    class Rude(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self._conn = conn

        def begin_auth(self, username: str) -> bool:
            self._conn.disconnect(asyncssh.DISC_BY_APPLICATION, "\x1b]0;owned\x07 go away")
            return True

    key = asyncssh.generate_private_key("ssh-ed25519")
    async with asyncssh.listen("127.0.0.1", 0, server_factory=Rude, server_host_keys=[key]) as server:
        target = replace(target_of(agent), port=server.get_port(), host_key=key.convert_to_public())
        with pytest.raises(HostUnreachable) as caught:
            await SshHost.connect("linux", target)
    assert "owned" in str(caught.value)
    assert "\x1b" not in str(caught.value)


async def test_a_link_knows_its_endpoint_its_key_and_its_round_trip(agent: AgentRig) -> None:
    async with connected(agent) as host:
        await meanwhile_until("a round trip", lambda: host.rtt_ms is not None)
        assert host.rtt_ms is not None and host.rtt_ms > 0
        assert host.endpoint == f"ssh://127.0.0.1:{agent.port}"
        assert host.host_key_fingerprint == agent.host_key.get_fingerprint()


async def test_a_killed_agent_is_told_and_the_link_comes_back_with_it(own_agent: AgentRig) -> None:
    seen = Seen()
    async with connected(own_agent, seen) as host:
        own_agent.kill()
        down = await seen.until(up=False)
        assert down.rtt_ms is None
        with pytest.raises(LinkDown):
            await host.ask("stop", Order(act="echo"), Done)
        with pytest.raises(LinkDown):
            await host.read_at("x", 0, 1)
        await meanwhile_until("a try to come back", lambda: seen.states[-1].reason.startswith("Connection refused"))
        own_agent.start()
        await seen.until(up=True)
        (own_agent.run_root / "x").write_bytes(b"back")
        assert await host.read_at("x", 0, 10) == b"back"
    assert [state.up for state in seen.states if state.reason in ("connected", "closed by us")] == [True, True, False]
    assert any(state.reason.startswith("Connection refused. Is the host up") for state in seen.states)


@pytest.mark.parametrize("nonsense", ["no name", "what nobody foresaw"])
async def test_a_host_whose_answers_are_nonsense_is_watched_all_the_same(
    nonsense: str, agent: AgentRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that ended the watching would leave its link called up for ever."""
    accepted: list[asyncssh.SSHServerConnection] = []
    asked = asyncio.Event()

    class Open(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            accepted.append(conn)

        def begin_auth(self, username: str) -> bool:
            return False

    async def nameless(_handler: object, _packet: object) -> tuple[list[object], bool]:
        asked.set()
        return [], False

    async def unforeseen(_sftp: object) -> float:
        asked.set()
        raise KeyError("realpath")

    key, seen = asyncssh.generate_private_key("ssh-ed25519"), Seen()
    monkeypatch.setattr(ssh_link, "RTT_EVERY_S", 0.05)
    options: Any = {"server_factory": Open, "server_host_keys": [key], "sftp_factory": True}
    async with asyncssh.listen("127.0.0.1", 0, **options) as server:
        target = replace(target_of(agent), port=server.get_port(), host_key=key.convert_to_public())
        host = await SshHost.connect("linux", target, on_link=seen)
        with monkeypatch.context() as patch:
            if nonsense == "no name":
                patch.setitem(SFTPServerHandler._packet_handlers, FXP_REALPATH, nameless)
            else:
                patch.setattr(ssh_link, "_round_trip_ms", unforeseen)
            await asyncio.wait_for(asked.wait(), PATIENCE_S)
            await asyncio.sleep(0)
            accepted[-1].abort()
            down = await seen.until(up=False)
            assert ("given up for KeyError" in down.reason) == (nonsense != "no name")
        await seen.until(up=True)
        await host.close()


async def test_a_silent_host_is_named_and_its_calls_end(own_agent: AgentRig) -> None:
    seen = Seen()
    async with connected(own_agent, seen) as host, host.open("status") as conversation:
        await conversation.send(Order(act="wait"))
        await conversation.receive(Told)
        os.kill(own_agent.pid, signal.SIGSTOP)
        answer = asyncio.ensure_future(conversation.receive(Done))
        read = asyncio.ensure_future(host.read_at("x", 0, 1))
        down = await seen.until(up=False)
        assert "keepalive" in down.reason
        with pytest.raises(LinkDown):
            await answer
        with pytest.raises(LinkDown):
            await read
        os.kill(own_agent.pid, signal.SIGCONT)
        await seen.until(up=True)


async def test_an_agent_that_comes_back_with_another_key_stays_refused(own_agent: AgentRig) -> None:
    seen = Seen()
    pinned = own_agent.host_key.get_fingerprint()
    async with connected(own_agent, seen) as host:
        own_agent.kill()
        await seen.until(up=False)
        (own_agent.home / "keys" / "ssh_host_ed25519.pem").unlink()
        own_agent.start()
        await meanwhile_until("the refusal", lambda: "expected host key" in host.link.reason)
        assert pinned in host.link.reason
        assert not host.link.up
        with pytest.raises(LinkDown, match="expected host key"):
            await host.read_at("x", 0, 1)


async def test_closing_while_the_host_is_away_leaves_nothing_running(own_agent: AgentRig) -> None:
    seen = Seen()
    async with connected(own_agent, seen):
        own_agent.kill()
        await seen.until(up=False)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_slow_way_with_much_on_it_is_not_called_dead(own_agent: AgentRig) -> None:
    """At 160 KB/s the answers to keepalives come up to five seconds late, where 3.2 are a dead link's bound."""
    seen = Seen()
    async with slow_way(own_agent.port, 160_000) as port:
        host = await SshHost.connect("linux", replace(target_of(own_agent), port=port), on_link=seen)
        try:
            async with host.open("receive") as conversation:
                await conversation.send(Order(act="swallow", hex=(canonical_bytes(Done().to_json()) + b"\n").hex()))
                await conversation.send_bytes([b"x" * 65536] * 12)
                await conversation.end_input()
                assert await conversation.receive(Done) == Done()
                ending = await conversation.finish()
            assert ending.stderr == (f"heard {12 * 65536} bytes",)
            assert all(state.up for state in seen.states)
        finally:
            await host.close()
