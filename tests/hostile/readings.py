"""A true reading of a card, and changes to it."""

from typing import Any

CARD = {
    "used_bytes": 12_026_322_944, "total_bytes": 17_171_480_576, "busy_percent": 93, "temperature_c": 71,
    "power_mw": 304_881, "power_limit_mw": 320_000, "slowing": ["sw_power_cap"], "processes": 2,
}  # fmt: skip
HELD = {"arrays_bytes": 9_000, "cached_bytes": 500, "peak_bytes": 9_500, "recommended_bytes": None}


def said(**changes: Any) -> dict[str, Any]:
    """A true body, with changes to it (`device_label`, `held`, `card`, `trouble`)."""
    return {"device_label": "cuda:0", "held": dict(HELD), "card": dict(CARD), "trouble": None} | changes
