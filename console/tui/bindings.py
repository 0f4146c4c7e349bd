"""Every key of the console in one list: what `--keys` prints and what settings may change."""

from textual.binding import Binding

from console.tui.keys import EVERYWHERE
from console.tui.screens.checks import Checks
from console.tui.screens.confirm import Question
from console.tui.screens.countdown import Countdown
from console.tui.screens.file import FilePage
from console.tui.screens.fixed import Leaf, Record
from console.tui.screens.kept import KeptPage
from console.tui.screens.lane import LanePage
from console.tui.screens.viewer import Viewer
from console.tui.widgets.filter_line import FilterLine
from console.tui.widgets.lines import LineView
from console.tui.widgets.panel import Panel
from console.tui.widgets.receipts import ReceiptsView

OWNERS = (
    ("in a list", LineView),
    ("on a panel", Panel),
    ("in receipts", ReceiptsView),
    ("in a filter", FilterLine),
    ("in checks", Checks),
    ("in the viewer", Viewer),
    ("in a kept run", KeptPage),
    ("in a file", FilePage),
    ("in a record", Record),
    ("among lanes", LanePage),
    ("in a page", Leaf),
    ("in a question", Question),
    ("while a drill counts down", Countdown),
)


def all_bindings() -> tuple[tuple[str, Binding], ...]:
    """Where each works, and the binding."""
    found = [("everywhere", binding) for binding in EVERYWHERE]
    for where, owner in OWNERS:
        found += [(where, binding) for binding in owner.BINDINGS if isinstance(binding, Binding)]
    return tuple(found)


def keys_table() -> str:
    """`id  keys  what it does`, one a line."""
    lines = []
    for where, binding in all_bindings():
        lines.append(f"{binding.id:<22} {binding.key:<34} {binding.tooltip} ({where})")
    return "\n".join(lines)
