"""What is free on this host and on its device, for a training that is about to be placed there."""

from typing import Literal

from runners.contract.receipts import Device
from runners.process.probes import accelerator
from runners.records import host_memory

Where = Literal["host", "device"]


def free_memory(device: Device, *, held_bytes: int = 0) -> dict[Where, int]:
    """Bytes by `host` and, where the device has memory of its own, `device`. `held_bytes`: of what this process holds
    of the training already."""
    host = accelerator.free_bytes(device)() if device.kind == "metal" else host_memory.free_bytes()
    free: dict[Where, int] = {"host": host + held_bytes}
    if device.kind == "cuda":
        free["device"] = accelerator.free_bytes(device)()
    return free
