"""What the fault rig puts into the product's own processes: they wait at named places, and their clocks can be moved.

`sitecustomize` of a cell calls `install(folder)`. A file `hold/<place>` in the folder stops whoever comes to that
place, which says so by a file `at/<place>`. The product has no such places: they are patched in here, and only here.
"""

import asyncio
import importlib.abc
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

POLL_S = 0.02
PLACES = (
    "spawn", "admission", "preparing", "training", "writing", "produced", "fetching", "validating", "aggregating",
    "closing",
)  # fmt: skip


class Holds:
    """Files are the wire: the processes at its ends may die at any moment."""

    def __init__(self, folder: Path) -> None:
        self._hold, self._at = folder / "hold", folder / "at"

    def _arrive(self, place: str) -> bool:
        """False where nobody waits for this place: then nothing is written either."""
        if not (self._hold / place).exists():
            return False
        (self._at / place).write_text(str(os.getpid()))
        return True

    def wait(self, place: str) -> None:
        if self._arrive(place):
            while (self._hold / place).exists():
                time.sleep(POLL_S)

    async def wait_async(self, place: str) -> None:
        """The event loop runs on."""
        if self._arrive(place):
            while (self._hold / place).exists():
                await asyncio.sleep(POLL_S)


Patch = Callable[[ModuleType, Holds, Path], None]


def install(folder: Path) -> None:
    """Once, at the start of a Python process of the cell."""
    holds, said = Holds(folder), sys.orig_argv
    if (folder / "wall_offset_s").exists():
        _move_wall_clock(folder / "wall_offset_s")
    for word, place in (("admit", "admission"), ("replay", "validating")):
        if "runners" in said and word in said:
            holds.wait(place)
    sys.meta_path.insert(0, _Patcher(holds, folder))


def _move_wall_clock(offset_file: Path) -> None:
    """Wall time is off from the moment that the file says so: what an operator's `date -s` does to one host."""
    real_ns = time.time_ns

    def offset_s() -> int:
        try:
            return int(offset_file.read_text() or "0")
        except (OSError, ValueError):
            return 0

    time.time_ns = lambda: real_ns() + offset_s() * 1_000_000_000
    time.time = lambda: time.time_ns() / 1e9


class _Patcher(importlib.abc.MetaPathFinder):
    def __init__(self, holds: Holds, folder: Path) -> None:
        self._holds, self._folder = holds, folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        patch = PATCHES.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if patch is not None else None
        if patch is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            patch(module, self._holds, self._folder)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # this loader is this module's own
        return spec


def _agent(module: ModuleType, holds: Holds, _: Path) -> None:
    """Before it announces itself."""
    write_all = module.write_all

    def held(fd: int, data: bytes) -> None:
        holds.wait("spawn")
        write_all(fd, data)

    module.write_all = held  # type: ignore[attr-defined]


def _runner(module: ModuleType, holds: Holds, _: Path) -> None:
    """Beats go on while it is held: they have a thread of their own."""
    runner = module.Runner
    prepare, on_step, publish = runner._prepare, runner._on_step, module.publish

    def held_prepare(self: Any) -> object:
        holds.wait("preparing")
        return prepare(self)

    def held_step(self: Any, result: Any) -> None:
        on_step(self, result)
        if result.step == 2:
            holds.wait("training")

    def held_publish(*arguments: Any) -> None:
        holds.wait("writing")
        if os.environ.get("SWARM_BACKEND") == "mlx":
            holds.wait("produced")  # the other contributor is done before this one
        publish(*arguments)

    runner._prepare, runner._on_step = held_prepare, held_step
    module.publish = held_publish  # type: ignore[attr-defined]


def _collecting(module: ModuleType, holds: Holds, _: Path) -> None:
    fetch = module.fetch

    async def held(desk: Any, node_id: str) -> None:
        if desk.remote(node_id) is not None:
            await holds.wait_async("fetching")
        await fetch(desk, node_id)

    module.fetch = held  # type: ignore[attr-defined]


def _aggregating(module: ModuleType, holds: Holds, _: Path) -> None:
    merge = module.merge_contributions

    async def held(desk: Any) -> None:
        await holds.wait_async("aggregating")
        await merge(desk)

    module.merge_contributions = held  # type: ignore[attr-defined]


def _bundle(module: ModuleType, holds: Holds, _: Path) -> None:
    write = module.write_bundle

    def held(*arguments: Any) -> object:
        holds.wait("closing")
        return write(*arguments)

    module.write_bundle = held  # type: ignore[attr-defined]


def _observer(module: ModuleType, _: Holds, folder: Path) -> None:
    """`slept_ms`: as a kernel counts a suspend, on the one clock that goes on through it."""
    boot_ms = module._boot_ms

    def moved() -> int:
        try:
            return int(boot_ms()) + int((folder / "slept_ms").read_text())
        except (OSError, ValueError):
            return int(boot_ms())

    module._boot_ms = moved  # type: ignore[attr-defined]
    module.ObserverClock.__init__.__kwdefaults__["boot_ms"] = moved


def _engine(module: ModuleType, _: Holds, folder: Path) -> None:
    """`block_s`: somebody's long call on the event loop, once."""
    start_due = module.Engine._start_due

    def blocked(self: Any) -> None:
        start_due(self)
        order = folder / "block_s"
        if order.exists():
            seconds = float(order.read_text())
            order.unlink()
            time.sleep(seconds)

    module.Engine._start_due = blocked


PATCHES: dict[str, Patch] = {
    "runners.agent.main": _agent,
    "runners.process.runner": _runner,
    "console.coordination.works.collecting": _collecting,
    "console.coordination.works.aggregating": _aggregating,
    "console.evidence.bundle": _bundle,
    "console.coordination.observer": _observer,
    "console.coordination.engine": _engine,
}
