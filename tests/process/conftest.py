from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.inputs import contract, shipment
from tests.process.node import Node, ended_runners


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node on the reference backend that nobody has spoken to yet."""
    with ended_runners(Node(tmp_path, contract())) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def launched_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with a runner that waits, for tests that must leave it as it is."""
    with ended_runners(Node(tmp_path_factory.mktemp("node"), contract())) as node:
        node.launch(shipment(node.lane))
        yield node
