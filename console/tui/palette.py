"""The command palette: every act and every key by name, refused ones and those of other places with the reason."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

if TYPE_CHECKING:
    from console.tui.app import SwarmApp


def commands(app: "SwarmApp", screen: Screen[object]) -> Iterable[SystemCommand]:
    """`screen` is the one below the palette. What works elsewhere is found by its name, and not listed."""
    from console.tui.bindings import all_bindings

    names = app.key_names
    active = {one.binding.id: one.node for one in screen.active_bindings.values()}
    for where, binding in all_bindings():
        reason = app.reason_against(binding.id)
        elsewhere = where != "everywhere" and binding.id not in active
        if reason is None and elsewhere:
            reason = f"works {where}"
        words = (
            f"{' '.join(names.every(str(binding.id)))}  {names.told(binding.tooltip)}"
            if reason is None
            else f"not now: {reason}"
        )
        yield SystemCommand(
            binding.description, words, _command(app, binding, active.get(binding.id, app), reason), not elsewhere
        )
    for name in sorted(app.themes):
        yield SystemCommand(f"theme {name}", "use this theme", lambda name=name: setattr(app, "theme", name))


def _command(app: "SwarmApp", binding: Binding, node: DOMNode, reason: str | None) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        if reason is not None:
            app.notice(f"× {binding.description}: {reason}", "warn")
            return
        await app.run_action(binding.action, node)

    return run
