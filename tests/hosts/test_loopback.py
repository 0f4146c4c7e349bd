import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from console.hosts.errors import AgentStartFailed, PortTaken
from console.hosts.keys import client_key, pinned_key, public_line
from console.hosts.loopback import AgentHandle, AgentPlan, find_agent, require_free_port, start_agent, stop_agent
from console.hosts.ssh_host import SshHost
from console.hosts.ssh_target import SshTarget
from runners.records.errors import KeyFileError
from runners.records.process_identity import ProcessIdentity
from tests.agent.rig import ROOT
from tests.patience import PATIENCE_S, meanwhile_until

pytestmark = pytest.mark.ssh

TOKEN = "swarm1-for-tests-only"


@pytest.fixture
def plan(tmp_path: Path) -> AgentPlan:
    return AgentPlan(
        home=tmp_path / "home",
        run_root=tmp_path / "linux",
        model_dir=tmp_path / "model",
        backend="torch",
        authorized_key=public_line(client_key(tmp_path / "keys" / "client.pem")),
        log_path=tmp_path / "agent.log",
        port=0,
    )


@pytest.fixture
async def handle(plan: AgentPlan) -> AsyncIterator[AgentHandle]:
    started = await start_agent(plan, token=TOKEN)
    yield started
    assert await stop_agent(started)


async def test_the_started_agent_answers_to_the_announced_key(handle: AgentHandle, plan: AgentPlan) -> None:
    key = client_key(plan.home.parent / "keys" / "client.pem")
    host = await SshHost.connect(
        "linux", SshTarget(handle.address, handle.port, pinned_key(handle.host_key), client_key=key)
    )
    try:
        assert host.host_key_fingerprint == handle.host_key_fingerprint
        (plan.run_root / "x").write_bytes(b"x")
        assert await host.read_at("x", 0, 10) == b"x"
    finally:
        await host.close()


async def test_the_token_is_in_no_argv_environment_or_file(handle: AgentHandle, plan: AgentPlan) -> None:
    process = psutil.Process(handle.pid)
    assert TOKEN not in json.dumps([process.cmdline(), process.environ()])
    files = [path for path in plan.home.parent.rglob("*") if path.is_file()]
    assert plan.log_path in files
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


async def test_the_agent_leads_a_session_of_its_own(handle: AgentHandle) -> None:
    assert os.getsid(handle.pid) == handle.pid


START = (
    "import asyncio, json, os, signal, sys\nfrom pathlib import Path\n"
    "from console.hosts.loopback import AgentPlan, start_agent\n"
    "given = json.loads(sys.argv[1])\n"
    "paths = {name: Path(given.pop(name)) for name in ('home', 'run_root', 'model_dir', 'log_path')}\n"
    "plan = AgentPlan(**paths, **given)\n"
)


async def started_elsewhere(plan: AgentPlan, script: str) -> "subprocess.CompletedProcess[bytes]":
    """`script` has the plan, in a process that ends before the agent does."""
    given = {name: str(value) if isinstance(value, Path) else value for name, value in vars(plan).items()}
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", START + script, json.dumps(given)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )


async def test_an_agent_outlives_its_starter_and_is_found_and_ended_by_name(plan: AgentPlan) -> None:
    script = (
        "handle = asyncio.run(start_agent(plan, token=None))\n"
        "print(json.dumps([handle.pid, handle.process_started_ms, handle.address, handle.port, handle.host_key,"
        " handle.host_key_fingerprint]))\n"
    )
    told = await started_elsewhere(plan, script)
    assert told.returncode == 0, told.stderr
    recorded = AgentHandle(*json.loads(told.stdout))
    assert find_agent(recorded) == recorded
    assert await stop_agent(recorded)
    assert find_agent(recorded) is None


async def test_a_pid_that_is_another_process_by_now_is_neither_found_nor_ended(handle: AgentHandle) -> None:
    other = replace(handle, process_started_ms=handle.process_started_ms - 60_000)
    assert find_agent(other) is None
    assert await stop_agent(other)
    assert handle.is_alive


async def test_a_starter_killed_before_it_noted_the_agent_down_leaves_none(plan: AgentPlan) -> None:
    """Nobody would know of it: the lane's port would stay taken."""
    script = (
        "def note(handle):\n"
        "    print(json.dumps([handle.pid, handle.process_started_ms]), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(start_agent(plan, token=None, note=note))\n"
    )
    told = await started_elsewhere(plan, script)
    assert told.returncode == -signal.SIGKILL
    pid, started = json.loads(told.stdout)
    await meanwhile_until("the agent to end", lambda: not ProcessIdentity(pid, started).lives)
    assert "before it noted it down" in plan.log_path.read_text()


async def test_an_agent_that_ignores_sigterm_is_killed(handle: AgentHandle) -> None:
    os.kill(handle.pid, signal.SIGSTOP)
    assert await stop_agent(handle, patience_s=0.2)


async def test_a_port_in_use_is_refused_with_port_and_option(plan: AgentPlan) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port}: expected a free port.*--contributor-port"):
            await start_agent(replace(plan, port=port), token=None)
        with pytest.raises(PortTaken, match="--coordinator-port"):
            require_free_port("127.0.0.1", port, option="--coordinator-port")
    assert not plan.home.exists()


async def test_a_port_that_somebody_took_at_the_last_moment_is_told_first(
    plan: AgentPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.hosts.loopback.require_free_port", lambda *_, **__: None)  # it was free then
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            AgentStartFailed, match=f"^127.0.0.1:{port}: expected a free port, got one in use. Stop what"
        ):
            await start_agent(replace(plan, port=port), token=None)


async def test_an_agent_that_cannot_start_is_told_with_its_last_words(plan: AgentPlan) -> None:
    with pytest.raises(AgentStartFailed, match=r"^--home.* \(its log agent\.log\)$"):
        await start_agent(replace(plan, home=plan.run_root / "home"), token=None)


async def test_an_agent_that_says_nothing_in_time_is_ended(plan: AgentPlan) -> None:
    before = {child.pid for child in psutil.Process().children()}
    with pytest.raises(AgentStartFailed, match="nothing within 0 s"):
        await start_agent(plan, token=TOKEN, timeout_s=0.0)
    assert {child.pid for child in psutil.Process().children()} == before


def test_the_client_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "client.pem"
    first = client_key(path)
    assert public_line(client_key(path)) == public_line(first)
    assert public_line(first).startswith("ssh-ed25519 AAAA")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="0600"):
        client_key(path)
