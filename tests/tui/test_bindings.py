"""No key escapes the list: what `--keys` prints, help shows, the palette offers and settings remap is all there is."""

import importlib
import pkgutil

from textual.binding import Binding
from textual.dom import DOMNode

import console.tui
from console.tui.bindings import all_bindings


def declared() -> list[tuple[type[DOMNode], Binding]]:
    """Every binding of every class of ours."""
    for module in pkgutil.walk_packages(console.tui.__path__, "console.tui."):
        importlib.import_module(module.name)
    found: list[tuple[type[DOMNode], Binding]] = []
    waiting: list[type[DOMNode]] = [DOMNode]
    while waiting:
        owner = waiting.pop()
        waiting += owner.__subclasses__()
        if owner.__module__.startswith("console.tui"):
            assert not [one for one in owner.__dict__.get("BINDINGS", ()) if not isinstance(one, Binding)], owner
            found += [(owner, one) for one in owner.__dict__.get("BINDINGS", ())]
    return found


def test_every_key_of_every_widget_is_in_the_list() -> None:
    listed = {binding.id for _, binding in all_bindings()}
    keys = {binding.id for _, binding in declared()}
    assert len(keys) > 50
    assert keys == listed


def test_every_key_has_a_name_of_its_own_and_says_what_it_does() -> None:
    names: dict[str, Binding] = {}
    for owner, binding in declared():
        assert binding.id, (owner, binding)
        assert binding.tooltip, (owner, binding)
        assert binding.description, (owner, binding)
        assert names.setdefault(binding.id, binding) == binding, f"{binding.id} names two keys"


def test_no_key_needs_what_a_terminal_may_not_send() -> None:
    """Plain letters, digits, F-keys, and the keys that move: nothing that tmux, a Mac or SSH would keep for itself. But
    for ^Z, which suspends every other program of a terminal."""
    for _, binding in declared():
        for key in (key for key in binding.key.split(",") if key != "ctrl+z"):
            assert not any(part in ("ctrl", "alt", "super", "meta", "shift") for part in key.split("+")[:-1]), binding


def test_the_same_key_does_not_mean_two_things_in_one_place() -> None:
    places: dict[str, dict[str, str]] = {}
    for where, binding in all_bindings():
        taken = places.setdefault(where, {})
        for key in binding.key.split(","):
            assert key not in taken, f"{where}: {key} is {taken[key]} and {binding.id}"
            taken[key] = str(binding.id)
