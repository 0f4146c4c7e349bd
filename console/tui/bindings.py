"""Every key of the console in one list: what `--keys` prints and what settings may change."""

from collections.abc import Mapping

from textual.app import App
from textual.binding import Binding

from console.tui.key_names import KeyNames
from console.tui.keys import EVERYWHERE
from console.tui.screens.checks import Checks
from console.tui.screens.confirm import Question
from console.tui.screens.countdown import Countdown
from console.tui.screens.file import FilePage
from console.tui.screens.fixed import Leaf, Record
from console.tui.screens.kept import KeptPage
from console.tui.screens.lane import LanePage
from console.tui.screens.place import Place
from console.tui.screens.viewer import Viewer
from console.tui.widgets.filter_line import FilterLine
from console.tui.widgets.lines import LineView
from console.tui.widgets.panel import Panel
from console.tui.widgets.receipts import ReceiptsView

OWNERS = (
    ("between panels", Place),
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


_BESIDE_OTHERS = (
    "everywhere",
    "between panels",
    "in a list",
    "on a panel",
    "in a page",
)  # work together with those of a place


def remapped(asked: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The operator's keys that can be had, and what is wrong with the others: a key has one meaning in one place, so
    that nobody stops a run who wanted to leave."""
    kept, problems = dict(App._normalize_keymap(asked)), []
    default = {str(binding.id): binding.key for _, binding in all_bindings()}
    for name, keys in list(kept.items()):
        for where, binding in all_bindings():
            other = str(binding.id)
            taken = set(keys.split(",")) & set(kept.get(other, binding.key).split(","))
            before = set(default[name].split(",")) & set(binding.key.split(","))
            if other != name and taken - before and _together(name, where):
                problems.append(f"keys.{name}: {min(taken)} is {other} already; {name} keeps {default[name]}")
                del kept[name]
                break
    return kept, tuple(problems)


def _together(name: str, where: str) -> bool:
    here = next(place for place, binding in all_bindings() if binding.id == name)
    return here == where or here in _BESIDE_OTHERS or where in _BESIDE_OTHERS


def keys_table() -> str:
    """`id  keys  what it does`, one a line."""
    lines = []
    for where, binding in all_bindings():
        lines.append(f"{binding.id:<22} {binding.key:<34} {KeyNames().told(binding.tooltip)} ({where})")
    return "\n".join(lines)
