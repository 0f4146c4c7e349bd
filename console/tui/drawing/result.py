"""What a closed run leaves: verdict, scores, where the bundle is, what to do next."""

from console.observation.conditions import Verdict
from console.observation.figures import loss, with_short_digests, words
from console.tui.drawing.box import box
from console.tui.drawing.text import Row, fill, labelled, row_width, width_of, wrap
from console.tui.view import View
from runners.contract.states import Classification

HEIGHT, MORE = 6, 2  # rows; and for a reason that is longer
AFTER_A_REFUSAL = (("app.bring-up", "asks the gates alone"),)  # what was refused, without a run around it
OFFERED = (
    ("app.replay", "does the slices again"),
    ("app.audit", "audits"),
    ("app.publish", "publishes"),
    ("app.start", "starts another"),
)


def result(view: View, width: int) -> tuple[Row, ...]:
    """As many rows as `height` says."""
    inner = width - 4
    rows = (*_whole_reason(view, inner), _scores(view, inner), _bundle(view, inner), _next(view, inner))
    if len(rows) > HEIGHT - 2:  # the reason says more than the end of a path
        rows = (*rows[:-2], rows[-1])
    return box((("result", "bright*"),), rows, width, height(view, width))


def height(view: View, width: int) -> int:
    """What went wrong is followed by what to do about it: that is worth two receipts."""
    return HEIGHT + max(0, len(_whole_reason(view, width - 4)) - 2)


def _whole_reason(view: View, width: int) -> tuple[Row, ...]:
    """The verdict; where nothing was judged, below it what the first row has no room for."""
    first, closed = _verdict(view, width), view.snapshot.state.closed
    if closed is None or view.snapshot.state.promotion is not None:
        return (first,)
    reason = " ".join(with_short_digests(closed.reason).split())
    head = wrap(reason, width - row_width(first[:1]) - 2, len(reason))[0]
    more = wrap(reason.removeprefix(head).strip(), width - 2, 1 + MORE) if head != reason else []
    return (
        fill((first[0], (f"  {head}", "text")), width),
        *(fill((("  ", ""), (line, "text")), width) for line in more),
    )


def _verdict(view: View, width: int) -> Row:
    state = view.snapshot.state
    if state.closed is None:
        return fill((("? ", "warn"), ("the run has no last record", "warn")), width)
    good = state.closed.classification is Classification.BOUNDED_SUCCESS
    word = (f"{'✓' if good else '✗'} {words(state.closed.classification)}", "ok*" if good else "bad*")
    if state.promotion is None:
        return fill((word, (f"  {with_short_digests(state.closed.reason)}", "text")), width)
    promoted = state.promotion.disposition == "promoted"
    gates = [gate for gate in state.promotion.gates if not gate.passed]
    why = "" if not gates else f" ({gates[0].gate} {gates[0].value}, {gates[0].threshold})"
    standing = (f"{state.promotion.disposition}{why}", "ok" if promoted else "warn")
    published = (f" · publish {state.promotion.publish_disposition}: {state.promotion.publish_reason}", "muted")
    return fill((word, (" · ", "muted"), standing, published), width)


def _scores(view: View, width: int) -> Row:
    state = view.snapshot.state
    if not state.scores:
        return _proof(view, width)
    names = view.snapshot.names
    row: list[tuple[str, str]] = []
    for score in state.scores:
        best = score.subject == "merge"
        row += [
            (f"{names.get(score.subject, score.subject)} ", "muted"),
            (loss(score.mean_loss), "bright*" if best else "text"),
        ]
        row.append(("  ", ""))
    figures = {score.subject: score.mean_loss for score in state.scores}
    if "base" in figures and "merge" in figures:
        gain = figures["base"] - figures["merge"]
        row.append(
            (f"✓ {gain:.3f} under base" if gain > 0 else f"▲ {-gain:.3f} over base", "ok" if gain > 0 else "warn")
        )
    return labelled("held-out", tuple(row), width, 9)


def _bundle(view: View, width: int) -> Row:
    if view.bundle is None and view.blind is not None:
        return labelled("bundle", (("✗ gone: ", "bad"), (view.blind.why, "text")), width, 9)
    if view.bundle is None:
        return labelled("bundle", (("being written", "muted"),), width, 9)
    return labelled("bundle", ((_tail(view.bundle, width - 9), "text"),), width, 9)


def _proof(view: View, width: int) -> Row:
    """Where it says why the run stopped: the record that the condition rests on."""
    stopped = next((one for one in view.snapshot.conditions if one.verdict in (Verdict.STOP, Verdict.REPLAY)), None)
    if stopped is None or stopped.evidence is None:
        return labelled("scores", (("none: the run ended before held-out scoring", "muted"),), width, 9)
    where = f"#{stopped.evidence.seq} of {stopped.evidence.file}"
    row: Row = (
        (view.keys("app.evidence"), "bright*"),
        (" opens ", "muted"),
        (where, "digest"),
        (f"  ✗ {stopped.label}", "bad"),
    )
    return labelled("proof", row, width, 9)


def _next(view: View, width: int) -> Row:
    """What the operator can do with it, as far as it would work now."""
    check: Row = ((view.keys("place.checks"), "bright*"), (" and ", "muted"), (view.keys("checks.verify"), "bright*"),
                  (" verify it", "text"))  # fmt: skip
    row: list[tuple[str, str]] = []
    closed = view.snapshot.state.closed
    refused = closed is not None and closed.classification is Classification.REFUSED_BRINGUP
    for binding, what in (*(AFTER_A_REFUSAL if refused else ()), *OFFERED):
        act = [(view.keys(binding), "bright*"), (f" {what}", "text"), (" · ", "muted")]
        if binding not in view.blocked and row_width((*row, *act, *check)) <= width - 9:
            row += act
    command = f"swarm check real-run --bundle {view.bundle}"
    if view.bundle is not None and row_width(tuple(row)) + width_of(command) < width - 9:
        check = ((command, "bright"),)
    return labelled("next", (*row, *check), width, 9)


def _tail(path: str, width: int) -> str:
    """The end of a path says more than its beginning."""
    return path if width_of(path) <= width else "…" + path[-(width - 1) :]
