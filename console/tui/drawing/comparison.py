"""Two kept runs side by side: what differs first, then both on the same axes, then what is the same."""

from itertools import chain, cycle, zip_longest
from typing import NamedTuple

from console.observation.figures import words
from console.observation.host_view import backend_word
from console.observation.kept_run import KeptRun
from console.observation.plain import plain
from console.tui.drawing.box import beside
from console.tui.drawing.kept import CURVES
from console.tui.drawing.plot import LEGEND, Curve, plot
from console.tui.drawing.text import Row, fill, pad, row_width, wrap

NAME = 25
PLOT = 10
MOST = 12  # rows of one fact


class Fact(NamedTuple):
    """As it is read, and as it is compared."""

    shown: str
    exact: object


def comparison(one: KeptRun, other: KeptRun, width: int) -> tuple[Row, ...]:
    left, right = _facts(one), _facts(other)
    names = tuple(dict.fromkeys((*left, *right)))
    differ = tuple(name for name in names if _exact(left, name) != _exact(right, name))
    same = tuple(name for name in names if name not in differ)
    column = (width - NAME) // 2
    rows: list[Row] = [*_fact("", one.run_id, other.run_id, column, "accent*")]
    rows.append(((f"≠ {len(differ)} of {len(names)} facts differ", "bright*"),))
    for name in differ:
        rows += _fact(name, _told(left, right, name), _told(right, left, name), column, "bright")
    rows += [(), *_losses(one, other, width), (), ((f"= {len(same)} are the same", "muted"),)]
    for name in same:
        rows += _fact(name, left[name].shown, "=", column, "muted")
    return tuple(rows)


def _exact(facts: dict[str, Fact], name: str) -> object:
    return facts[name].exact if name in facts else None


def _fact(name: str, one: str, other: str, column: int, role: str) -> tuple[Row, ...]:
    """Whole, over as many lines as the longer one needs."""
    columns = zip_longest(
        wrap(name, NAME - 1, MOST), wrap(one, column - 2, MOST), wrap(other, column - 1, MOST), fillvalue=""
    )
    return tuple(
        ((pad(label, NAME), "muted"), (pad(left, column), role), (pad(right, column), role))
        for label, left, right in columns
    )


def _losses(one: KeptRun, other: KeptRun, width: int) -> tuple[Row, ...]:
    """Each run's own curves beside the other's, on the same axes."""
    if not one.losses and not other.losses:
        return ((("neither run keeps losses by step", "muted"),),)
    half = (width - 1) // 2
    title: Row = (("loss by step of every device, both on the same axes", "muted"),)
    high = max(len(_legend(run, half)) for run in (one, other))
    halves = tuple(_half(run, theirs, half, high) for run, theirs in ((one, other), (other, one)))
    return (title, *beside(*halves))


def _half(run: KeptRun, other: KeptRun, width: int, high: int) -> tuple[Row, ...]:
    """`high` rows of legend."""
    ours, theirs = _curves(run), _curves(other)
    drawn = plot(ours, width, PLOT, scale=theirs) if ours else tuple(() for _ in range(PLOT))
    legend = _legend(run, width)
    return tuple(fill(row, width) for row in (*legend, *(() for _ in range(high - len(legend))), *drawn))


def _legend(run: KeptRun, width: int) -> tuple[Row, ...]:
    """On one row where it fits."""
    if not run.losses:
        return ((("keeps no losses by step", "muted"),),)
    named = zip(run.losses, CURVES, cycle(LEGEND), strict=False)
    rows: tuple[Row, ...] = tuple(((f"{mark} ", role), (f"{one.name} {one.values[-1]:.3f}  ", "text"))
                                  for one, role, mark in named)  # fmt: skip
    whole = tuple(chain.from_iterable(rows))
    return (whole,) if row_width(whole) <= width else rows


def _curves(run: KeptRun) -> tuple[Curve, ...]:
    return tuple((role, series.values) for series, role in zip(run.losses, CURVES, strict=False))


def _facts(run: KeptRun) -> dict[str, Fact]:
    facts: dict[str, object] = {
        "kind": run.kind,
        "lane": run.lane,
        "result": words(run.classification),
        "reason": run.reason,
        "promotion": run.promotion,
        "publish": run.publish.split(":")[0],
        **dict(run.counts),
        **dict(run.figures),
        **{f"held-out {name}": value for name, value in run.scores},
    }
    for device in run.devices:
        computes = f"{backend_word(device.backend)} on {device.device}"
        facts[f"{device.node_id}"] = f"{computes}, {device.disposition}, replay {device.replay}"
        facts[f"{device.node_id} loss"] = device.final_loss
    told = {name: Fact(_shown(value), value) for name, value in facts.items() if value not in (None, "")}
    shas = {f"{one.node_id} sha": Fact(one.adapter_sha256[:16], one.adapter_sha256) for one in run.devices}
    return {**told, **{name: fact for name, fact in shas.items() if fact.exact}}


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 0.001 else f"{value:.4g}"
    return plain(str(value), 400)


def _told(facts: dict[str, Fact], others: dict[str, Fact], name: str) -> str:
    """Rounded for reading, but never so that what differs looks the same."""
    fact, other = facts.get(name), others.get(name)
    if fact is None:
        return "not kept"
    return repr(fact.exact) if other is not None and other.shown == fact.shown else fact.shown
