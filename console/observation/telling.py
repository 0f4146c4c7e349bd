"""What one line of text about a record is made of: the words, and how they should strike the eye."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple


class Tone(StrEnum):
    BEAT = "beat"
    PLAIN = "plain"
    FACT = "fact"  # a decision, or something that was made
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Telling(NamedTuple):
    text: str
    tone: Tone = Tone.PLAIN


Teller = Callable[[Any], Telling]
