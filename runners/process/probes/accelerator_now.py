"""What the accelerator holds and does, as the record has it: figures that can't be are left out, never mended."""

import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import TypeAdapter

from runners.contract.figures import MOST_BYTES
from runners.contract.node_records import (
    MOST_CELSIUS,
    MOST_MILLIWATTS,
    MOST_PROCESSES,
    CardFigures,
    CardTrouble,
    HeldMemory,
    Slowing,
)
from runners.contract.receipts import Device

Held = Callable[[], HeldMemory | None]
MOST = {
    "busy_percent": 100,
    "temperature_c": MOST_CELSIUS,
    "power_mw": MOST_MILLIWATTS,
    "power_limit_mw": MOST_MILLIWATTS,
    "processes": MOST_PROCESSES,
}


def held_memory(device: Device) -> Held | None:
    """Only for the thread that computes: the library's allocator makes any other one wait, with Python's lock held."""
    if device.kind == "cuda":
        return lambda: _of_torch(device.device_label)
    return _of_mlx if device.kind == "metal" else None


def card_uuid(device: Device) -> str:
    """As NVML would have it; empty where torch doesn't tell."""
    import torch

    return str(getattr(torch.cuda.get_device_properties(device.device_label), "uuid", None) or "")


def card_figures(line: bytes) -> CardFigures | CardTrouble:
    """Of one answer of card_teller.py. Raises ValueError where it is no such answer."""
    match json.loads(line):
        case {"card": dict(card)}:
            return figures(card)
        case {"trouble": str(word)}:
            return TypeAdapter[CardTrouble](CardTrouble).validate_python(word)  # its error is a ValueError
    raise ValueError(f"expected a card's figures or why there are none, got {line[:80]!r}")


def figures(card: Mapping[str, Any]) -> CardFigures:
    used, total = (_within(card.get(name), MOST_BYTES) for name in ("used_bytes", "total_bytes"))
    if not total or used is None or used > total:
        used = total = None
    slowing = card.get("slowing")
    known = None if slowing is None else tuple(word for word in get_args(Slowing) if word in slowing)
    rest = {name: _within(card.get(name), most) for name, most in MOST.items()}
    return CardFigures(used_bytes=used, total_bytes=total, slowing=known, **rest)


def held(*, arrays: Any, cached: Any, peak: Any, recommended: Any) -> HeldMemory | None:
    """None where the library counts what can't be."""
    counted = [_within(value, MOST_BYTES) for value in (arrays, cached, peak)]
    if None in counted:
        return None
    return HeldMemory.model_validate(
        {"arrays_bytes": counted[0], "cached_bytes": counted[1], "peak_bytes": counted[2],
         "recommended_bytes": _within(recommended, MOST_BYTES) or None}
    )  # fmt: skip


def _of_torch(label: str) -> HeldMemory | None:
    import torch

    stats = torch.cuda.memory_stats(label)
    arrays, reserved = stats.get("allocated_bytes.all.current", 0), stats.get("reserved_bytes.all.current", 0)
    peak = stats.get("allocated_bytes.all.peak", 0)
    return held(arrays=arrays, cached=max(0, reserved - arrays), peak=peak, recommended=None)


def _of_mlx() -> HeldMemory | None:
    import mlx.core as mx

    return held(
        arrays=mx.get_active_memory(),
        cached=mx.get_cache_memory(),
        peak=mx.get_peak_memory(),
        recommended=mx.device_info().get("max_recommended_working_set_size"),
    )


def _within(value: Any, most: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None
