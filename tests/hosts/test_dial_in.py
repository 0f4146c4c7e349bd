"""Contributors that dial in: the connection comes the other way, and everything above it is the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from console.hosts.dial_in import DialIn
from console.hosts.errors import HostUnreachable, PortTaken
from console.hosts.ssh_host import SshHost
from console.hosts.ssh_target import SshTarget
from runners.contract.requests import Done
from tests.agent.rig import AgentRig, running
from tests.hosts.conftest import Order, Told
from tests.hosts.seen import Seen

pytestmark = pytest.mark.ssh
NOT_LONG_S = 1.0  # for hosts that don't come


@pytest.fixture
def own_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture
async def port(own_key: asyncssh.SSHKey) -> int:
    """A port that was free a moment ago, for a listener that a test may start again."""
    listener = DialIn(own_key)
    found = await listener.start("127.0.0.1", 0)
    await listener.close()
    return found


@asynccontextmanager
async def listening(listener: DialIn, port: int) -> AsyncIterator[DialIn]:
    await listener.start("127.0.0.1", port)
    try:
        yield listener
    finally:
        await listener.close()


@pytest.fixture
async def listener(own_key: asyncssh.SSHKey, port: int) -> AsyncIterator[DialIn]:
    async with listening(DialIn(own_key), port) as listener:
        yield listener


@pytest.fixture
async def impatient(own_key: asyncssh.SSHKey, port: int) -> AsyncIterator[DialIn]:
    async with listening(DialIn(own_key, wait_s=NOT_LONG_S), port) as listener:
        yield listener


def dialing(folder: Path, own_key: asyncssh.SSHKey, port: int) -> AgentRig:
    folder.mkdir()
    return AgentRig(folder, client_key=own_key, dial=("127.0.0.1", port))


def target_of(rig: AgentRig, port: int) -> SshTarget:
    return SshTarget("127.0.0.1", port, rig.host_key, rig.client_key, dialed_in=True)


async def test_a_host_that_dials_in_answers_verbs_and_shows_files_as_any_other(
    tmp_path: Path, listener: DialIn, own_key: asyncssh.SSHKey, port: int
) -> None:
    with running(dialing(tmp_path / "far", own_key, port)) as rig:
        host = await SshHost.connect("linux", target_of(rig, port), dial=listener.next)
        try:
            assert host.endpoint == "dial-in://127.0.0.1"
            assert host.host_key_fingerprint == rig.host_key.get_fingerprint()
            (rig.run_root / "file").write_bytes(b"0123456789")
            assert await host.read_at("file", 2, 3) == b"234"
            async with host.open("status") as conversation:
                await conversation.send(Order(act="wait"))
                assert (await conversation.receive(Told)).pid > 0
        finally:
            await host.close()


async def test_a_host_with_another_key_is_refused_in_the_handshake(
    tmp_path: Path, impatient: DialIn, own_key: asyncssh.SSHKey, port: int
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    with running(dialing(tmp_path / "far", own_key, port)) as rig:
        target, said = replace(target_of(rig, port), host_key=other), "got nobody"
        while "got nobody" in said:  # until the other one came
            with pytest.raises(HostUnreachable) as caught:
                await SshHost.connect("linux", target, dial=impatient.next)
            said = str(caught.value)
        assert "only others, refused" in said
        assert rig.host_key.get_fingerprint() in said


async def test_a_coordinator_with_another_key_gets_nothing_from_the_host(
    tmp_path: Path, impatient: DialIn, port: int
) -> None:
    """Who answers at the dialed port is nobody before it proves that it holds the authorized key."""
    trusted = asyncssh.generate_private_key("ssh-ed25519")
    nobody = pytest.raises(HostUnreachable, match="nobody")
    with running(dialing(tmp_path / "far", trusted, port)) as rig, nobody:
        await SshHost.connect("linux", target_of(rig, port), dial=impatient.next)


async def test_nobody_dials_is_named_with_what_to_start(impatient: DialIn, own_key: asyncssh.SSHKey, port: int) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    with pytest.raises(HostUnreachable, match="agent --dial"):
        await impatient.next(SshTarget("127.0.0.1", port, key, own_key, dialed_in=True))


async def test_two_hosts_on_one_port_are_told_apart_by_their_keys(
    tmp_path: Path, listener: DialIn, own_key: asyncssh.SSHKey, port: int
) -> None:
    with (
        running(dialing(tmp_path / "one", own_key, port)) as one,
        running(dialing(tmp_path / "two", own_key, port)) as two,
    ):
        for rig, word in ((one, b"one"), (two, b"two")):
            listener.expect(rig.host_key)
            (rig.run_root / "name").write_bytes(word)
        for rig, word in ((two, b"two"), (one, b"one")):
            host = await SshHost.connect("linux", target_of(rig, port), dial=listener.next)
            try:
                assert await host.read_at("name", 0, 3) == word
            finally:
                await host.close()


async def test_a_killed_host_is_told_and_comes_back_by_dialing_again(
    tmp_path: Path, listener: DialIn, own_key: asyncssh.SSHKey, port: int
) -> None:
    seen = Seen()
    with running(dialing(tmp_path / "far", own_key, port)) as rig:
        host = await SshHost.connect("linux", target_of(rig, port), dial=listener.next, on_link=seen)
        try:
            rig.kill()
            await seen.until(up=False)
            rig.start()
            await seen.until(up=True)
            answer = await host.ask("stop", Order(act="answer", hex=b'{"done":true}\n'.hex()), Done)
            assert answer.done
        finally:
            await host.close()


async def test_a_restarted_coordinator_is_dialed_again(tmp_path: Path, own_key: asyncssh.SSHKey, port: int) -> None:
    with running(dialing(tmp_path / "far", own_key, port)) as rig:
        for _ in range(2):
            async with listening(DialIn(own_key), port) as listener:
                host = await SshHost.connect("linux", target_of(rig, port), dial=listener.next)
                await host.close()


async def test_a_taken_port_is_named_with_the_option_that_helps(
    own_key: asyncssh.SSHKey, listener: DialIn, port: int
) -> None:
    with pytest.raises(PortTaken, match="--coordinator-port"):
        await DialIn(own_key).start("127.0.0.1", port)
