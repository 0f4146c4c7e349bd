"""Recorded runs as fixtures, made once per test process: for the tests of observation and of the screen."""

from pathlib import Path

import pytest

from tests.observation import make_run, recorded_journals
from tests.observation.recorded_journals import Recording


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return make_run.healthy(tmp_path_factory.mktemp("healthy"))


@pytest.fixture(scope="session")
def held(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return make_run.healthy(tmp_path_factory.mktemp("held"), promoted=False)


@pytest.fixture(scope="session")
def stale(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return make_run.stale(tmp_path_factory.mktemp("stale"))


@pytest.fixture(scope="session")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return make_run.refused(tmp_path_factory.mktemp("refused"))


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / recorded_journals.RUN_ID
