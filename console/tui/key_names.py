"""What a key is called on the screen: the operator's own where the settings name some."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from console.tui.keys import shown_key

KEY = "key"  # the role of a span whose text is a binding's id
_NAMED = re.compile(r"<([a-z]+\.[a-z-]+)>")


@dataclass(frozen=True, slots=True)
class KeyNames:
    """A binding is asked for by its id. `own` has keys by id, comma separated, as settings remap them."""

    own: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, binding_id: str) -> str:
        """The first of its keys: the one that is told."""
        return shown_key(self.pressed(binding_id))

    def pressed(self, binding_id: str) -> str:
        """The same as the terminal's driver names it."""
        return self._keys(binding_id)[0]

    def all_pressed(self, binding_id: str) -> tuple[str, ...]:
        return tuple(self._keys(binding_id))

    def every(self, binding_id: str) -> tuple[str, ...]:
        return tuple(map(shown_key, self._keys(binding_id)))

    def told(self, text: str) -> str:
        """Words of ours that name keys: `<app.stop> stops it`."""
        return _NAMED.sub(lambda found: self(found[1]), text)

    def row(self, row: "tuple[tuple[str, str], ...]") -> "tuple[tuple[str, str], ...]":
        """A sentence of the observers, who know what can be done and not which key does it."""
        return tuple((self(text), "bright*") if role == KEY else (text, role) for text, role in row)

    def _keys(self, binding_id: str) -> list[str]:
        return (self.own.get(binding_id) or _defaults()[binding_id]).split(",")


@cache
def _defaults() -> dict[str, str]:
    from console.tui.bindings import all_bindings

    return {str(binding.id): binding.key for _, binding in all_bindings()}
