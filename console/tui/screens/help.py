"""Help, made from the bindings themselves, the glossary of glyphs, and the thresholds in force."""

from textual.binding import Binding

from console.observation.figures import bound
from console.observation.plain import plain
from console.tui.drawing.text import Row, pad, wrap
from console.tui.screens.fixed import Leaf
from console.tui.view import View

EVERYWHERE = "everywhere"
GLYPHS = (
    ("● LIVE", "ok", "the coordinator holds the runner for alive"),
    ("▲ STALE IN", "warn", "no beat for half the bound; counted here, decided there"),
    ("! STALE", "bad", "the coordinator's word: the revision needs a replay, for good"),
    ("✗ LOST", "bad", "the coordinator's word: the contributor has departed"),
    ("~ GRACE", "warn", "past the skew's bound: the coordinator waits once more for this one"),
    ("= LINK DOWN", "warn", "the way to the host is down; the runner may well live"),
    ("? NO DATA", "muted", "nothing was heard of it yet"),
    ("|| PAUSED +N", "warn", "the display stands still; N receipts came meanwhile"),
    ("<< NOT LIVE", "warn", "a retained run: what you see is not now"),
    ("% OBSERVER GAP", "warn", "this console itself was late; no host is blamed for it"),
    ("✓", "ok", "digest, chain and own signature were checked"),
    ("a", "muted", "a problem that the operator acknowledged by a signed act; n passes over it"),
    ("e", "bad", "the record on which the stop rests: n goes there first, e opens it"),
    ("≈", "muted", "chained to a line whose signature was checked; its own is next"),
    ("N problems", "bad", "records that failed verification or report a fault"),
    ("#N", "muted", "the record's number in the journal of who wrote it; every journal counts for itself"),
)


class Help(Leaf):
    TITLE_TEXT = "help"

    def __init__(self) -> None:
        super().__init__()
        self._here: set[str] = set()

    def rows(self, view: View, width: int) -> tuple[Row, ...]:
        """What works where the operator came from, then what works everywhere, the words, and the other places."""
        from console.tui.bindings import all_bindings

        sections: dict[str, list[Row]] = {}
        for where, binding in all_bindings():
            sections.setdefault(where, []).extend(self._key(binding))
        here = [where for where in sections if where in self._here]
        rest = [where for where in sections if where not in (*here, EVERYWHERE)]
        glyphs = [((f"  {pad(glyph, 16)}", role), (text, "text")) for glyph, role, text in GLYPHS]
        sections |= {"glyphs": [*glyphs], "thresholds of this run": [*_thresholds(view)]}
        rows: list[Row] = _of_the_settings(self.app.theme_problems, width)  # type: ignore[attr-defined]
        for title in (*here, EVERYWHERE, "glyphs", "thresholds of this run", *rest):
            rows += [((title, "bright*"),), *sections[title], ()]
        return tuple(rows)

    def on_mount(self) -> None:
        from console.tui.bindings import OWNERS

        below = self.app.screen_stack[-2]
        chain = below.focused.ancestors_with_self if below.focused else [below]
        self._here = {where for where, owner in OWNERS if any(isinstance(one, owner) for one in chain)}

    def _key(self, binding: Binding) -> tuple[Row, ...]:
        reason = self.app.reason_against(binding.id)  # type: ignore[attr-defined]
        keys = " ".join(_display(key) for key in self.app.keys_of(binding).split(","))  # type: ignore[attr-defined]
        row: Row = (
            (f"  {pad(keys, 14)}", "bright*"),
            (pad(binding.description, 18), "text"),
            (binding.tooltip, "muted"),
        )
        return (row,) if reason is None else (row, ((" " * 16, ""), (f"× not now: {reason}", "warn")))


def _of_the_settings(problems: tuple[str, ...], width: int) -> list[Row]:
    """What was wrong in the operator's settings and themes, whole; it was left out."""
    if not problems:
        return []
    lines = [line for problem in problems for line in wrap(plain(problem, 1000), width - 4, 4)]
    return [(("left out of your settings", "bright*"),), *((("  ▲ ", "warn"), (line, "text")) for line in lines), ()]


def _display(key: str) -> str:
    return {"question_mark": "?", "colon": ":", "full_stop": ".", "space": "space", "escape": "esc"}.get(key, key)


def _thresholds(view: View) -> tuple[Row, ...]:
    policies = view.snapshot.state.policies
    if policies is None:
        return ((("  no run is watched", "muted"),),)
    named = (
        ("heartbeat", policies.heartbeat_ms, "between two signs of life"),
        ("stale", policies.stale_ms, "without a beat: the revision needs a replay"),
        ("lost", policies.loss_ms, "without a beat: the contributor has departed"),
        ("skew", policies.skew_ms, "between the contributors' uploads"),
        ("skew wait", policies.skew_wait_ms, "more for the slower one, then a replay"),
        ("prepare", policies.prepare_ms, "for one host to be ready"),
        ("replay", policies.replay_ms, "for the validator to do one contribution again"),
    )
    return tuple(
        ((f"  {pad(name, 16)}", "text"), (pad(bound(ms), 8), "bright"), (what, "muted")) for name, ms, what in named
    )
