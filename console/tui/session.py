"""What a console was left with, so that the next one begins there. Nothing depends on it."""

import contextlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

MAX_BYTES = 16 * 1024
PLACES = ("dashboard", "receipts", "drills", "checks", "viewer")


@dataclass(frozen=True, slots=True)
class Session:
    place: str = ""
    filter: str = ""
    theme: str = ""
    lane: str = ""
    way: str = ""  # to its contributor, as the acts call it; empty for the lane's own


def read_session(path: Path) -> Session:
    """An empty one where there is none, or none that can be read: a broken note stops nobody."""
    try:
        with path.open("rb") as stream:
            body = json.loads(stream.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return Session()
    if not isinstance(body, dict):
        return Session()
    said = {field.name: body.get(field.name) for field in fields(Session)}
    kept = {name: value for name, value in said.items() if isinstance(value, str) and len(value) <= 400}
    if kept.get("place") not in PLACES:
        kept.pop("place", None)
    return Session(**kept)


def keep_session(path: Path, session: Session) -> None:
    """By one rename; a folder that can't be written is no reason to say anything on the way out."""
    draft = path.with_name(f"{path.name}.new")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(asdict(session), indent=2, sort_keys=True))
        draft.replace(path)
