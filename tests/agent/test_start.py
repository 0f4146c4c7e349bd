import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import psutil
import pytest

from runners.agent.errors import AgentSettingsError
from runners.agent.settings import parse_settings
from runners.agent.token import AdmissionToken
from runners.contract.announcement import AgentAnnouncement
from tests.agent.rig import ROOT, AgentRig, running
from tests.patience import PATIENCE_S

KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


def options(folder: Path, **changed: str) -> list[str]:
    values = {
        "--port": "0",
        "--home": str(folder / "home"),
        "--run-root": str(folder / "root"),
        "--model": str(folder / "model"),
        "--backend": "torch",
        "--authorized-key": KEY,
        **{f"--{name.replace('_', '-')}": value for name, value in changed.items()},
    }
    return [part for pair in values.items() for part in pair]


def launch(argv: list[str], **environ: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "runners", "agent", *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
    )


@pytest.fixture
def real_agent(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with launch(options(tmp_path)) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_announces_one_line_and_ends_cleanly_on_a_signal(
    real_agent: "subprocess.Popen[bytes]", number: signal.Signals
) -> None:
    assert real_agent.stdout is not None
    assert real_agent.stderr is not None
    announced = AgentAnnouncement.model_validate_json(real_agent.stdout.readline())
    assert announced.pid == real_agent.pid
    assert abs(announced.process_started_ms - psutil.Process(real_agent.pid).create_time() * 1000) < 1
    assert asyncssh.import_public_key(announced.host_key).get_fingerprint() == announced.host_key_fingerprint
    listening = [entry.laddr for entry in psutil.Process(real_agent.pid).net_connections() if entry.status == "LISTEN"]
    assert listening == [("127.0.0.1", announced.port)]
    real_agent.send_signal(number)
    assert real_agent.wait(PATIENCE_S) == 0
    assert real_agent.stdout.read() == b""
    assert b"Traceback" not in real_agent.stderr.read()


async def test_an_agent_without_a_connection_ends_by_itself_but_not_during_one(tmp_path: Path) -> None:
    rig = AgentRig(tmp_path, idle_exit_s=2.0)
    with running(rig):
        assert rig.process is not None
        async with rig.connect() as connection:
            await asyncio.sleep(2.5)  # nothing can be awaited where nothing may happen
            assert (await connection.run("swarm-runner shell")).returncode == 126  # it answers
        assert await asyncio.to_thread(rig.wait) == 0


def test_a_second_start_keeps_the_host_key_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    rig = AgentRig(tmp_path)
    with running(rig):
        first = rig.announced
    with running(rig):
        second = rig.announced
    assert first is not None
    assert second is not None
    assert second.host_key == first.host_key
    path = rig.home / "keys" / "ssh_host_ed25519.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_host_key_open_to_others_refuses_the_start(tmp_path: Path) -> None:
    with running(AgentRig(tmp_path)):
        pass
    (tmp_path / "home" / "keys" / "ssh_host_ed25519.pem").chmod(0o644)
    with launch(options(tmp_path)) as process:
        out, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert out == b""
    assert b"(0600), got 0644" in error


def test_a_port_in_use_refuses_the_start_and_names_port_and_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with launch(options(tmp_path, port=str(port))) as process:
            _, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert f"127.0.0.1:{port}: expected a free port".encode() in error
    assert b"--contributor-port" in error


def test_a_token_that_does_not_come_refuses_the_start(tmp_path: Path) -> None:
    with launch([*options(tmp_path), "--token-stdin"]) as process:
        _, error = process.communicate(b"", timeout=PATIENCE_S)
    assert process.returncode == 3
    assert b"expected the admission token as the first line" in error


def test_a_home_inside_the_run_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgentSettingsError, match="outside the run root"):
        parse_settings(options(tmp_path, home=str(tmp_path / "root" / "home")))


@pytest.mark.parametrize(
    "line", [f'command="x" {KEY}', "ssh-ed25519 AAAA", "", f"no-pty {KEY}"], ids=["command", "cut", "none", "option"]
)
def test_a_key_that_does_not_stand_alone_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(AgentSettingsError, match="--authorized-key"):
        parse_settings(options(tmp_path, authorized_key=line))


def test_a_contract_digest_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgentSettingsError, match="64 hex digits"):
        parse_settings(options(tmp_path, contract_digest="abc"))


def test_a_token_in_the_environment_is_taken_out_of_it() -> None:
    environ = {"PSIONIC_SWARM_ADMISSION_TOKEN": "swarm1-x", "PATH": "/bin"}
    token = AdmissionToken.take(environ, stdin_fd=None)
    assert token is not None
    assert token.reveal() == "swarm1-x"
    assert environ == {"PATH": "/bin"}
    assert "swarm1-x" not in repr(token)


@pytest.mark.parametrize("sent", [b"\n", b"x" * 300 + b"\n", b"\xff\xfe\n", b"a\x1bb\n"])
def test_a_token_line_of_another_kind_is_refused_unrepeated(sent: bytes) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, sent)
    os.close(write_end)
    try:
        with pytest.raises(AgentSettingsError, match=r"got no such line$"):
            AdmissionToken.take({}, stdin_fd=read_end)
    finally:
        os.close(read_end)
