"""What a process printed, for a person in a hurry: the last line that means something first, noise folded."""

import re
from dataclasses import dataclass
from functools import lru_cache

from console.observation.plain import plain

_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-_])")
_NOISE = (
    re.compile(r"^\s*$"),
    re.compile(r"^\s*File \".*\", line \d+"),  # where in the code: the error itself stands below it
    re.compile(r"^Traceback \(most recent call last\)"),
    re.compile(r"^(During handling of|The above exception was)"),
    re.compile(r"^\s*[\^~]+\s*$"),
    re.compile(r"^\s{4,}\S"),  # a line of code in a traceback, or of a dump
    re.compile(r"(Deprecation|Future|User|Resource)Warning"),
    re.compile(r"\d%\|"),  # a progress bar
)  # none of them goes back over what it read: a line of another host may be long
LONGEST = 400
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class OutputLine:
    """`folded` lines of the same kind, or of noise, stand behind this one; `noise` is grey."""

    text: str
    folded: int = 0
    noise: bool = False


def last_meaningful(text: str) -> str:
    """The newest line that a person would want to hear; empty when there is none."""
    return next((line.text for line in readable(text) if not line.noise), "")


@lru_cache(maxsize=8)
def readable(text: str) -> tuple[OutputLine, ...]:
    """Newest first. Lines that only differ in their numbers are one, and a run of noise is one line of grey."""
    lines: list[OutputLine] = []
    shape = ""
    for raw in reversed(_lines(text)):
        noise = any(pattern.search(raw) for pattern in _NOISE)
        now = "noise" if noise else _DIGITS.sub("0", raw)
        if lines and now == shape:
            last = lines[-1]
            lines[-1] = OutputLine(last.text, last.folded + 1, last.noise)
        elif not noise or raw.strip():
            lines.append(OutputLine(plain(raw.strip() if noise else raw.rstrip(), LONGEST), 0, noise))
            shape = now
    return tuple(lines)


def _lines(text: str) -> list[str]:
    """What a terminal would have left standing: a carriage return begins the line again."""
    bare = _ESCAPE.sub("", text)
    return [line.rstrip("\r").rsplit("\r", 1)[-1] for line in bare.split("\n")]
