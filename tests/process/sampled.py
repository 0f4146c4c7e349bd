"""Reads the samples beside it; the README there says which are recorded and which authored."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from runners.process.probes import mac
from runners.process.probes.commands import Run

SAMPLES = Path(__file__).parent / "samples"
MACS = ("authored_m2_pro", "authored_m4_max")
CARD = "authored_rtx_4080"


def text(machine: str, name: str) -> str:
    return (SAMPLES / machine / name).read_text()


def body(machine: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text(machine, name))
    return found


def mac_commands(machine: str) -> Run:
    """A Mac's commands, answered from its samples; anything else isn't there."""
    answers = {mac.SW_VERS[0]: "sw_vers.txt", mac.SYSCTL[0]: "sysctl.txt", mac.DISPLAYS[0]: "displays.json"}

    def run(argv: Sequence[str]) -> str | None:
        return text(machine, answers[argv[0]]) if argv[0] in answers else None

    return run


class SampledNvml:
    """The bindings of nvidia-ml-py over a sample: no driver is behind them.

    `missing` names functions that this card or driver refuses; the refused `nvmlInit` is a host without a driver.
    """

    class NVMLError(Exception):
        """As in the bindings, the base of every refusal."""

    class NVMLError_LibraryNotFound(NVMLError):  # noqa: N801 - the bindings' own name
        """There is no libnvidia-ml."""

    class NVMLError_NotSupported(NVMLError):  # noqa: N801
        """This card doesn't tell."""

    def __init__(self, sample: dict[str, Any], *, missing: tuple[str, ...] = (), as_bytes: bool = False) -> None:
        self._sample, self._missing, self._as_bytes = sample, missing, as_bytes
        self.ended = 0

    def _tell(self, asked: str, value: Any) -> Any:
        if asked in self._missing:
            raise self.NVMLError_NotSupported(asked)
        return value.encode() if self._as_bytes and isinstance(value, str) else value

    def nvmlInit(self) -> None:  # noqa: N802 - these are the library's names
        if "nvmlInit" in self._missing:
            raise self.NVMLError_LibraryNotFound("libnvidia-ml.so.1")

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.ended += 1

    def nvmlSystemGetDriverVersion(self) -> Any:  # noqa: N802
        return self._tell("nvmlSystemGetDriverVersion", self._sample["driver"])

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self._sample["cards"])

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:  # noqa: N802
        return self._sample["cards"][index]

    def nvmlDeviceGetName(self, card: Any) -> Any:  # noqa: N802
        return self._tell("nvmlDeviceGetName", card["name"])

    def nvmlDeviceGetUUID(self, card: Any) -> Any:  # noqa: N802
        return self._tell("nvmlDeviceGetUUID", card["uuid"])

    def nvmlDeviceGetMemoryInfo(self, card: Any) -> Any:  # noqa: N802
        return self._tell("nvmlDeviceGetMemoryInfo", SimpleNamespace(**card["memory"]))

    def nvmlDeviceGetCudaComputeCapability(self, card: Any) -> Any:  # noqa: N802
        return self._tell("nvmlDeviceGetCudaComputeCapability", tuple(card["capability"]))

    def nvmlDeviceGetPciInfo(self, card: Any) -> Any:  # noqa: N802
        return self._tell("nvmlDeviceGetPciInfo", SimpleNamespace(busId=card["bus_id"]))

    def nvmlDeviceGetCurrentClocksEventReasons(self, card: Any) -> Any:  # noqa: N802
        return self._tell("nvmlDeviceGetCurrentClocksEventReasons", card["clocks_event_reasons"])
