"""The styles of every theme, each parsed once."""

from textual.css.model import RuleSet
from textual.css.stylesheet import CssSource, Stylesheet

_Known = tuple[dict[tuple[str, str], CssSource], list[RuleSet], dict[str, list[RuleSet]]]


class ThemedStylesheet(Stylesheet):
    """Textual parses everything anew for a theme, and again for every place that is seen first in it: 5 ms of a key."""

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._known: dict[frozenset[tuple[str, str]], _Known] = {}

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        theme = frozenset(self._variables.items())
        known = self._known.get(theme)
        if known is not None and known[0] == self.source:
            _, self._rules, self._rules_map = known
            self._require_parse = False
            return
        super().reparse()
        self._known[theme] = (self.source.copy(), self._rules, self.rules_map)
