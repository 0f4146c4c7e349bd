"""What one NVIDIA card does now, through NVML. Standard library only: a small process of its own asks it.

Everything takes the bindings as an argument, as in nvml.py. Answers are plain data for a JSON line; whoever reads it
bounds every figure (accelerator_now.py).
"""

from contextlib import suppress
from typing import Any

from runners.process.probes import nvml as words

Answer = dict[str, Any]
# nvmlReturn_t (nvml.h). Any other refusal means that this card doesn't tell that one thing.
NO_NVML = frozenset({9, 12, 18})  # driver not loaded, library not found, library of another version than the driver
LOST = frozenset({15, 16})  # GPU is lost, reset required
BROKEN = NO_NVML | LOST | {1, 999}  # uninitialised, unknown: nothing more can be asked
TEMPERATURE_GPU = 0  # nvmlTemperatureSensors_t


class CardReader:
    """Finds the card that the framework computes on, and asks for it again after the driver broke off."""

    def __init__(self, nvml: Any, uuid: str, name: str) -> None:
        self._nvml, self._uuid, self._name = nvml, uuid, name
        self._handle: Any = None

    def answer(self) -> Answer:
        """`{"card": {...}}` or `{"trouble": word}`."""
        if self._nvml is None:
            return {"trouble": "no_bindings"}
        try:
            if self._handle is None:
                self._nvml.nvmlInit()
                self._handle = _find(self._nvml, self._uuid, self._name)
            if self._handle is not None:
                return {"card": read_now(self._nvml, self._handle)}
            self._leave()
        except self._nvml.NVMLError as error:
            self._leave()
            return {"trouble": trouble_of(error)}
        return {"trouble": "not_found"}

    def _leave(self) -> None:
        self._handle = None
        with suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()


def read_now(nvml: Any, handle: Any) -> Answer:
    """Raises NVMLError where the card or its driver is gone; a question that it doesn't support is None."""
    memory = _told(nvml, "nvmlDeviceGetMemoryInfo", handle)
    busy = _told(nvml, "nvmlDeviceGetUtilizationRates", handle)
    processes = _told(nvml, "nvmlDeviceGetComputeRunningProcesses", handle)
    bits = _told(nvml, "nvmlDeviceGetCurrentClocksEventReasons", handle)
    if bits is None:  # its name before driver 535
        bits = _told(nvml, "nvmlDeviceGetCurrentClocksThrottleReasons", handle)
    return {
        "used_bytes": None if memory is None else int(memory.used),
        "total_bytes": None if memory is None else int(memory.total),
        "busy_percent": None if busy is None else int(busy.gpu),
        "temperature_c": _told(nvml, "nvmlDeviceGetTemperature", handle, TEMPERATURE_GPU),
        "power_mw": _told(nvml, "nvmlDeviceGetPowerUsage", handle),
        "power_limit_mw": _told(nvml, "nvmlDeviceGetEnforcedPowerLimit", handle),
        "slowing": None if bits is None else words.slowing(int(bits)),
        "processes": None if processes is None else len(processes),
    }


def trouble_of(error: Any) -> str:
    code = getattr(error, "value", None)
    if code in LOST:
        return "lost"
    return "no_nvml" if code in NO_NVML else "refused"


def _find(nvml: Any, uuid: str, name: str) -> Any:
    """By UUID, else the only one of that name; None where NVML knows neither."""
    wanted = uuid.removeprefix("GPU-").lower()
    named = []
    for index in range(nvml.nvmlDeviceGetCount()):
        handle = _told(nvml, "nvmlDeviceGetHandleByIndex", index, gone=frozenset())  # a lost neighbour isn't ours
        if handle is None:
            continue
        told = _text(_told(nvml, "nvmlDeviceGetUUID", handle, gone=frozenset()))
        if wanted and told.removeprefix("GPU-").lower() == wanted:
            return handle
        if _text(_told(nvml, "nvmlDeviceGetName", handle, gone=frozenset())) == name:
            named.append(handle)
    return named[0] if len(named) == 1 and not wanted else None


def _told(nvml: Any, question: str, *arguments: Any, gone: frozenset[int] = BROKEN) -> Any:
    ask = getattr(nvml, question, None)
    if ask is None:
        return None
    try:
        return ask(*arguments)
    except nvml.NVMLError as error:
        if getattr(error, "value", None) in gone:
            raise
        return None


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value or "")
