"""A recorded run as it would be on a Mac's Metal and a Linux host's RTX 4080: the figures are AUTHORED, no such machine
was at hand. Devices are exchanged in a plan of records, and readings added to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.document import Word
from tests.observation.make_run import plan_healthy
from tests.observation.recorded_contributor import device
from tests.observation.recorded_journals import LINUX, MAC, Recorder, Recording

GB = 1_000_000_000
NAMES = {MAC: ("metal", "mlx.metal", "Apple M2 Pro"), LINUX: ("cuda", "cuda", "NVIDIA GeForce RTX 4080")}
FIRST_MS, EVERY_MS = {MAC: 5_100, LINUX: 7_300}, 2_000
HOT = node.CardFigures(used_bytes=12_026_322_944, total_bytes=17_171_480_576, busy_percent=93, temperature_c=71,
                       power_mw=304_881, power_limit_mw=320_000, slowing=("sw_power_cap",), processes=1)  # fmt: skip
HELD = node.HeldMemory(arrays_bytes=11_140_000_000, cached_bytes=310_000_000, peak_bytes=11_400_000_000,
                       recommended_bytes=None)  # fmt: skip
ON_METAL = node.AcceleratorRead(
    device_label="metal:0", card=None, trouble=None,
    held=node.HeldMemory(arrays_bytes=4 * GB, cached_bytes=GB // 2, peak_bytes=5 * GB, recommended_bytes=12 * GB),
)  # fmt: skip


def read(**figures: Any) -> node.AcceleratorRead:
    """A reading of the RTX 4080, with other figures of the driver's."""
    return node.AcceleratorRead(device_label="cuda:0", held=HELD, card=HOT.model_copy(update=figures), trouble=None)


def on_cards(scratch: Path, *, linux: node.AcceleratorRead | None = None) -> Recording:
    """The healthy run; its Linux host says `linux` (or a busy card's figures) of its card."""
    run = Recorder(scratch)
    plan_healthy(run)
    last = max(at_ms for at_ms, who, kind, *_ in run.planned if kind == "heartbeat" and who != "coordinator")
    run.planned = [
        (at_ms, who, kind, _on_its_card(body), revision, epoch)
        for at_ms, who, kind, body, revision, epoch in run.planned
    ]
    for node_id, body in ((MAC, ON_METAL), (LINUX, linux or read())):
        for at_ms in range(FIRST_MS[node_id], last, EVERY_MS):
            run.put(at_ms, node_id, "accelerator_read", body, revision=1)
    return run.close()


def _on_its_card(body: Word) -> Word:
    if isinstance(body, node.Ready):
        node_id = MAC if ".mlx." in body.device.backend_label else LINUX
        return body.model_copy(update={"device": body.device.model_copy(update=dict(_device(node_id)))})
    if isinstance(body, coord.RunnerReady):
        there = dict(_device(body.node_id))
        return body.model_copy(update={name: there[name] for name in ("backend_label", "device_label")})
    if isinstance(body, coord.BringupReceived):
        told = dict(_device(body.node_id))
        told["device_name"] = told.pop("name")
        return body.model_copy(update={name: told[name] for name in ("backend_label", "device_label", "device_name")})
    return body


def _device(node_id: str) -> Iterator[tuple[str, str]]:
    kind, middle, name = NAMES[node_id]
    yield "backend_label", device(node_id).backend_label.replace(f"{'mlx' if node_id == MAC else 'torch'}.cpu", middle)
    yield from (("kind", kind), ("device_label", f"{kind}:0"), ("name", name))
