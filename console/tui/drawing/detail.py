"""A record in full: what was checked, where it lies, and its canonical content as lines."""

import json

from console.observation.detail import RecordDetail
from console.observation.plain import plain
from console.tui.drawing.text import Row, labelled, row_width, wrap
from console.tui.key_names import KeyNames

_DIGESTS = ("sha256", "digest", "key", "sig", "prev", "nonce")


def check_row(detail: RecordDetail) -> Row:
    return tuple(
        (f"✓ {check.name}  ", "ok") if check.passed else (f"✗ {check.name}  ", "bad*") for check in detail.checks
    )


def summary(detail: RecordDetail, width: int) -> tuple[Row, ...]:
    """For the pane beside the list: checks, place, and the body's own fields."""
    record = detail.record
    if record is None:
        return (check_row(detail), *((((check.detail, "text"),)) for check in detail.checks if not check.passed))
    head: Row = ((record.kind, "bright*"), (f"  #{record.seq}  ", "muted"))
    fits = row_width((*head, *check_row(detail))) <= width
    rows: list[Row] = [(*head, *check_row(detail)), ()] if fits else [head, check_row(detail)]
    rows += [
        labelled(
            "from",
            ((f"{record.node_id} ", "text"), (f"{record.role} r{record.revision} e{record.epoch}", "muted")),
            width,
            12,
        ),
        labelled("lies at", ((_place(detail), "text"), (f" @ {detail.ref.offset}", "muted")), width, 12),
        labelled("sha256", ((detail.sha256, "digest"),), width, 12),
        labelled("prev", ((record.prev, "digest"),), width, 12),
        (),
    ]
    for name, value in record.body.items():
        rows.append(
            labelled(name.replace("_", " ") + " ", ((_value(value), _role(name)),), width, min(23, width * 2 // 5))
        )
    return tuple(rows)


def _place(detail: RecordDetail) -> str:
    """A record's number counts within its own journal."""
    return f"#{detail.ref.seq} of {detail.ref.file}"


def _value(value: object) -> str:
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=True, sort_keys=True), 300)


def _role(name: str) -> str:
    return "digest" if name.endswith(_DIGESTS) else "text"


def full(detail: RecordDetail, keys: KeyNames, width: int, *, raw: bool = False) -> tuple[Row, ...]:
    """Every character of the record, in lines of at most `width` cells; `raw`: the bytes that were signed."""
    rows: list[Row] = [check_row(detail)]
    for check in detail.checks:
        rows += _told(check.name, plain(check.detail, 300), width)
    rows += _told("lies at", f"{_place(detail)} @ byte {detail.ref.offset}, {detail.ref.size} bytes", width)
    form = "the canonical bytes, as signed" if raw else "its JSON, indented"
    other = keys.told("<record.raw> indents them" if raw else "<record.raw> shows the bytes as signed")
    rows += [(), ((form, "bright*"), (f"  {other}", "muted"))]
    return (*rows, *(_bytes(detail.raw, width) if raw else content(detail, width)))


def _told(name: str, text: str, width: int) -> list[Row]:
    return [((f"{name if not at else '':<10}", "muted"), (line, "text"))
            for at, line in enumerate(wrap(text, width - 10, 5))]  # fmt: skip


def _bytes(raw: bytes, width: int) -> tuple[Row, ...]:
    text = raw.decode(errors="backslashreplace")
    safe = text if text.isascii() and text.isprintable() else json.dumps(text)[1:-1].replace('\\"', '"')
    return tuple(((safe[start : start + width], "text"),) for start in range(0, len(safe), max(1, width)))


def content(detail: RecordDetail, width: int) -> tuple[Row, ...]:
    """The canonical JSON, indented for reading; no character is left out."""
    rows: list[Row] = []
    for line in detail.readable.splitlines():
        # Hostile text stays whole here, but as escapes: nothing in it can move the cursor or turn the line around.
        safe = line if line.isascii() and line.isprintable() else json.dumps(line)[1:-1].replace('\\"', '"')
        name, mark, value = safe.partition(": ")
        first: Row = ((name + mark, "muted"), (value[: max(1, width - len(name + mark))], "text"))
        rows.append(first if mark else ((safe[:width], "text"),))
        rest = value[max(1, width - len(name + mark)) :] if mark else safe[width:]
        rows += [((rest[start : start + width], "text"),) for start in range(0, len(rest), max(1, width))]
    return tuple(rows)
