"""Takes the pictures of the README from a real run: `python docs/pictures/take.py [FOLDER]`.

Starts the console as it is shipped, on folders of its own, presses the keys that an operator would press, and exports
Textual's SVG of what is on screen. A window really trains, and a real runner is really killed by a drill: two minutes.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

SIZE = (160, 48)
LONGEST_S = 300.0


async def until(pilot: Pilot[None], holds: Callable[[str], bool]) -> None:
    """Looks at the screen four times a second. Raises TimeoutError with what it shows."""
    for _ in range(round(LONGEST_S * 4)):
        await pilot.pause(0.25)
        if holds(shown(pilot)):
            return
    raise TimeoutError(shown(pilot))


def shown(pilot: Pilot[None]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


async def take(folder: Path) -> None:
    from console.cli.console_command import make_app

    app = make_app("loopback", theme="swarm-dark")

    def keep(name: str) -> None:
        (folder / f"{name}.svg").write_text(app.export_screenshot(title="swarm console"))

    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("1", "g")  # it begins where it was left
        await until(pilot, lambda text: "ACTIVE" in text and training(app) > 0.5)
        keep("dashboard")
        await until(pilot, lambda text: "CLOSED" in text and "bounded success" in text)
        await pilot.press("2", *["down"] * 9)
        await pilot.pause(1)
        keep("receipts")
        await pilot.press("3", "f7")
        await until(pilot, lambda text: "PASS" in text or "FAIL" in text)
        await until(pilot, lambda text: app.desk.job is None and keys_stand(text))
        keep("drills")
        await pilot.press("5", "down", "enter")  # the newest is the drill's
        await until(pilot, lambda text: "✓ verified" in text)
        await pilot.press("right", "right", "right")
        await pilot.pause(1)
        keep("viewer")


def keys_stand(text: str) -> bool:
    """No passing word lies over the bottom line."""
    return "leave" in text.splitlines()[-1]


def training(app: object) -> float:
    """How far the slower contributor is, 0 to 1."""
    hosts = app.attachment.state.hosts if app.attachment else ()  # type: ignore[attr-defined]
    return min((one.work.step / one.work.steps for one in hosts if one.work.steps), default=0.0)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    target.mkdir(parents=True, exist_ok=True)
    os.environ["COLORTERM"] = "truecolor"  # whatever terminal this is started from
    with tempfile.TemporaryDirectory(prefix="swarm-pictures-") as root:
        for name in ("SWARM_RUNS", "SWARM_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            os.environ[name] = f"{root}/{name.lower().removeprefix('swarm_')}"
        asyncio.run(take(target))
