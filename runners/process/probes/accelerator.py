"""The device that computes: what its driver, its library and its system say of it."""

from collections.abc import Callable, Mapping
from typing import Any

import psutil

from runners.contract.bringup import Accelerator
from runners.contract.names import as_label
from runners.contract.receipts import Device
from runners.process.probes import mac, nvml
from runners.process.probes.commands import run

FreeBytes = Callable[[], int]


def accelerator(device: Device) -> Accelerator:
    """Free memory as it is now. The device's own library is loaded already: its backend made `device`."""
    if device.kind == "cuda":
        return _cuda(device)
    if device.kind == "metal":
        return _metal(device)
    memory = psutil.virtual_memory()
    return cpu_facts(device, total=int(memory.total), free=int(memory.available))


def free_bytes(device: Device) -> FreeBytes:
    """Asks again what is free on the device."""
    if device.kind == "cuda":
        import torch

        return lambda: int(torch.cuda.mem_get_info(device.device_label)[0])
    if device.kind == "metal":
        import mlx.core as mx

        limit = _working_set(mx.device_info())
        return lambda: metal_free(limit, int(mx.get_active_memory()), int(psutil.virtual_memory().available))
    return lambda: int(psutil.virtual_memory().available)


def cpu_facts(device: Device, *, total: int, free: int) -> Accelerator:
    """A processor computes from the machine's own memory."""
    return _facts(device, visible=1, total=total, free=free, sources=("psutil",))


def cuda_facts(
    device: Device, card: nvml.NvmlCard | None, *, visible: int, total: int, free: int, capability: str | None
) -> Accelerator:
    """`total` and `free` as the CUDA runtime says; driver and throttling only where NVML could be asked."""
    if card is None:
        return _facts(
            device,
            visible=visible,
            total=total,
            free=free,
            sources=("torch.cuda",),
            compute_capability=capability,
        )
    return _facts(
        device,
        visible=visible,
        total=card.memory_total_bytes,
        free=min(free, card.memory_free_bytes),  # what torch holds itself is free for it, but not for the card
        sources=("nvml", "torch.cuda"),
        driver=as_label(card.driver) if card.driver else None,
        compute_capability=card.compute_capability or capability,
        pci_bus_id=as_label(card.pci_bus_id) if card.pci_bus_id else None,
        throttling=card.throttling,
    )


def metal_facts(device: Device, info: Mapping[str, Any], gpu: mac.MacGpu | None, *, free: int) -> Accelerator:
    """`info` is `mlx.core.device_info()` of the GPU."""
    return _facts(
        device,
        visible=1,
        total=_whole(info.get("memory_size")) or device.memory_total_bytes,
        free=free,
        sources=("mlx.device_info",) if gpu is None else ("mlx.device_info", "system_profiler"),
        metal_family=as_label(gpu.metal_family) if gpu is not None and gpu.metal_family else None,
        gpu_cores=gpu.cores if gpu is not None else None,
    )


def metal_free(working_set: int | None, active: int, available: int) -> int:
    """Of unified memory: what the system has left, but not more than Metal recommends to use at once."""
    return available if working_set is None else max(0, min(available, working_set - active))


def _cuda(device: Device) -> Accelerator:
    import torch

    properties: Any = torch.cuda.get_device_properties(device.device_label)
    free, total = torch.cuda.mem_get_info(device.device_label)
    bindings = nvml.library()
    cards = nvml.read_cards(bindings) if bindings is not None else None
    uuid = getattr(properties, "uuid", None)
    return cuda_facts(
        device,
        nvml.card_of(cards or (), str(uuid) if uuid else None, device.name),
        visible=torch.cuda.device_count(),
        total=int(total),
        free=int(free),
        capability=f"{properties.major}.{properties.minor}",
    )


def _metal(device: Device) -> Accelerator:
    import mlx.core as mx

    return metal_facts(device, mx.device_info(), mac.read_gpu(run), free=free_bytes(device)())


def _working_set(info: Mapping[str, Any]) -> int | None:
    return _whole(info.get("max_recommended_working_set_size"))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _facts(
    device: Device, *, visible: int, total: int, free: int, sources: tuple[str, ...], **told: Any
) -> Accelerator:
    fields: dict[str, Any] = {
        "driver": None,
        "compute_capability": None,
        "pci_bus_id": None,
        "metal_family": None,
        "gpu_cores": None,
        "throttling": None,
        **told,
    }
    return Accelerator(
        kind=device.kind,
        name=device.name,
        visible=visible,
        memory_total_bytes=total,
        memory_free_before_bytes=free,
        memory_free_during_bytes=None,
        sources=sources,
        **fields,
    )
