"""Exports a picture of the real console over a real run: `python docs/pictures/take.py RUN_ID OUT.svg [160x48] [KEYS]`.

Shows the run read-only, waits two seconds, presses KEYS (separated by commas), and writes Textual's SVG of the screen.
"""

import asyncio
import sys
from pathlib import Path

from console.places import runs_dir
from console.tui.acts import StartedRun
from console.tui.app import SwarmApp


class NoActs:
    """The console is read-only here, so nothing is ever asked of it."""

    def start_run(self) -> StartedRun:
        raise NotImplementedError

    def stop_run(self, run_id: str, reason: str) -> str:
        raise NotImplementedError


async def take(run_id: str, size: str, keys: list[str]) -> str:
    """The screen as SVG."""
    width, height = (int(part) for part in size.split("x"))
    app = SwarmApp(runs_dir(), NoActs(), run_id=run_id, read_only=True)
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause(2.0)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.5)
        return app.export_screenshot(title=f"swarm console {size}")


if __name__ == "__main__":
    run_id, out, *rest = sys.argv[1:]
    keys = rest[1].split(",") if len(rest) > 1 else []
    Path(out).write_text(asyncio.run(take(run_id, rest[0] if rest else "160x48", keys)))
