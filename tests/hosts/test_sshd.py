"""A host with a system sshd and no agent of ours: aliases, keys, jumps, and a plain SFTP server that follows links."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote

import asyncssh
import pytest

from console.hosts.errors import (
    FetchRefused,
    FileAbsent,
    HostAuthRefused,
    HostKeyMismatch,
    HostRefused,
    HostUnreachable,
    LinkDown,
)
from console.hosts.ssh_host import SshHost
from console.hosts.ssh_target import SshTarget
from runners.contract.requests import RunnerRequest, RunnerStatus
from tests.hosts.seen import Seen
from tests.hosts.sshd_rig import SshdRig, running_sshd, sshd_behind_a_cable
from tests.patience import until

pytestmark = pytest.mark.ssh
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshdRig]:
    with running_sshd(tmp_path_factory.mktemp("sshd") / "box") as rig:
        yield rig


@pytest.fixture
def run_root(sshd: SshdRig) -> Path:
    folder = sshd.home / "run"
    folder.mkdir(exist_ok=True)
    return folder


def box(rig: SshdRig) -> SshTarget:
    """As the coordinator reaches a host of its book: by the alias, with the user's own keys."""
    return SshTarget(
        address="box",
        port=None,
        host_key=rig.host_key.convert_to_public(),
        client_key=None,
        username=None,
        command_prefix=f"env PYTHONPATH={ROOT} {quote(sys.executable)} -P -m runners",
        command_suffix=f"--run-root {rig.home / 'run'} --host-home {rig.home / 'swarm'}",
        sftp_root=str(rig.home / "run"),
        config=(str(rig.ssh_config),),
    )


async def test_an_alias_of_ssh_config_reaches_a_verb(sshd: SshdRig, run_root: Path) -> None:
    host = await SshHost.connect("linux", box(sshd))
    try:
        status = await host.ask("status", RunnerRequest(run_id="r", node_id="linux", revision=0), RunnerStatus)
    finally:
        await host.close()
    assert not status.alive
    assert host.endpoint == f"ssh://127.0.0.1:{sshd.port}"


async def test_a_verb_that_refuses_says_so_through_a_plain_shell(sshd: SshdRig, run_root: Path) -> None:
    host = await SshHost.connect("linux", box(sshd))
    try:
        with pytest.raises(HostRefused, match="malformed"):
            await host.ask("launch", RunnerRequest(run_id="r", node_id="linux", revision=0), RunnerStatus)
    finally:
        await host.close()


async def test_another_host_key_behind_the_alias_is_refused_before_any_byte(sshd: SshdRig) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    with pytest.raises(HostKeyMismatch, match="run this to mend it") as caught:
        await SshHost.connect("linux", replace(box(sshd), host_key=other, fix="run this to mend it"))
    assert caught.value.got == sshd.fingerprint


async def test_a_key_that_only_the_agent_holds_is_enough(
    sshd: SshdRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "config"
    lines = [line for line in sshd.ssh_config.read_text().splitlines() if "IdentityFile" not in line]
    bare.write_text("\n".join(lines))
    target = replace(box(sshd), config=(str(bare),))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    with pytest.raises(HostAuthRefused, match="authorized_keys"):
        await SshHost.connect("linux", target)
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL)
    try:
        until("the agent's socket", (tmp_path / "agent").exists)
        subprocess.run(["ssh-add", "-q", sshd.client_key_file], check=True, capture_output=True)
        host = await SshHost.connect("linux", target)
        await host.close()
    finally:
        agent.terminate()
        agent.wait(10)


async def test_a_key_file_that_ssh_config_names_and_is_not_there_is_named(sshd: SshdRig, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(sshd.ssh_config.read_text().replace(str(sshd.client_key_file), str(tmp_path / "none")))
    with pytest.raises(HostAuthRefused, match="none that the ssh_config names"):
        await SshHost.connect("linux", replace(box(sshd), config=(str(config),)))


async def test_a_jump_host_of_ssh_config_is_gone_through(sshd: SshdRig, tmp_path: Path) -> None:
    with running_sshd(tmp_path / "jump") as jump:
        config = tmp_path / "config"
        hop = jump.ssh_config.read_text().replace("Host box", "Host hop")
        config.write_text(hop + sshd.ssh_config.read_text() + "  ProxyJump hop\n")
        host = await SshHost.connect("linux", replace(box(sshd), config=(str(config),)))
        try:
            assert "Accepted publickey" in jump.log.read_text()
            assert f"127.0.0.1:{sshd.port}" in host.endpoint
            with pytest.raises(FileAbsent):
                await host.read_at("nothing", 0, 1)
        finally:
            await host.close()


async def test_files_are_read_and_what_is_no_plain_file_is_refused(sshd: SshdRig, run_root: Path) -> None:
    """A plain SFTP server would follow the link, and wait at the fifo for ever."""
    (run_root / "outbox").mkdir()
    (run_root / "outbox" / "file").write_bytes(b"0123456789")
    (run_root / "link").symlink_to("/etc/passwd")
    (run_root / "way").symlink_to("/etc")
    os.mkfifo(run_root / "fifo")
    host = await SshHost.connect("linux", box(sshd))
    try:
        assert await host.read_at("outbox/file", 2, 4) == b"2345"
        for name in ("link", "way/passwd", "fifo", "outbox", "../sshd_config", "/etc/passwd"):
            with pytest.raises(FetchRefused):
                await host.read_at(name, 0, 10)
        with pytest.raises(FileAbsent):
            await host.read_at("outbox/other", 0, 10)
    finally:
        await host.close()
        shutil.rmtree(run_root)


async def test_a_host_without_sftp_is_named_with_what_helps(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "box") as rig:
        rig.kill()
        rig.subsystem = ""
        rig.start()
        with pytest.raises(HostUnreachable, match="Subsystem sftp internal-sftp"):
            await SshHost.connect("linux", box(rig))


async def test_a_host_that_loses_power_is_told_and_comes_back(tmp_path: Path) -> None:
    seen = Seen()
    with running_sshd(tmp_path / "box") as rig:
        host = await SshHost.connect("linux", box(rig), on_link=seen)
        try:
            rig.kill()
            await seen.until(up=False)
            with pytest.raises(LinkDown):
                await host.read_at("x", 0, 1)
            rig.start()
            await seen.until(up=True)
        finally:
            await host.close()


async def test_a_cut_cable_is_named_and_the_link_comes_back(tmp_path: Path) -> None:
    """Packets that vanish: no reset ends the connection, only silence."""
    seen = Seen()
    with sshd_behind_a_cable(tmp_path / "box") as (rig, cable):
        host = await SshHost.connect("linux", box(rig), on_link=seen)
        try:
            assert host.endpoint == f"ssh://{cable.far_address}:{rig.port}"
            cable.cut()
            down = await seen.until(up=False)
            assert "keepalive" in down.reason
            cable.mend()
            await seen.until(up=True)
        finally:
            await host.close()
