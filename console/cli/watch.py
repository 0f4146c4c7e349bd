"""Following a run from the command line: one line per important record, and a progress line in between."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType

from console.cli.progress_bar import LINE_EVERY_S, Pace, within_line
from console.cli.start import operator_key
from console.coordination.inbox import leave_command
from console.coordination.paths import RunPaths
from console.hosts.line_conversation import printable
from console.observation.line import Line
from console.observation.progress import narrate
from console.observation.source import RunSource
from runners.contract.coordinator_records import Closed, Working
from runners.contract.node_records import Heartbeat, Preparing
from runners.records.clock import Clock
from runners.records.lock import is_held
from runners.records.machine_limits import full_disk

EVERY_S = 0.2
ORPHANED_AFTER_S = 10.0  # no coordinator lives, and none came
LOG_TAIL_BYTES = 16 * 1024


class Interrupts:
    """Ctrl-C as a fact to be asked for: an exception in the middle of reading a journal would lose what was read."""

    def __init__(self) -> None:
        self._count = 0

    def __enter__(self) -> "Interrupts":
        self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1

    def take(self) -> bool:
        """Was there one since the last question?"""
        pressed, self._count = self._count > 0, 0
        return pressed


class Watch:
    """Ctrl-C once asks the run to stop and close its bundle; twice leaves it running."""

    def __init__(self, run_id: str, paths: RunPaths, interrupts: Interrupts) -> None:
        self.interrupts = interrupts
        self.run_id = run_id
        self.paths = paths
        self.classification: str | None = None
        self.exit_code = 1
        self._source = RunSource(paths.root)
        self._asked = False
        self._progress: dict[str, str] = {}
        self._paces: dict[str, Pace] = {}  # by host, or work of the coordinator, and what it is at
        self._told_at, self._told = time.monotonic(), ""
        self._narrow = sys.stderr.isatty()
        self._alive_at = time.monotonic()

    def until_closed(self) -> bool:
        """True when the bundle is in place; False when the watcher leaves before (see `exit_code`)."""
        while not self._turn():
            if self.interrupts.take():
                if self._asked:
                    self._say(f"left running; `swarm attach {self.run_id}` watches it again")
                    self.exit_code = 130
                    return False
                self._ask_to_stop()
            if self._orphaned():
                return False
            time.sleep(EVERY_S)
        return True

    def _turn(self) -> bool:
        for line in self._source.poll().lines:
            self._tell(line)
        self._show_progress()
        closed = self.paths.bundle.exists() and not is_held(self.paths.coordinator)
        return closed and self.classification is not None

    def _tell(self, line: Line) -> None:
        body = line.body
        if isinstance(body, Closed):
            self.classification = body.classification.value
        if isinstance(body, Working):
            unit = " bytes" if body.activity == "ship" else ""
            self._note(line, body.activity, body.node_id or "", body.done, body.total, unit)
            if body.done >= body.total:
                self._progress.pop(body.activity)
        if isinstance(body, Heartbeat):
            loss = f" loss {body.loss:.3f}" if body.loss is not None else ""
            self._note(line, line.node_id, body.phase, body.step, body.steps, loss)
        if isinstance(body, Preparing):
            self._note(line, line.node_id, body.stage, body.done, body.total, f" {body.unit}")
        told = narrate(line)
        if told is not None:
            self._say(told)

    def _note(self, line: Line, who: str, what: str, done: int, total: int, more: str = "") -> None:
        """By the clock of whoever did it: a run may be watched from the middle on."""
        now = line.at.mono_ms / 1000
        pace = self._paces.setdefault(f"{line.node_id} {line.epoch} {who} {what}", Pace(now, done))
        left = f" {pace.told(done, total, now)}" if done < total else ""
        self._progress[who] = f"{who} {what} {done}/{total}{more}{left}"

    def _show_progress(self) -> None:
        """On a terminal one line that is written over; elsewhere a line now and then, where there is something new."""
        text = "  ".join(" ".join(part.split()) for part in self._progress.values())
        if self._narrow and text:
            sys.stderr.write(f"\r\x1b[2K{within_line(text)}")
            sys.stderr.flush()
            return
        now = time.monotonic()
        if text != self._told and now - self._told_at >= LINE_EVERY_S:
            self._say(text)
            self._told_at, self._told = now, text

    def _say(self, text: str) -> None:
        clear = "\r\x1b[2K" if self._narrow else ""
        print(f"{clear}{text}", file=sys.stderr, flush=True)

    def _ask_to_stop(self) -> None:
        self._asked = True
        clock = Clock()
        leave_command(
            self.paths.inbox,
            operator_key(),
            self.run_id,
            command="stop",
            reason="stopped by Ctrl-C",
            wall_ms=clock.wall_ms(),
        )
        self._say("stopping: runners end, the bundle is closed; Ctrl-C again leaves the run going on")

    def _orphaned(self) -> bool:
        now = time.monotonic()
        if is_held(self.paths.coordinator):
            self._alive_at = now
        if now - self._alive_at < ORPHANED_AFTER_S:
            return False
        self._say(f"no coordinator lives; its last word in {self.paths.log}: {last_word(self.paths.log)}")
        if (full := full_disk(self.paths.root)) != "":
            self._say(f"{full}, so its last word may have no end: make room")
        self._say(f"once that is mended, `swarm attach {self.run_id}` continues the run")
        return True


def last_word(log: Path) -> str:
    """The last line that a coordinator left on standard error; hosts' words may be in it."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - LOG_TAIL_BYTES))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError as error:
        return str(error)
    return printable(lines[-1])[:1000] if lines else "nothing"
