"""NVIDIA's own management library, which speaks of the driver and the card whatever torch was built for.

Everything takes the module as an argument: tests give one that answers from a sample.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

# Bits of nvmlClocksEventReasons (nvml.h). Idle, application and display clocks are settings, not faults.
SLOWING = {
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
}


@dataclass(frozen=True)
class NvmlCard:
    """None is what this card or driver doesn't tell."""

    name: str
    uuid: str | None
    driver: str | None
    memory_total_bytes: int
    memory_free_bytes: int
    compute_capability: str | None
    pci_bus_id: str | None
    throttling: tuple[str, ...] | None


def library() -> Any:
    """The bindings, or None where they aren't installed."""
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def read_cards(nvml: Any) -> tuple[NvmlCard, ...] | None:
    """One per card, in NVML's order; None where there is no driver to ask."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:  # NVMLError_LibraryNotFound, NVMLError_DriverNotLoaded and others
        return None
    try:
        driver = _told(nvml, nvml.nvmlSystemGetDriverVersion)
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        return tuple(_card(nvml, handle, driver) for handle in handles)
    except nvml.NVMLError:
        return None
    finally:
        with suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def card_of(cards: tuple[NvmlCard, ...], uuid: str | None, name: str) -> NvmlCard | None:
    """The card that the framework computes on: by UUID, else the only one of that name."""
    if uuid:
        wanted = uuid.removeprefix("GPU-").lower()
        found = [card for card in cards if card.uuid and card.uuid.removeprefix("GPU-").lower() == wanted]
        if found:
            return found[0]
    named = [card for card in cards if card.name == name]
    return named[0] if len(named) == 1 else None


def slowing(bits: int) -> tuple[str, ...]:
    """Names of the reasons that hold the clocks down."""
    return tuple(word for bit, word in SLOWING.items() if bits & bit)


def _card(nvml: Any, handle: Any, driver: str | None) -> NvmlCard:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    capability = _told(nvml, nvml.nvmlDeviceGetCudaComputeCapability, handle)
    pci = _told(nvml, nvml.nvmlDeviceGetPciInfo, handle)
    return NvmlCard(
        name=_text(nvml.nvmlDeviceGetName(handle)) or "unknown",
        uuid=_text(_told(nvml, nvml.nvmlDeviceGetUUID, handle)),
        driver=_text(driver),
        memory_total_bytes=int(memory.total),
        memory_free_bytes=int(memory.free),
        compute_capability=f"{capability[0]}.{capability[1]}" if capability else None,
        pci_bus_id=_text(pci.busId) if pci else None,
        throttling=_throttling(nvml, handle),
    )


def _throttling(nvml: Any, handle: Any) -> tuple[str, ...] | None:
    # Renamed in driver 535; both names are in the bindings for now.
    ask = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None) or getattr(
        nvml, "nvmlDeviceGetCurrentClocksThrottleReasons", None
    )
    bits = None if ask is None else _told(nvml, ask, handle)
    return None if bits is None else slowing(int(bits))


def _told(nvml: Any, ask: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, or None where this card doesn't support the question."""
    try:
        return ask(*arguments)
    except nvml.NVMLError:
        return None


def _text(value: Any) -> str | None:
    """Older bindings answer in bytes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if isinstance(value, str) else None
