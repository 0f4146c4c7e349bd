"""The console with a probe beside it: `python -m console.cli.bench.console.probed OUT [ARGUMENTS of swarm console]`.

SIGUSR1 writes to OUT what was seen since the last one: how late the event loop was, what the process cost, and how many
records came to be shown. The console itself is the shipped one.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from console.cli import console_command
from console.cli.console_command import make_app

if TYPE_CHECKING:
    from console.tui.app import SwarmApp

STEP_S = 0.005


class Probe:
    """Sleeps in short steps on the loop that it watches; what a step took longer is the loop's lag, and what its thread
    computed meanwhile is the console's own part of it, whatever else the machine does."""

    def __init__(self, app: "SwarmApp", out: Path) -> None:
        self._app, self._out = app, out
        self._lags, self._own_ms = array("f"), 0.0
        self._process = psutil.Process()

    async def watch(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self.write)
        while True:
            began, computed = time.perf_counter(), time.thread_time()
            await asyncio.sleep(STEP_S)
            self._lags.append(max(0.0, time.perf_counter() - began - STEP_S) * 1000)
            self._own_ms = max(self._own_ms, (time.thread_time() - computed) * 1000)

    def write(self) -> None:
        lags, self._lags = sorted(self._lags), array("f")
        own_ms, self._own_ms = self._own_ms, 0.0
        there = self._app.attachment
        facts: dict[str, Any] = {
            "lags": len(lags),
            "lag_p50_ms": lags[len(lags) // 2] if lags else 0,
            "lag_p99_ms": lags[int(len(lags) * 0.99)] if lags else 0,
            "lag_worst_ms": lags[-1] if lags else 0,
            "own_worst_ms": own_ms,
            "rss_bytes": self._process.memory_info().rss,
            "frames": self._app.frames,
            "read": there.source.counters().read if there else 0,
            "unsigned": there.source.counters().chained if there else 0,
            "shown": there.ring.total if there else 0,
            "folded": there.state.records if there else 0,
            "bad": there.ring.bad if there else 0,
        }
        draft = self._out.with_suffix(".new")
        draft.write_text(json.dumps(facts))
        draft.replace(self._out)


async def main(out: Path, arguments: list[str]) -> int:
    top = argparse.ArgumentParser()
    console_command.add(top.add_subparsers())
    options = top.parse_args(["console", *arguments])
    app = make_app(options.lane, theme=options.theme, run_id=options.run, read_only=options.read_only)
    probe = asyncio.create_task(Probe(app, out).watch())
    await app.run_async()
    probe.cancel()
    return app.return_code or 0


if __name__ == "__main__":
    os._exit(asyncio.run(main(Path(sys.argv[1]), sys.argv[2:])))
