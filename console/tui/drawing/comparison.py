"""Two kept runs side by side: what differs stands out."""

from console.observation.figures import loss, words
from console.observation.host_view import backend_word
from console.observation.kept_run import KeptRun
from console.tui.drawing.plot import plot
from console.tui.drawing.text import Row, pad


def comparison(one: KeptRun, other: KeptRun, width: int) -> tuple[Row, ...]:
    column = (width - 22) // 2
    rows: list[Row] = [
        ((pad("", 22), ""), (f"{pad(one.run_id, column - 1)} ", "accent*"), (pad(other.run_id, column), "bright*"))
    ]
    left, right = _facts(one), _facts(other)
    for name in dict.fromkeys((*left, *right)):
        a, b = left.get(name, "not kept"), right.get(name, "not kept")
        role = "muted" if a == b else "bright"
        rows.append(((f"{pad(name, 19)} ", "muted"), ("= " if a == b else "≠ ", role), (f"{pad(a, column - 1)} ", role),
                     (pad(b, column), role)))  # fmt: skip
    curves = tuple((role, series.values) for run, role in ((one, "accent"), (other, "bright")) for series in run.losses)
    if curves:
        rows += [(), (("loss by step of every device, in the colour of its run", "muted"),), *plot(curves, width, 14)]
    return tuple(rows)


def _facts(run: KeptRun) -> dict[str, str]:
    facts = {
        "kind": run.kind,
        "lane": run.lane,
        "result": words(run.classification),
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
    return facts
