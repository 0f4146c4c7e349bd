"""What can go wrong on the screen's side."""


class ScreenError(Exception):
    """Base of what the console can refuse."""


class ThemeError(ScreenError):
    """A theme file doesn't hold what a theme needs."""


class ActRefused(ScreenError):  # noqa: N818 - the noun is what happened to the act
    """An act of the operator was not carried out; the message says why and what would enable it."""
