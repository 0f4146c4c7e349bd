from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console.cli.main import main
from console.hosts.host import Host, LinkCallback
from console.hosts.local_host import LocalHost
from console.hosts.ssh_host import SshHost
from console.hosts.ssh_target import SshTarget
from runners.contract.document import Word
from runners.contract.requests import VERBS
from runners.records.verb_process import VerbEnvironment
from tests.agent.rig import AgentRig, running
from tests.agent.serving import TINY_VERB
from tests.hosts.sshd_rig import SshdRig, running_sshd

Swarm = Callable[..., tuple[int, str]]


class Order(Word):
    """What the tiny verb shall do."""

    act: str
    code: int = 0
    hex: str = ""
    stderr: str = ""
    blocks: int = 0


class Told(Word):
    pid: int


def target_of(rig: AgentRig) -> SshTarget:
    return SshTarget("127.0.0.1", rig.port, rig.host_key, rig.client_key)


@asynccontextmanager
async def connected(rig: AgentRig, on_link: LinkCallback | None = None) -> AsyncIterator[SshHost]:
    host = await SshHost.connect("linux", target_of(rig), on_link=on_link)
    try:
        yield host
    finally:
        await host.close()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentRig]:
    with running(AgentRig(tmp_path_factory.mktemp("agent"))) as rig:
        yield rig


@pytest.fixture
def own_agent(tmp_path: Path) -> Iterator[AgentRig]:
    """An agent that a test may kill."""
    (tmp_path / "agent").mkdir()
    with running(AgentRig(tmp_path / "agent")) as rig:
        yield rig


@pytest.fixture
def run_root(agent: AgentRig) -> Path:
    """The same folder for both kinds of host, so that one test serves both."""
    return agent.run_root


@pytest.fixture(params=["local", "ssh"])
async def host(request: pytest.FixtureRequest, agent: AgentRig) -> AsyncIterator[Host]:
    if request.param == "local":
        environment = VerbEnvironment(agent.home, agent.run_root, agent.home / "model", "mlx")
        yield LocalHost("mac", environment, programs=dict.fromkeys(VERBS, TINY_VERB))
    else:
        async with connected(agent) as ssh:
            yield ssh


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[SshdRig]:
    with running_sshd(tmp_path / "box") as rig:
        yield rig


@pytest.fixture
def swarm(sshd: SshdRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Swarm:
    """`swarm ARGUMENTS`: the exit status, and both streams together. Nothing that it prints may move a terminal."""
    monkeypatch.setenv("SWARM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWARM_RUNS", str(tmp_path / "runs"))
    config = ("--ssh-config", str(sshd.ssh_config))

    def run(*arguments: str) -> tuple[int, str]:
        again = (tmp_path / "home" / "hosts" / "box.json").exists()  # then what isn't said is as it was
        more = config if arguments[:2] == ("host", "add") and not again else ()
        code = main([*arguments, *more])
        said = capsys.readouterr()
        assert "\x1b" not in said.out + said.err
        return code, said.out + said.err

    return run
