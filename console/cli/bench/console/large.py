"""P6: filters over many receipts, and files that no editor opens at once."""

import time
from collections.abc import Iterator

from console.cli.bench.console.place import BenchPlace
from console.cli.bench.console.terminal import Terminal
from console.cli.bench.figure import Figure, millis
from console.evidence.checks.layout import BUNDLE_FILE
from console.observation.facets import parse_filter
from console.observation.line import Proof, Ref
from console.observation.receipts import Row
from console.observation.telling import Tone

RECEIPTS = 100_000
LARGE_BYTES = 100_000_000
FILES = (
    ("a log", "large-a.log", b"2026-11-26T16:00:00Z info  runner  step 12 of 100000  loss 4.1  3.1 ms\n"),
    ("JSON", "large-b.txt", b'  "a name of some length": "and a value about as long as values are",\n'),
    ("one line of", "large-c.txt", b'{"values":[0.25,0.5,0.75,1.0,1.25,1.5,1.75,2.0]},'),
)


def filter_receipts(place: BenchPlace) -> Iterator[Figure]:
    tones = (Tone.BEAT, Tone.PLAIN, Tone.BAD, Tone.WARN)
    rows = [
        Row(at, at, f"swarm-{'mac' if at % 2 else 'linux'}-a", "contributor", "heartbeat" if at % 3 else "log",
            f"step {at} of 100000  loss 4.1", tones[at % 4], Ref("f", at, at, 1), "0" * 64, Proof.SIGNED)
        for at in range(RECEIPTS)
    ]  # fmt: skip
    for text in ("host:mac !kind:log verdict:problem loss", "99999"):
        wanted, taken = parse_filter(text), []
        for _ in range(place.pick(15, 5)):
            began = time.perf_counter()
            wanted.of(rows, range(len(rows)))
            taken.append(time.perf_counter() - began)
        yield Figure("P6", f"filter {RECEIPTS} receipts by {text!r}", "ms", millis(taken), 100, "p95")


def large_files(place: BenchPlace) -> Iterator[Figure]:
    scene = place.fresh()
    bundle = scene.root / "bundle"
    bundle.mkdir()
    (bundle / BUNDLE_FILE).write_text("{}\n")
    for _, name, line in FILES:
        (bundle / name).write_bytes(line * (LARGE_BYTES // len(line)))
    with scene.viewer(bundle) as terminal:
        terminal.wait_for("verdict", "timeline")
        for _ in range(6):  # to the page of logs, whose first one has the cursor
            terminal.press("l")
            terminal.settle(0.2)
        for number, (what, name, line) in enumerate(FILES):
            terminal.settle(0.2)
            opened, scrolled = [], []
            for _ in range(place.pick(5, 2)):
                opened.append(terminal.timed("\r", line[:40].decode().strip()))
                scrolled += [_moved(terminal, key) for key in place.pick(20, 6) * ("\x1b[6~",)]
                terminal.timed("\x1b", name)
                terminal.settle(0.2)
            if number + 1 < len(FILES):
                terminal.press("j")
            yield Figure("P6", f"first screen of {what} 100 MB", "ms", millis(opened), 500, "p95", place.size_text)
            yield Figure("P6", f"a page further in {what} 100 MB", "ms", millis(scrolled), 50, "p95", place.size_text)


def _moved(terminal: Terminal, key: str) -> float:
    """Until the first byte of the next page; the index still grows meanwhile."""
    terminal.drain(0.05)
    began = time.perf_counter()
    terminal.press(key)
    while len(terminal.read(2.0)) < 1000:  # the caption alone is shorter than a page
        pass
    return time.perf_counter() - began
