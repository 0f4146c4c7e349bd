"""What a key is called on the screen: the operator's own where the settings name some."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.tui.keys import EVERYWHERE, shown_key

_IDS = {shown_key(binding.key): binding.id or "" for binding in EVERYWHERE}


@dataclass(frozen=True, slots=True)
class KeyNames:
    """`own` has keys by the id of their binding, comma separated; the first of several is the one that is told."""

    own: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, key: str, name: str = "") -> str:
        """`key` is the default one; `name` its binding, where that works in one place only."""
        own = self.pressed(key, name)
        return shown_key(own) if own else key

    def pressed(self, key: str, name: str = "") -> str:
        """The operator's own key as the terminal's driver names it; empty where it is the default."""
        return self.own.get(name or _IDS.get(key, ""), "").split(",")[0]

    def row(self, row: "tuple[tuple[str, str], ...]") -> "tuple[tuple[str, str], ...]":
        """Advice that was written of default keys: those stand by themselves, bold and bright."""
        return tuple((self(text) if role == "bright*" else text, role) for text, role in row) if self.own else row
