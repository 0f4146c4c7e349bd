"""Where a measurement runs: folders of its own, and consoles on terminals of a size."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from console.cli.bench.console.synthetic import Flood, SyntheticRun
from console.cli.bench.console.terminal import CONSOLE, Terminal

PROBED = (sys.executable, "-m", "console.cli.bench.console.probed")


@dataclass
class BenchPlace:
    """`quick` measures less of everything. Nothing of the operator's own is read or written."""

    root: Path
    size: tuple[int, int]
    quick: bool
    _made: int = field(default=0, repr=False)

    @property
    def size_text(self) -> str:
        return f"{self.size[0]}x{self.size[1]}"

    def pick(self, whole: int, quick: int) -> int:
        return quick if self.quick else whole

    def fresh(self) -> "Scene":
        self._made += 1
        root = self.root / f"{self.size_text}-{self._made}"
        root.mkdir()
        return Scene(root, self.size)


@dataclass
class Scene:
    """One folder of runs, and what is started on it."""

    root: Path
    size: tuple[int, int]

    @property
    def size_text(self) -> str:
        return f"{self.size[0]}x{self.size[1]}"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def out(self) -> Path:
        return self.root / "probe.json"

    def synthetic(self) -> SyntheticRun:
        return SyntheticRun(self.runs)

    def console(self, *arguments: str) -> Terminal:
        return Terminal(self.size, (*CONSOLE, *arguments), **self._environment())

    def probed(self, *arguments: str) -> Terminal:
        return Terminal(self.size, (*PROBED, str(self.out), *arguments), **self._environment())

    def viewer(self, bundle: Path) -> Terminal:
        return Terminal(self.size, (*CONSOLE[:-1], "view", str(bundle)), **self._environment())

    @contextmanager
    def live(self, seconds: float) -> Iterator[Terminal]:
        """A console that shows a run live which says as much as a real one: two beats and two lines a second."""
        with self.synthetic() as run, Flood(run, 4, seconds, lead_s=0.5), self.console() as terminal:
            terminal.wait_for("ACTIVE", "LIVE")
            terminal.drain(2)
            yield terminal

    @contextmanager
    def flooded(self, per_second: float, seconds: float) -> Iterator[tuple[SyntheticRun, Flood, Terminal]]:
        """A probed console that shows a run live, as the flood of its records begins; what the probe sees counts from
        there."""
        with self.synthetic() as run, Flood(run, per_second, seconds, lead_s=1.5) as flood, self.probed() as terminal:
            terminal.wait_for("ACTIVE", "LIVE")
            terminal.drain_until(flood.begins_at)
            self.ask(terminal)
            yield run, flood, terminal

    def ask(self, terminal: Terminal) -> dict[str, Any]:
        """What the probe saw since it was last asked; the terminal is read on meanwhile."""
        self.out.unlink(missing_ok=True)
        terminal.tell(signal.SIGUSR1)
        while not self.out.exists():
            terminal.drain(0.02)
        facts: dict[str, Any] = json.loads(self.out.read_text())
        return facts

    def _environment(self) -> dict[str, str]:
        own = dict.fromkeys(("SWARM_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"), str(self.root))
        return {"SWARM_RUNS": str(self.runs), **own}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


@contextmanager
def share_of_core(terminal: Terminal) -> Iterator[list[float]]:
    """Percent of one core that the console costs within the block, appended when it ends."""
    found: list[float] = []
    before, began = cpu_seconds(terminal.pid), time.perf_counter()
    yield found
    found.append(100 * (cpu_seconds(terminal.pid) - before) / (time.perf_counter() - began))
