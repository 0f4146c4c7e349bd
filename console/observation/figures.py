"""Numbers as people read them: short, with units, of steady width."""

import re
from datetime import UTC, datetime

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def clock(wall_ms: int, *, tenths: bool = False) -> str:
    """Time of day in UTC; `--:--:--` for a moment that no calendar has."""
    try:
        moment = datetime.fromtimestamp(wall_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return "--:--:--.-" if tenths else "--:--:--"
    text = moment.strftime("%H:%M:%S")
    return f"{text}.{moment.microsecond // 100_000}" if tenths else text


def seconds(ms: float) -> str:
    """`0.4 s`, `61 s`, `12 min`: one decimal where it can still be watched."""
    value = ms / 1000
    if value < 60:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if value < 600 else f"{value / 60:.0f} min"


def whole(ms: float) -> str:
    """`0 s`, `41 s`, `12 min`: where tenths would only flicker."""
    value = int(ms / 1000)
    return f"{value} s" if value < 600 else f"{value // 60} min"


def bound(ms: float) -> str:
    """A limit: `15 s`, `7.5 s`."""
    return f"{ms / 1000:g} s"


def elapsed(ms: int) -> str:
    """`00:12`, `1:02:03`."""
    minutes, rest = divmod(max(0, ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def size(value: int) -> str:
    """Bytes in decimal units: `262 KB`, `6.1 GB`."""
    amount = float(value)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit in ("B", "KB") or amount >= 99.95 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def short(digest: str | None) -> str:
    """`9f3c·41ab`: for eyes; the whole digest stands in the record's detail."""
    return f"{digest[:4]}·{digest[4:8]}" if digest else "none"


def with_short_digests(text: str) -> str:
    """A reason for eyes: what else it says would have no room beside 64 digits."""
    return _DIGEST.sub(lambda found: short(found[0]), text)


def loss(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def problems(count: int) -> str:
    """Records that ask to be looked at: `n` goes from one to the next."""
    return f"{count} problem" if count == 1 else f"{count} problems"


def words(label: str) -> str:
    """A closed word of ours for reading: `replay_required` becomes `replay required`."""
    return label.replace("_", " ")


def short_names(node_ids: tuple[str, ...]) -> dict[str, str]:
    """What tells nodes apart: `swarm-mac-a` and `swarm-linux-a` become `mac` and `linux`."""
    split = {node_id: node_id.split("-") for node_id in node_ids}
    shared = set.intersection(*(set(parts) for parts in split.values())) if len(split) > 1 else set()
    named = {node_id: "-".join(part for part in parts if part not in shared) for node_id, parts in split.items()}
    return {node_id: name or node_id for node_id, name in named.items()}
