"""A STAND-IN for the bindings of nvidia-ml-py: no driver and no card are behind it.

It answers from the JSON file that STANDIN_NVML names, read anew at each question, so that a test changes the card while
another process asks. `refuses`: question -> error code; `hangs`: the question doesn't return before this is false.
"""

# ruff: noqa: N802 - these are the library's names

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class NVMLError(Exception):
    """As in the bindings: `value` is NVML's own code."""

    def __init__(self, value: int) -> None:
        super().__init__(f"NVML error {value}")
        self.value = value


def _card(question: str) -> dict[str, Any]:
    while True:
        told: dict[str, Any] = json.loads(Path(os.environ["STANDIN_NVML"]).read_text())
        if not told.get("hangs"):
            break
        time.sleep(0.01)
    refused = told.get("refuses", {})
    if code := refused.get(question) or refused.get("*"):
        raise NVMLError(code)
    return told


def nvmlInit() -> None:
    _card("nvmlInit")


def nvmlShutdown() -> None:
    _card("nvmlShutdown")


def nvmlDeviceGetCount() -> int:
    return len(_card("nvmlDeviceGetCount")["cards"])


def nvmlDeviceGetHandleByIndex(index: int) -> int:
    _card(f"nvmlDeviceGetHandleByIndex {index}")
    return index


def nvmlDeviceGetUUID(handle: int) -> Any:
    return _card("nvmlDeviceGetUUID")["cards"][handle]["uuid"]


def nvmlDeviceGetName(handle: int) -> Any:
    return _card("nvmlDeviceGetName")["cards"][handle]["name"]


def nvmlDeviceGetMemoryInfo(handle: int) -> Any:
    return SimpleNamespace(**_card("nvmlDeviceGetMemoryInfo")["cards"][handle]["memory"])


def nvmlDeviceGetUtilizationRates(handle: int) -> Any:
    return SimpleNamespace(**_card("nvmlDeviceGetUtilizationRates")["cards"][handle]["utilization"])


def nvmlDeviceGetTemperature(handle: int, sensor: int) -> Any:
    assert sensor == 0
    return _card("nvmlDeviceGetTemperature")["cards"][handle]["temperature"]


def nvmlDeviceGetPowerUsage(handle: int) -> Any:
    return _card("nvmlDeviceGetPowerUsage")["cards"][handle]["power"]


def nvmlDeviceGetEnforcedPowerLimit(handle: int) -> Any:
    return _card("nvmlDeviceGetEnforcedPowerLimit")["cards"][handle]["power_limit"]


def nvmlDeviceGetComputeRunningProcesses(handle: int) -> Any:
    return _card("nvmlDeviceGetComputeRunningProcesses")["cards"][handle]["processes"]


def nvmlDeviceGetCurrentClocksEventReasons(handle: int) -> Any:
    return _card("nvmlDeviceGetCurrentClocksEventReasons")["cards"][handle]["clocks_event_reasons"]
