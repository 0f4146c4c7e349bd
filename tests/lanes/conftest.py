import shutil
from pathlib import Path

import pytest

from console.places import data_dir


@pytest.fixture
def fixtures(tmp_path: Path) -> Path:
    """A copy of what a lane's documents are frozen from, and of the documents."""
    root = tmp_path / "fixtures"
    source = data_dir("fixtures")
    for folder in ("lanes", "base", "dataset", "reports", "drills"):
        shutil.copytree(source / "swarm" / folder, root / "swarm" / folder)
    shutil.copytree(source / "training", root / "training")
    for path in (source / "swarm").glob("*.json"):
        shutil.copy(path, root / "swarm")
    return root
