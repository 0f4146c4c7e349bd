"""An offline check on screen: how far it is, then its verdict and every finding."""

from console.observation.figures import words
from console.observation.plain import plain
from console.tui.drawing.gauges import bar
from console.tui.drawing.text import Row, wrap
from console.tui.verification import Verified

SIGNERS = {
    "unknown": "signed; whose key that is, --allowed-signers FILE would tell",
    "trusted": "signed by a key that you trust",
    "missing": "carries no signature",
    "bad": "the signature does not hold",
}


def verified_line(state: Verified | None) -> Row:
    """One line: not asked, running, or the verdict."""
    if state is None:
        return (("○ ", "muted"), ("not verified here yet", "muted"))
    if state.problem:
        return (("✗ ", "bad"), ("could not be verified: ", "bad*"), (state.problem, "text"))
    if state.consistent is None:
        share = bar(state.done / state.total, 24) if state.total else (("─" * 24, "line"),)
        count = f" rule {state.done + 1} of {state.total} " if state.total else " starting "
        return (*share, (count, "bright"), (words(state.rule), "muted"))
    signer: Row = ((f" · signer {state.signer}", "muted"),)
    took = (f" · {state.took_s:.1f} s", "muted")
    if state.consistent:
        # The old documents can only agree with each other: what they don't prove is listed below the line.
        word = "verified" if state.kind == "swarm" else "consistent with themselves"
        return (("✓ ", "ok"), (word, "ok*"), *signer, took)
    found = len(state.findings)
    return (("✗ ", "bad"), (f"NOT verified: {found} finding{'' if found == 1 else 's'}", "bad*"), *signer, took)


def verified_rows(state: Verified | None, width: int) -> tuple[Row, ...]:
    """The line, the facts, then every finding whole."""
    rows: list[Row] = [verified_line(state)]
    if state is None or not state.over:
        return tuple(rows)
    if state.consistent is not None:
        rows += _wrapped(f"signer {state.signer}: {SIGNERS.get(state.signer, '')}", width)
    rows += _wrapped(" · ".join(f"{count} {words(name)}" for name, count in state.facts if count), width)
    for finding in state.findings:
        for place, line in enumerate(wrap(plain(finding), width - 2, 4)):
            rows.append((("✗ " if place == 0 else "  ", "bad"), (line, "text")))
    for line in state.lines:
        rows += _wrapped(plain(line), width)
    return tuple(rows)


def _wrapped(text: str, width: int) -> tuple[Row, ...]:
    return tuple(((line, "muted"),) for line in wrap(text, width, 6) if line)
