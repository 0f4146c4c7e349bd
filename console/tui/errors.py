"""What can go wrong on the screen's side."""


def in_words(error: Exception) -> str:
    """In words: of the operating system's errors what and where, without its number."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error) or type(error).__name__
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror


class ScreenError(Exception):
    """Base of what the console can refuse."""


class ThemeError(ScreenError):
    """A theme file doesn't hold what a theme needs."""


class ActRefused(ScreenError):
    """An act of the operator was not carried out; the message says why and what would enable it."""
