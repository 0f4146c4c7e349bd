"""A true bundle, forged once per session and copied where a test changes it."""

import shutil
from pathlib import Path

import pytest

from tests.checks.forge import forge
from tests.checks.resealing import operator_key_file


@pytest.fixture(scope="session")
def true_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never changed."""
    return forge(tmp_path_factory.mktemp("true"))


@pytest.fixture
def bundle(true_bundle: Path, tmp_path: Path) -> Path:
    """A copy of its own, with the fixture operator's key beside it."""
    copy = tmp_path / "bundle"
    shutil.copytree(true_bundle, copy)
    operator_key_file(tmp_path)
    return copy
