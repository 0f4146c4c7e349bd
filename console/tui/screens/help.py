"""Help, made from the bindings themselves, the glossary of glyphs, and the thresholds in force."""

from textual.binding import Binding

from console.observation.figures import bound
from console.tui.drawing.text import Row, pad
from console.tui.screens.fixed import Leaf, Record
from console.tui.view import View
from console.tui.widgets.lines import LineView
from console.tui.widgets.receipts import ReceiptsView

GLYPHS = (
    ("● LIVE", "ok", "the coordinator holds the runner for alive"),
    ("▲ STALE IN", "warn", "no beat for half the bound; counted here, decided there"),
    ("! STALE", "bad", "the coordinator's word: the revision needs a replay, for good"),
    ("✗ LOST", "bad", "the coordinator's word: the contributor has departed"),
    ("= LINK DOWN", "warn", "the way to the host is down; the runner may well live"),
    ("? NO DATA", "muted", "nothing was heard of it yet"),
    ("|| PAUSED +N", "warn", "the display stands still; N receipts came meanwhile"),
    ("<< NOT LIVE", "warn", "a retained run: what you see is not now"),
    ("% OBSERVER GAP", "warn", "this console itself was late; no host is blamed for it"),
    ("✓", "ok", "digest, chain and own signature were checked"),
    ("≈", "muted", "chained to a line whose signature was checked; its own is next"),
    ("N bad", "bad", "records that failed verification or report a fault"),
)


class Help(Leaf):
    TITLE_TEXT = "help"

    def rows(self, view: View, width: int) -> tuple[Row, ...]:  # noqa: ARG002
        rows: list[Row] = []
        for title, bindings in (
            ("everywhere", list(type(self.app).BINDINGS)),
            ("in a list", list(LineView.BINDINGS)),
            ("in receipts", list(ReceiptsView.BINDINGS)),
            ("in a record", list(Record.BINDINGS)),
        ):
            rows += [((title, "bright*"),), *(self._key(one) for one in bindings if isinstance(one, Binding)), ()]
        rows += [(("glyphs", "bright*"),), *(((f"  {pad(g, 16)}", r), (t, "text")) for g, r, t in GLYPHS), ()]
        return (*rows, *_thresholds(view))

    def _key(self, binding: Binding) -> Row:
        reason = self.app.reason_against(binding.id)  # type: ignore[attr-defined]
        keys = " ".join(_display(key) for key in (binding.key_display or binding.key).split(","))
        row: Row = (
            (f"  {pad(keys, 14)}", "bright*"),
            (pad(binding.description, 18), "text"),
            (binding.tooltip, "muted"),
        )
        return row if reason is None else (*row, (f"  not now: {reason}", "warn"))


def _display(key: str) -> str:
    return {"question_mark": "?", "colon": ":", "full_stop": ".", "space": "space", "escape": "esc"}.get(key, key)


def _thresholds(view: View) -> tuple[Row, ...]:
    policies = view.snapshot.state.policies
    if policies is None:
        return ((("thresholds", "bright*"), ("  of the run that is watched: none", "muted")),)
    named = (
        ("heartbeat", policies.heartbeat_ms, "between two signs of life"),
        ("stale", policies.stale_ms, "without a beat: the revision needs a replay"),
        ("lost", policies.loss_ms, "without a beat: the contributor has departed"),
        ("skew", policies.skew_ms, "between the contributors' uploads"),
        ("skew wait", policies.skew_wait_ms, "more for the slower one, then a replay"),
        ("prepare", policies.prepare_ms, "for one host to be ready"),
        ("replay", policies.replay_ms, "for the validator to do one contribution again"),
    )
    return (
        (("thresholds of this run", "bright*"),),
        *(((f"  {pad(name, 16)}", "text"), (pad(bound(ms), 8), "bright"), (what, "muted")) for name, ms, what in named),
    )
