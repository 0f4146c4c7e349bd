"""A bring-up host by host: how far each is while it goes on, and what it came to, with the rules that were broken."""

import re

from console.observation.figures import seconds, size, words
from console.observation.plain import plain
from console.tui.drawing.text import Row, pad, wrap
from console.tui.key_names import KeyNames

_TOLD = re.compile(r"^(\S+): ([0-9.]+) s  (.*)$")
_ENDED = re.compile(r"^(\S+)  (\w+)  (.+)$")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BYTES = re.compile(r"\b(\d{7,15}) bytes")
READY = "ready_to_attempt"
NAME = 18


def going_rows(narration: str, elapsed_ms: int, width: int) -> tuple[Row, ...]:
    """The last word of each host, in the order in which they began."""
    last: dict[str, tuple[str, str]] = {}
    for line in narration.splitlines():
        if (told := _TOLD.match(line)) is not None:
            last[told[1]] = (told[2], told[3])
    if not last:
        return ((("◌ ", "warn"), (f"asking the lane which hosts it has  {seconds(elapsed_ms)}", "text")),)
    rows: list[Row] = []
    for host, (at, said) in last.items():
        over = said == READY or said.startswith(("refused", "no report"))
        glyph = ("✓ ", "ok") if said == READY else ("✗ ", "bad") if over else ("◌ ", "accent")
        took = f"{at} s" if over else f"{seconds(elapsed_ms)} so far"
        first, *more = wrap(plain(said if not over else words(said)), max(20, width - NAME - 17), 4) or ("",)
        rows.append((glyph, (f"{pad(plain(host), NAME)} ", "bright*"), (pad(took, 14), "bright"), (first, "text")))
        rows += [((" " * (NAME + 17), ""), (line, "text")) for line in more]
    return tuple(rows)


def ended_rows(result: str, keys: KeyNames, width: int, *, whole: bool) -> tuple[Row, ...]:
    """As `swarm bringup lane` prints it: each host, its verdict, each rule; not `whole`: the broken ones."""
    rows: list[Row] = []
    held = 0
    for line in result.splitlines():
        if not whole and line.startswith("  ok "):
            held += 1
            continue
        if held and not line.startswith("  NO "):
            rows.append(
                (("  ✓ ", "ok"), (f"{held} rules hold", "text"), (keys.told("  <app.pager> shows each"), "muted"))
            )
            held = 0
        if not line.startswith(" ") and (ended := _ENDED.match(line)) is not None:
            good = ended[2] == READY
            rows += [()] if rows else []
            word = (f"{'✓' if good else '✗'} {words(ended[2])}", "ok*" if good else "bad*")
            rows.append(((f"{pad(plain(ended[1]), NAME)} ", "bright*"), word))
            if _DIGEST.fullmatch(ended[3]):
                rows.append((("  report ", "muted"), (ended[3], "digest")))
            else:
                rows += [((f"  {part}", "text"),) for part in wrap(plain(ended[3]), width - 2, 8)]
        elif line.startswith("  NO "):
            rows += [((("  ✗ " if not place else "    ") + part, "bad"),)
                     for place, part in enumerate(wrap(_sized(plain(line[6:])), width - 4, 4))]  # fmt: skip
        elif line.startswith("  ok "):
            rows.append((("  ✓ ", "ok"), (_sized(plain(line[6:])), "text")))
        else:
            rows += [((f"  {part}", "muted"),) for part in wrap(plain(line), width - 2, 3)]
    return tuple(rows)


def _sized(text: str) -> str:
    return _BYTES.sub(lambda found: size(int(found[1])), text)
