"""Text of another host, made harmless: no control characters, no change of direction, no stacking."""

import unicodedata

STAND_IN = "\u00b7"  # the whole, escaped text stays readable in the record's detail
_RIGHT_TO_LEFT = {"R", "AL", "AN", "RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}


def plain(text: str, limit: int = 400) -> str:
    """At most `limit` characters that each keep to their own cell, on one line."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text  # itself, as nearly every one is
    cut = text[:limit]
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(_harmless(char) for char in cut)
    return cut if len(text) <= limit else cut[:-1] + "…"


def _harmless(char: str) -> str:
    if char in "\n\r\t\u2028\u2029":
        return " "
    category = unicodedata.category(char)
    if category in ("Mn", "Me"):
        return ""
    if category[0] == "C" or unicodedata.bidirectional(char) in _RIGHT_TO_LEFT:
        return STAND_IN
    return char
