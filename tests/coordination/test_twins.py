"""One machine that was added under two names can't be two contributors."""

from console.coordination.state import NodeState, RunState
from console.coordination.works.admitting import twin_of
from runners.contract.coordinator_records import BringupReceived, NodeCard

ONE, OTHER = "a" * 64, "b" * 64


def _node(name: str, key: str | None) -> NodeState:
    card = NodeCard(node_id=name, roles=("contributor",), backend="torch", transport="ssh", contract_endpoint="x:1")
    if key is None:
        return NodeState(card)
    report = BringupReceived(
        node_id=name, disposition="ready_to_attempt", reasons=(), report_digest="c" * 64, backend_label="x",
        device_label="cpu:0", device_name="x", node_public_key=key,
    )  # fmt: skip
    return NodeState(card, bringup=report)


def test_a_key_that_another_node_has_names_that_node_and_no_key_is_ones_own_twin() -> None:
    state = RunState(nodes={name: _node(name, key) for name, key in (("one", ONE), ("two", None), ("three", OTHER))})

    assert twin_of(state, "two", ONE) == "one"
    assert twin_of(state, "one", ONE) is None
    assert twin_of(state, "two", "d" * 64) is None
