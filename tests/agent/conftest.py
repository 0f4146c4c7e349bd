from collections.abc import Iterator

import pytest

from tests.agent.rig import AgentRig, running


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentRig]:
    """One agent for all tests of a module that don't harm it."""
    with running(AgentRig(tmp_path_factory.mktemp("agent"), token="swarm1-for-tests-only")) as rig:
        yield rig
