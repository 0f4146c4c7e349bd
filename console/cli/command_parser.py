"""What every command line of ours has: pages that are worth reading, and errors that say what to do next."""

import argparse
import re
import textwrap
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from console.cli.errors import USAGE
from console.cli.examples import EXAMPLES

NUMBERS: dict[object, str] = {int: "a whole number", float: "a number"}
MISSING = "the following arguments are required: "  # argparse's own words
_TERM = re.compile(r" +\S+(?: \S+)*? {2,}")  # of a line `  term   what it is`


class Page(argparse.HelpFormatter):
    """Paragraphs are filled; a list stays one, and what is longer than a line goes on below its second column."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(self._paragraph(one, width, indent) for one in text.split("\n\n"))

    def _paragraph(self, text: str, width: int, indent: str) -> str:
        lines = text.splitlines()
        if not any(line.startswith(" ") for line in lines):
            return super()._fill_text(text, width, indent)
        return "\n".join(indent + part for line in lines for part in _hung(line, width - len(indent)))


def _hung(line: str, width: int) -> list[str]:
    term = _TERM.match(line)
    if len(line) <= width or term is None:
        return [line]
    return textwrap.wrap(line, width, subsequent_indent=" " * term.end(), break_on_hyphens=False, drop_whitespace=True)


class CommandParser(argparse.ArgumentParser):
    """The parsers below it are of its kind."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"formatter_class": Page, "allow_abbrev": False, **options})

    def format_help(self) -> str:
        if self.epilog is None and (lines := EXAMPLES.get(self.prog.removeprefix("swarm "))):
            self.epilog = "examples:\n" + "\n".join(f"  {line}" for line in lines)
        return super().format_help()

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """The command itself says which of its arguments it doesn't know; argparse leaves that to the topmost."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            known = [option for action in self._actions for option in action.option_strings]
            self.error(f"expected one of its arguments, got {' '.join(rest)}{_nearest(rest[0], known)}")
        return found, rest

    def error(self, message: str) -> NoReturn:
        if message.startswith(MISSING):
            message = f"expected {message.removeprefix(MISSING)}, got none"
        self.exit(USAGE, f"{self.prog}: {message}; `{self.prog} --help` has what it takes, with examples\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = [str(name) for name in action.choices]
            said = f"expected {', '.join(names[:-1])} or {names[-1]}" if names[1:] else f"expected {names[0]}"
            raise argparse.ArgumentError(action, f"{said}, got {value!r}{_nearest(str(value), names)}")

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            wanted = NUMBERS.get(action.type)
            if wanted is None:
                raise
            raise argparse.ArgumentError(action, f"expected {wanted}, got {arg_string!r}") from error


def _nearest(word: str, names: Iterable[str]) -> str:
    near = get_close_matches(word, list(names), 1)
    return f" (did you mean {near[0]}?)" if near else ""
