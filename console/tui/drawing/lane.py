"""The lanes as rows, and the ways to the hosts of the chosen one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias, Union

from console.hosts.ways import Way
from console.observation.figures import short
from console.observation.host_view import backend_word
from console.observation.plain import plain
from console.tui.drawing.text import Row, clip, pad, width_of, wrap
from runners.contract.lane import NodeContract, RunContract

if TYPE_CHECKING:
    from console.hosts.endpoints import Endpoint, Tried

Choice: TypeAlias = Union[str, "Endpoint", None]

FAULT_LINES = 8


def lane_rows(
    contracts: Mapping[str, RunContract | str],
    chosen: str,
    way: Way,
    tried: Mapping["Endpoint", "Tried | None"],
    width: int,
) -> tuple[tuple[Row, ...], tuple[Choice, ...]]:
    """Rows, and beside each what `enter` chooses."""
    rows: list[Row] = []
    choices: list[Choice] = []
    for name, contract in contracts.items():
        mark = ("● ", "ok") if name == chosen else ("○ ", "muted")
        if isinstance(contract, str):
            rows.append((mark, (pad(name, 30), "text"), ("✗ ", "bad"), (plain(contract), "text")))
            choices.append(None)
            continue
        hosts = " + ".join(backend_word(node.backend) for node in contract.contributors)
        row = (mark, (pad(name, 32), "bright*" if name == chosen else "text"), (f"{hosts}  ", "text"))
        rows.append((*row, (short(contract.digest), "digest")))
        choices.append(name)
    contract = contracts.get(chosen, "")
    if isinstance(contract, RunContract):
        drawn, more = _hosts(contract, way, tried, width)
        rows += [(), *drawn]
        choices += [None, *more]
    return tuple(rows), tuple(choices)


def _hosts(
    contract: RunContract, way: Way, tried: Mapping["Endpoint", "Tried | None"], width: int
) -> tuple[list[Row], list[Choice]]:
    rows: list[Row] = []
    choices: list[Choice] = []
    for node in contract.contributors:
        rows += [_node(node), _heads(width)]
        choices += [None, None]
        for endpoint, result in tried.items():
            if endpoint.node_id == node.node_id:
                in_use = endpoint.origin == "local process" or endpoint.way == way
                drawn = _endpoint(endpoint, result, in_use=in_use, width=width)
                rows += drawn
                choices += [endpoint] * len(drawn)
        rows.append(())
        choices.append(None)
    rows += [(("claim boundary", "bright*"),)]
    boundary: list[Row] = [((line, "muted"),) for line in wrap(contract.claim_boundary, width, 6)]
    return [*rows, *boundary], [*choices, None, *(None for _ in boundary)]


def _node(node: NodeContract) -> Row:
    devices = " or ".join(node.required_devices)
    return (
        (node.node_id, "bright*"),
        (f"  {' · '.join(node.roles)}", "muted"),
        (f"  {backend_word(node.backend)}", "text"),
        (f"  on {devices}", "muted"),
    )


def _columns(width: int) -> tuple[int, int, int]:
    """Cells of the way, the interface and the network; the answer takes the rest."""
    return (30, 12, 18) if width >= 110 else (17, 6, 14)


def _heads(width: int) -> Row:
    way, interface, network = _columns(width)
    return ((f"    {pad('way', way)}{pad('by', interface)}{pad('network', network)}  answer", "muted"),)


def _endpoint(endpoint: "Endpoint", tried: "Tried | None", *, in_use: bool, width: int) -> list[Row]:
    """One row; the words of a way that failed go on below it, since they say what helps."""
    way, interface, network = _columns(width)
    where = endpoint.host if endpoint.origin == "local process" else endpoint.spelled
    named = clip(f"{endpoint.name} {where}".strip(), way - 1)  # never up to the next column
    row: Row = (("  ● " if in_use else "  ○ ", "ok" if in_use else "muted"), (pad(named, way), "text"))
    if tried is None:
        return [(*row, ("trying", "muted"))]
    glyph, role = {True: ("✓", "ok"), False: ("✗", "bad"), None: ("○", "muted")}[tried.answers]
    took = "" if tried.took_ms is None else f"{tried.took_ms:.0f} ms  "
    room = max(10, width - way - interface - network - 6)
    said = f"{took}{plain(tried.result, 800)}"
    below = wrap(said, width - 6, FAULT_LINES) if tried.answers is False and width_of(said) > room else []
    told: Row = ((f"{glyph} ", role), ("can't be used:" if below else clip(said, room), "text"))
    row = (*row, (pad(tried.interface, interface), "text"), (pad(tried.network, network), "text"), *told)
    return [row, *(((f"      {line}", "text"),) for line in below)]
