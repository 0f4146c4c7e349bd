"""Two kept runs side by side: what differs first, then both on the same axes, then what is the same."""

from itertools import zip_longest

from console.observation.figures import loss, words
from console.observation.host_view import backend_word
from console.observation.kept_run import KeptRun
from console.observation.plain import plain
from console.tui.drawing.box import beside
from console.tui.drawing.kept import CURVES
from console.tui.drawing.plot import LEGEND, Curve, plot
from console.tui.drawing.text import Row, fill, pad, wrap

NAME = 25
PLOT = 10
MOST = 12  # rows of one fact


def comparison(one: KeptRun, other: KeptRun, width: int) -> tuple[Row, ...]:
    left, right = _facts(one), _facts(other)
    names = tuple(dict.fromkeys((*left, *right)))
    differ = tuple(name for name in names if left.get(name) != right.get(name))
    same = tuple(name for name in names if name not in differ)
    column = (width - NAME) // 2
    rows: list[Row] = [*_fact("", one.run_id, other.run_id, column, "accent*")]
    rows.append(((f"≠ {len(differ)} of {len(names)} facts differ", "bright*"),))
    for name in differ:
        rows += _fact(name, left.get(name, "not kept"), right.get(name, "not kept"), column, "bright")
    rows += [(), *_losses(one, other, width), (), ((f"= {len(same)} are the same", "muted"),)]
    for name in same:
        rows += _fact(name, left[name], "=", column, "muted")
    return tuple(rows)


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
    halves = tuple(_half(run, theirs, half) for run, theirs in ((one, other), (other, one)))
    return (title, *beside(*halves))


def _half(run: KeptRun, other: KeptRun, width: int) -> tuple[Row, ...]:
    ours, theirs = _curves(run), _curves(other)
    drawn = plot(ours, width, PLOT, scale=theirs) if ours else tuple(() for _ in range(PLOT))
    legend: list[tuple[str, str]] = []
    for series, role in zip(run.losses, CURVES, strict=False):
        legend += [(f"{LEGEND[len(legend) // 2 % 2]} ", role), (f"{series.name} {series.values[-1]:.3f}  ", "text")]
    return tuple(fill(row, width) for row in (tuple(legend) or (("keeps no losses by step", "muted"),), *drawn))


def _curves(run: KeptRun) -> tuple[Curve, ...]:
    return tuple((role, series.values) for series, role in zip(run.losses, CURVES, strict=False))


def _facts(run: KeptRun) -> dict[str, str]:
    facts = {
        "kind": run.kind,
        "lane": run.lane,
        "result": words(run.classification),
        "reason": run.reason,
        "promotion": run.promotion,
        "publish": run.publish.split(":")[0],
        **{name: str(count) for name, count in run.counts},
        **dict(run.figures),
        **{f"held-out {name}": loss(value) for name, value in run.scores},
    }
    for device in run.devices:
        facts[f"{device.node_id}"] = f"{backend_word(device.backend)}, {device.disposition}, replay {device.replay}"
        if device.final_loss is not None:
            facts[f"{device.node_id} loss"] = f"{device.final_loss:.4g}"
        facts[f"{device.node_id} sha"] = device.adapter_sha256[:16]
    return {name: plain(value, 400) for name, value in facts.items() if value}
