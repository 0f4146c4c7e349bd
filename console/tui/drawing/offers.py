"""What a line of words offers: the pieces that name a key, each of them pressed by a click."""

import re
from typing import NamedTuple

from console.tui.drawing.text import width_of
from console.tui.key_names import KeyNames

_NAMED = re.compile(r"<([a-z]+\.[a-z-]+)>")
_SEPARATORS = re.compile(r"( · |, )")


class Offer(NamedTuple):
    """`binding` is the id of the key that it names; empty where it names none."""

    text: str
    binding: str = ""


def offers(told: str, keys: KeyNames) -> tuple[Offer, ...]:
    """`3 lines · <leaf.back> back`, in its pieces. One that names two keys is pressed as the first."""
    found = []
    for piece in _SEPARATORS.split(told):
        named = _NAMED.search(piece)
        found.append(Offer(keys.told(piece), named[1] if named else ""))
    return tuple(found)


def offer_at(pieces: tuple[Offer, ...], x: int) -> int:
    """The piece at a cell; -1 where nothing is offered."""
    end = 0
    for place, piece in enumerate(pieces):
        begin, end = end, end + width_of(piece.text)
        if begin <= x < end:
            return place if piece.binding else -1
    return -1
