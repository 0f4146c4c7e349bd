"""An evidence snapshot: the screen as it looks, the state behind it, and a digest of both."""

import re
import shutil
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from runners.contract.canonical import readable_bytes, sha256_hex
from runners.contract.document import Word
from runners.records.durable import create_once
from runners.records.errors import RecordsError

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")  # a run id may be a stranger's
BOUNDARY = "What one console showed at one moment; the journals are the evidence, this is a view of them."


def take_snapshot(folder: Path, shown: object, svg: str, *, run_id: str, wall_ms: int) -> tuple[Path, str]:
    """Writes `screen.svg`, `state.json` and `snapshot.json` with their digests; returns the folder and that digest.

    `shown` is the frozen data that was drawn. It is what this console saw: it proves nothing that the journals don't,
    and says so. Raises OSError, RecordsError, and leaves nothing then.
    """
    moment = datetime.fromtimestamp(wall_ms / 1000, UTC)
    place = (
        folder / f"{_FOREIGN.sub('_', run_id)[:96] or 'no-run'}-{moment.strftime('%Y%m%dT%H%M%S')}.{wall_ms % 1000:03}Z"
    )
    screen, state = svg.encode(), readable_bytes(_plain(shown))
    place.mkdir(parents=True)
    about = {
        "schema_version": "swarm.console_snapshot.v1",
        "run_id": run_id,
        "wall_ms": wall_ms,
        "screen_sha256": sha256_hex(screen),
        "state_sha256": sha256_hex(state),
        "claim_boundary": BOUNDARY,
    }
    raw = readable_bytes(about)
    try:
        for name, body in (("screen.svg", screen), ("state.json", state), ("snapshot.json", raw)):
            create_once(place / name, body)
    except (OSError, RecordsError):
        shutil.rmtree(place, ignore_errors=True)
        raise
    return place, sha256_hex(raw)


def _plain(value: Any) -> Any:
    """Frozen data as JSON: dataclasses and named tuples by their fields, documents by their own form."""
    if isinstance(value, Word):
        return value.to_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no word for it
    return {name: _plain(one) for name, one in value.items()} if isinstance(value, dict) else value
