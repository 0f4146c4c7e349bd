"""Passing words to the operator, in place of the keys, for some seconds."""

NOTICE_MS = 5000
READING_MS = 50  # for each character past those of a short line
SHORT = 80

Notice = tuple[str, str]  # text, and the role of its colour


class Notices:
    """The newest word, until its time is over."""

    def __init__(self) -> None:
        self._said: Notice | None = None
        self._until_ms = 0

    def say(self, text: str, role: str, now_ms: int) -> None:
        self._said, self._until_ms = (text, role), now_ms + NOTICE_MS + READING_MS * max(0, len(text) - SHORT)

    def at(self, now_ms: int) -> Notice | None:
        if now_ms >= self._until_ms:
            self._said = None
        return self._said

    def unsay(self) -> None:
        self._until_ms = 0
