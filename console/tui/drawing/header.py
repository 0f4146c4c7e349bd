"""The first two lines: which run, how it stands, and the sentence."""

from console.observation.figures import clock, problems, seconds
from console.tui.drawing.offers import Offer
from console.tui.drawing.places import standing
from console.tui.drawing.run_state import display_state, run_state
from console.tui.drawing.text import Row, clip, clip_front, ends, fill, fit_words, row_width, width_of
from console.tui.key_names import KEY
from console.tui.view import BlindFor, Mode, View

LONG_MS = 10_000  # for a coordinator to write its first record
SEPARATOR = (" · ", "muted")  # before a piece of advice that can be left out
NAME = 12  # cells of a run's name that tell it from others; its lane gives way to them
LEAST = 16  # cells of a reason that are worth reading


def header(view: View, width: int) -> tuple[Row, ...]:
    """The run's name gives way to how the run stands and to what the console has to say of itself."""
    snapshot, state = view.snapshot, view.snapshot.state
    wide = width >= 120
    lane = f" {state.lane_id}  " if state.lane_id else "  "
    revision = "" if state.revision < 0 else f"  window 1 r{state.revision}" if wide else f"  r{state.revision}"
    standing, right = run_state(view), _marks(view, wide=wide)
    if state.records and wide:
        right = ((f"{snapshot.records} receipts  ", "muted"), *right)
    if 10 + NAME + len(lane + revision) + row_width((*standing, *right)) > width:
        lane, revision = " ", ""
    fixed: Row = (
        (" swarm", "bright*"),
        (lane, "muted"),
        (revision, "muted"),
        ("  ", ""),
        *standing,
        ("  ", ""),
        *right,
    )
    name = clip_front(view.title, width - row_width(fixed))
    left: Row = ((" swarm", "bright*"), (lane, "muted"), (name, "text"), (revision, "muted"), ("  ", ""), *standing)
    return (ends(left, right, width),)


def _marks(view: View, *, wide: bool) -> Row:
    marks = [*display_state(view)]
    bad = view.snapshot.bad
    if view.snapshot.records or bad:
        marks.append((f"{problems(bad)}  " if bad == 0 else f"✗ {problems(bad)}  ", "ok" if bad == 0 else "bad*"))
    marks.append((f"{clock(view.snapshot.moment.now.wall_ms)}Z ", "muted"))
    if wide and view.read_only:
        marks.append((" read-only ", "warn"))
    return tuple(marks)


def sentence(view: View, width: int) -> tuple[Row, ...]:
    row: Row = ((" ▸ ", "warn"), *view.keys.row(_spans(view)))
    if row_width(row) > width:
        row = _with_short_names(row, view)
    while row_width(row) > width and len(row) > 2 and (row[-1][1] == "muted" or row.count(SEPARATOR) > 1):
        row = _without_last_clause(row)
    return (fill(fit_words(_with_advice(row, width), width), width),)


def sentence_offers(view: View, width: int) -> tuple[Offer, ...]:
    """The sentence in its pieces: what it advises names a key, up to where the advice ends."""
    named = {view.keys(text): text for text, role in _spans(view) if role == KEY}
    found: list[Offer] = []
    binding = ""
    for text, role in sentence(view, width)[0]:
        binding = named.get(text, "") if role == "bright*" else binding if role == "text" else ""
        found.append(Offer(text, binding))
    return tuple(found)


def _spans(view: View) -> Row:
    match view.mode:
        case Mode.IDLE:
            spans: Row = _idle(view)
        case _ if view.blind is not None and view.snapshot.state.closed is None and view.mode is not Mode.LEFT:
            spans = _blind(view.blind)
        case _ if view.reading:
            spans = (
                ("reading the run's journals and checking their chains: ", "text"),
                (f"{view.counters.read:,} records so far", "bright"),
            )
        case Mode.STARTING:
            spans = (
                (f"waiting for the coordinator's first record since {seconds(view.waited_ms)}", "text"),
                *(
                    (SEPARATOR, ("app.pager", "key"), (" shows what it says", "text"))
                    if view.waited_ms > LONG_MS
                    else ()
                ),
                (" · it is starting up, some seconds", "muted"),
            )
        case _:
            spans = view.snapshot.sentence
    return spans


def _blind(blind: BlindFor) -> Row:
    """What stands on the screen is of then: whoever reads it must not take it for now."""
    if blind.wholly:
        return (
            (f"nothing of this run can be read for {seconds(blind.for_ms)}", "bad"),
            (f": {blind.why}", "text"),
            (" · what is shown is as of then", "muted"),
        )
    return (
        ("the coordinator's journal breaks off", "bad"),
        (f": {blind.why}", "text"),
        SEPARATOR,
        ("receipts.next", "key"),
        (" shows where", "text"),
        (" · what it does since isn't known", "muted"),
    )


def _idle(view: View) -> Row:
    row: list[tuple[str, str]] = [("no run is going on", "text")]
    if view.last is not None:
        row += [(" · the last one: ", "text"), standing(view.last)]
        row += [SEPARATOR, ("app.evidence", "key"), (" shows the proof", "text")] if view.last.bundle else []
    row += [SEPARATOR, ("place.viewer", "key"), (" opens a retained one", "text")]
    if view.read_only:
        return (*row, (" · read-only", "muted"))
    at = len(row) - 3
    return (*row[:at], SEPARATOR, ("app.start", "key"), (" starts one on this machine", "text"), *row[at:])


def _with_advice(row: Row, width: int) -> Row:
    """What can be done stays whole: the longest piece before it is cut instead."""
    if row_width(row) <= width or SEPARATOR not in row:
        return row
    place = max(range(row.index(SEPARATOR)), key=lambda one: width_of(row[one][0]))
    room = width - row_width((*row[:place], *row[place + 1 :]))
    if room < LEAST:
        return row[: row.index(SEPARATOR)]
    return (*row[:place], (clip(row[place][0], room), row[place][1]), *row[place + 1 :])


def _with_short_names(row: Row, view: View) -> Row:
    """A host has two names; a bound has one."""
    names = view.snapshot.names
    for name in sorted(names, key=len, reverse=True):
        row = tuple((text.replace(name, names[name]), role) for text, role in row)
    return row


def _without_last_clause(row: Row) -> Row:
    """Advice goes first when there is no room, then the muted rest."""
    text, role = row[-1]
    if role != "muted":
        return row[: len(row) - 1 - row[::-1].index(SEPARATOR)]
    cut = text.rpartition(" · ")[0]
    return (*row[:-1], (cut, role)) if cut.strip() else row[:-1]
