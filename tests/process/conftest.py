from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.inputs import contract
from tests.process.node import Node, ended_runners


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node on the reference backend that nobody has spoken to yet."""
    with ended_runners(Node(tmp_path, contract())) as fresh:
        yield fresh
