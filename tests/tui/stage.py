"""The console on a stage: a recorded run at a chosen moment, one fixed clock, acts that are only noted down."""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from textual.pilot import Pilot

from console.coordination.lane_file import lane_files, load_lane
from console.hosts.endpoints import Endpoint, endpoints_of
from console.hosts.host_book import HostBook
from console.hosts.ways import Way
from console.tui.acts import StartedRun
from console.tui.app import SwarmApp
from console.tui.errors import ActRefused
from runners.contract.lane import RunContract
from runners.contract.states import Classification
from runners.records.clock import Clock
from runners.records.keys import SigningKey
from runners.records.lock import FolderLock
from tests.observation.recorded_journals import MONO_0, WALL_0, Recording
from tests.patience import PATIENCE_S


@dataclass
class StageClock:
    """Stands still until it is moved."""

    now_ms: int = 0

    def clock(self) -> Clock:
        return Clock(lambda: WALL_0 + self.now_ms, lambda: MONO_0 + self.now_ms)


@dataclass
class FakeActs:
    """Notes what was asked; starts no process."""

    runs_dir: Path
    started: int = 0
    stopped: list[tuple[str, str]] = field(default_factory=list)
    refusal: str | None = None
    lane: str = "loopback"
    way: Way = field(default_factory=Way)
    way_kept: str = ""
    replayed: list[str] = field(default_factory=list)
    continued: list[str] = field(default_factory=list)
    script: str = "print('done')"  # what a long act does instead of the command
    asked: list[tuple[str, ...]] = field(default_factory=list)
    key: SigningKey = field(default_factory=SigningKey.generate)

    def choose_lane(self, lane: str) -> None:
        if self.refusal is not None:
            raise ActRefused(self.refusal)
        self.lane, self.way = lane, Way()

    def choose_endpoint(self, endpoint: Endpoint) -> None:
        self.way, self.way_kept = endpoint.way, f"{endpoint.origin}:{endpoint.name}"

    def lanes(self) -> tuple[str, ...]:
        return tuple(lane_files())

    def contract(self, lane: str) -> RunContract:
        return load_lane(lane)

    def endpoints(self, lane: str) -> tuple[Endpoint, ...]:
        return endpoints_of(load_lane(lane), HostBook(self.runs_dir / ".home"))

    def continue_run(self, run_id: str) -> StartedRun:
        if self.refusal is not None:
            raise ActRefused(self.refusal)
        self.continued.append(run_id)
        return StartedRun(run_id, self.runs_dir / run_id)

    def replay_run(self, run_id: str) -> StartedRun:
        if self.refusal is not None:
            raise ActRefused(self.refusal)
        self.replayed.append(run_id)
        return StartedRun(run_id, self.runs_dir / run_id)

    def command(self, *words: str) -> tuple[str, ...]:
        self.asked.append(words)
        return (sys.executable, "-c", self.script, *words)

    def operator_key(self) -> SigningKey:
        return self.key

    def start_run(self) -> StartedRun:
        if self.refusal is not None:
            raise ActRefused(self.refusal)
        self.started += 1
        run_id = f"started-{self.started}"
        folder = self.runs_dir / run_id / "mac" / "coordinator"
        folder.mkdir(parents=True)
        return StartedRun(run_id, self.runs_dir / run_id)

    def stop_run(self, run_id: str, reason: str) -> str:
        if self.refusal is not None:
            raise ActRefused(self.refusal)
        self.stopped.append((run_id, reason))
        return f"stop-{len(self.stopped)}.json"


@dataclass
class Stage:
    """One run folder whose coordinator is `alive` as long as the stage holds its lock."""

    runs_dir: Path
    clock: StageClock
    acts: FakeActs
    run_dir: Path | None = None
    lock: FolderLock | None = None
    recording: Recording | None = None
    written_ms: int = -1

    @classmethod
    def empty(cls, runs_dir: Path) -> "Stage":
        runs_dir.mkdir(exist_ok=True)
        return cls(runs_dir, StageClock(), FakeActs(runs_dir))

    @classmethod
    def at(cls, runs_dir: Path, recording: Recording, now_ms: int, *, alive: bool = True) -> "Stage":
        stage = cls.empty(runs_dir)
        stage.recording, stage.run_dir = recording, runs_dir / recording.run_id
        stage.play(now_ms)
        if alive:
            stage.lock = FolderLock(stage.run_dir / "mac" / "coordinator")
            stage.lock.acquire()
        return stage

    @classmethod
    def closed(cls, runs_dir: Path, recording: Recording) -> "Stage":
        """The whole recording, ended well, and its coordinator gone."""
        stage = cls.at(runs_dir, recording, 0)
        stage.finish(Classification.BOUNDED_SUCCESS, recording.end_ms + 100)
        return stage

    def play(self, now_ms: int) -> None:
        """What was written up to `now_ms` is on disk, and it is then."""
        assert self.recording is not None
        assert self.run_dir is not None
        self.recording.write(self.run_dir, since_ms=self.written_ms, until_ms=now_ms)
        self.written_ms = self.clock.now_ms = now_ms

    def finish(self, classification: Classification, now_ms: int) -> None:
        assert self.recording is not None
        assert self.run_dir is not None
        self.play(now_ms)
        self.recording.write_bundle(self.run_dir, classification)
        self.leave()

    def leave(self) -> None:
        if self.lock is not None:
            self.lock.release()
            self.lock = None

    def app(self, **options: object) -> SwarmApp:
        return SwarmApp(self.runs_dir, self.acts, clock=self.clock.clock(), threaded=False, **options)  # type: ignore[arg-type]

    @asynccontextmanager
    async def opened(self, *, size: tuple[int, int] = (80, 24), **options: object) -> AsyncIterator[Pilot[None]]:
        """The console over it, once its first picture stands."""
        async with self.app(**options).run_test(size=size) as pilot:
            await settle(pilot)
            yield pilot


async def press(pilot: Pilot[None], *keys: str) -> None:
    """One after the other, and then until nothing moves."""
    await pilot.press(*keys)
    await settle(pilot)


async def settle(pilot: Pilot[None]) -> None:
    """Until nothing moves: workers are done and a frame after them was shown."""
    app = pilot.app
    assert isinstance(app, SwarmApp)
    for _ in range(2):
        await app.workers.wait_for_complete()
        await pilot.pause()
        app.frame()
        await pilot.pause()


async def until(pilot: Pilot[None], text: str) -> None:
    """The screen says so; what goes on meanwhile is not over."""
    deadline = time.monotonic() + PATIENCE_S
    while text not in shown(pilot):
        assert time.monotonic() < deadline, f"expected {text!r} on the screen, got\n{shown(pilot)}"
        await pilot.pause(0.02)


def shown(pilot: Pilot[None]) -> str:
    """The screen as text."""
    strips = pilot.app.screen._compositor.render_strips()  # the only way to read the screen
    return "\n".join(strip.text for strip in strips)
