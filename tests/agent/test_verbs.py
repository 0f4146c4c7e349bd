import asyncio
import json
import os
from pathlib import Path

import asyncssh
import psutil
import pytest

from runners.contract.requests import VERBS
from tests.agent.rig import AgentRig, end_process, running
from tests.patience import PATIENCE_S, meanwhile_until

pytestmark = pytest.mark.ssh


async def run_verb(
    connection: asyncssh.SSHClientConnection, verb: str, order: dict[str, object], body: bytes = b""
) -> tuple[bytes, bytes, int | None]:
    """What came on stdout and stderr, and the exit status."""
    process = await connection.create_process(f"swarm-runner {verb}", encoding=None)
    stdout, stderr = await process.communicate(json.dumps(order).encode() + b"\n" + body)
    assert isinstance(stdout, bytes)
    assert isinstance(stderr, bytes)
    return stdout, stderr, process.returncode


async def start_verb(connection: asyncssh.SSHClientConnection, order: dict[str, object]) -> tuple[int, object]:
    """A verb that stays, and the pid that it tells."""
    process = await connection.create_process("swarm-runner status", encoding=None)
    process.stdin.write(json.dumps(order).encode() + b"\n")
    return json.loads(await process.stdout.readline())["pid"], process


async def gone(pid: int) -> None:
    def is_gone() -> bool:
        try:
            return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True

    await meanwhile_until(f"process {pid} to be gone", is_gone)


@pytest.mark.parametrize("verb", VERBS)
async def test_each_verb_carries_bytes_both_ways_and_its_exit_status(agent: AgentRig, verb: str) -> None:
    body = os.urandom(300_000) + b"\0\r\n\xff"
    async with agent.connect() as connection:
        stdout, stderr, code = await run_verb(connection, verb, {"act": "echo", "code": 7}, body)
    assert stdout == body
    assert stderr == b"heard 300004 bytes\n"
    assert code == 7


@pytest.mark.parametrize(
    "command",
    [
        "swarm-runner shell",
        "swarm-runner",
        "swarm-runner  status",
        "swarm-runner status ",
        "swarm-runner status; id",
        "swarm-runner status\nid",
        "swarm-runner work",
        "swarm-runner agent",
        "/bin/sh -c id",
        "scp -f x",
        "python -m runners status",
    ],
)
async def test_any_other_command_is_refused_with_the_list_of_verbs(agent: AgentRig, command: str) -> None:
    async with agent.connect() as connection:
        result = await connection.run(command)
    assert result.returncode == 126
    assert result.stdout == ""
    assert "expected `swarm-runner VERB` with VERB one of bringup | admit" in str(result.stderr)


async def test_a_request_for_a_shell_is_refused(agent: AgentRig) -> None:
    async with agent.connect() as connection:
        result = await connection.run()
    assert result.returncode == 126
    assert "got a request for a shell" in str(result.stderr)


async def test_another_subsystem_is_refused(agent: AgentRig) -> None:
    async with agent.connect() as connection:
        result = await connection.run(subsystem="netconf")
    assert result.returncode == 126
    assert "got subsystem 'netconf'" in str(result.stderr)


async def test_a_terminal_is_refused(agent: AgentRig) -> None:
    async with agent.connect() as connection:
        with pytest.raises(asyncssh.ChannelOpenError, match="PTY"):
            await connection.create_process("swarm-runner status", term_type="xterm")


async def test_forwarding_is_refused_in_every_direction(agent: AgentRig, tmp_path: Path) -> None:
    async with agent.connect() as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", agent.port)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_unix_connection(str(tmp_path / "socket"))
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 9)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_path(str(tmp_path / "socket"), str(tmp_path / "other"))


async def test_a_password_opens_nothing(agent: AgentRig) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            "127.0.0.1",
            agent.port,
            username="swarm",
            password="swarm",
            client_keys=None,
            known_hosts=([agent.host_key], [], []),
            config=None,
            agent_path=None,
        )


async def test_environment_of_the_peer_reaches_no_verb(agent: AgentRig) -> None:
    async with agent.connect() as connection:
        process = await connection.create_process(
            "swarm-runner status", env={"SWARM_RUN_ROOT": "/", "LD_PRELOAD": "/x.so"}, encoding=None
        )
        stdout, _ = await process.communicate(b'{"act": "environment"}\n')
    assert stdout is not None
    environ = json.loads(stdout)["environ"]
    assert environ["SWARM_RUN_ROOT"] == str(agent.run_root)
    assert environ["SWARM_HOST_HOME"] == str(agent.home)
    assert environ["SWARM_BACKEND"] == "torch"
    assert environ["SWARM_HOST_KEY_FINGERPRINT"] == agent.host_key.get_fingerprint()
    assert "LD_PRELOAD" not in environ


async def test_the_token_reaches_admit_by_a_pipe_and_nothing_else(agent: AgentRig) -> None:
    token = agent.token
    assert token is not None
    async with agent.connect() as connection:
        admit = json.loads((await run_verb(connection, "admit", {"act": "environment"}))[0])
        status = json.loads((await run_verb(connection, "status", {"act": "environment"}))[0])
    assert admit["token"] == token + "\n"
    assert status["token"] is None
    assert status["fds"] == [0, 1, 2]
    of_agent = psutil.Process(agent.pid)
    seen = json.dumps([admit["environ"], admit["argv"], status, of_agent.environ(), of_agent.cmdline()])
    assert token not in seen
    assert not [path for path in agent.folder.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]


async def test_a_verb_killed_by_a_signal_is_told_as_that_signal(agent: AgentRig) -> None:
    async with agent.connect() as connection:
        _, _, code = await run_verb(connection, "stop", {"act": "die"})
    assert code == -9


async def test_a_grandchild_that_holds_the_pipes_does_not_hold_the_verb(agent: AgentRig) -> None:
    async with agent.connect() as connection, asyncio.timeout(PATIENCE_S):
        stdout, _, code = await run_verb(connection, "launch", {"act": "leave", "code": 3})
    left = json.loads(stdout)["pid"]
    assert code == 3
    assert psutil.pid_exists(left)
    end_process(left)


async def test_a_peer_that_closes_its_channel_ends_the_verb(agent: AgentRig) -> None:
    async with agent.connect() as connection:
        pid, process = await start_verb(connection, {"act": "wait"})
        assert isinstance(process, asyncssh.SSHClientProcess)
        process.close()
        await gone(pid)


async def test_a_lost_link_ends_the_verb_after_its_grace(tmp_path: Path) -> None:
    with running(AgentRig(tmp_path, limits={"lost_grace_s": 0.2})) as rig:
        async with rig.connect() as connection:
            pid, _ = await start_verb(connection, {"act": "wait"})
            connection.abort()
        await gone(pid)


async def test_more_input_than_the_limit_ends_the_verb(tmp_path: Path) -> None:
    with running(AgentRig(tmp_path, limits={"stdin_bytes": 1000})) as rig:
        async with rig.connect() as connection:
            _, stderr, code = await run_verb(connection, "receive", {"act": "echo"}, b"x" * 2000)
    assert b"expected at most 1000 bytes of input, got more" in stderr
    assert code == -15


async def test_one_verb_too_many_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    with running(AgentRig(tmp_path, limits={"verbs": 1})) as rig:
        async with rig.connect() as connection:
            pid, _ = await start_verb(connection, {"act": "wait"})
            refused = await connection.run("swarm-runner status")
            assert "expected fewer than 1 verbs at once" in str(refused.stderr)
            assert psutil.pid_exists(pid)


async def test_one_connection_too_many_is_refused(tmp_path: Path) -> None:
    with running(AgentRig(tmp_path, limits={"connections": 1})) as rig:
        async with rig.connect() as connection:
            with pytest.raises((OSError, asyncssh.Error)):
                async with rig.connect():
                    pytest.fail("a second connection was accepted")
            assert (await run_verb(connection, "status", {"act": "echo"}, b"x"))[0] == b"x"


async def test_sigterm_ends_the_verbs_but_not_what_they_launched(tmp_path: Path) -> None:
    with running(AgentRig(tmp_path)) as rig:
        assert rig.process is not None
        async with rig.connect() as connection:
            waiting, _ = await start_verb(connection, {"act": "wait"})
            runner, _ = await start_verb(connection, {"act": "leave", "stay": True})
            rig.process.terminate()
            assert await asyncio.to_thread(rig.wait) == 0
            await gone(waiting)
        assert psutil.pid_exists(runner)
        end_process(runner)
