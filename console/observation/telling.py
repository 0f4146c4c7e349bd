"""What one line of text about a record is made of: the words, and how they should strike the eye."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Tone(StrEnum):
    BEAT = "beat"
    PLAIN = "plain"
    FACT = "fact"  # a decision, or something that was made
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Telling:
    text: str
    tone: Tone = Tone.PLAIN


Teller = Callable[[Any], Telling]
