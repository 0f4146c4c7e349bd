"""The app as one who watches: a run is followed, and what is known of it is shown frame by frame."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from console.evidence.operator_acts import FOLDER as ACTS_FOLDER
from console.observation.endings import with_endings
from console.observation.line import Stamp
from console.observation.moment import Moment
from console.observation.runs import RunRef, list_kept, list_runs, newest_live
from console.tui.acts import Acts
from console.tui.attachment import Attachment
from console.tui.desk import OperatorDesk
from console.tui.key_names import KeyNames
from console.tui.lateness import FRAME_MS, Lateness
from console.tui.notices import Notices
from console.tui.standing import mode_of, other_live, view_of
from console.tui.stylesheet import ThemedStylesheet
from console.tui.terminal import TerminalDriver
from console.tui.verification import Verification, Verified
from console.tui.view import Mode, View
from runners.records.clock import Clock

if TYPE_CHECKING:
    from console.tui.drill_board import DrillBoard

RUNS_EVERY_S = 2.0
DRAIN_AGAIN_S = 0.004
LATER = ("console.tui.drill_board", "console.hosts.endpoints")
LATER_S = 0.5
PROGRESS_MS = 400


class WatchingApp(App[None]):
    """Owns nothing but its view: the attachment, the frame, and the words at the bottom."""

    def __init__(
        self,
        runs_dir: Path,
        acts: Acts,
        *,
        read_only: bool,
        given: tuple[Path, ...],
        kept_folders: tuple[Path, ...],
        clock: Clock | None,
        threaded: bool,
    ) -> None:
        super().__init__(driver_class=TerminalDriver)
        self.stylesheet = ThemedStylesheet(variables=self.get_css_variables())
        self.animation_level = "none"
        self.runs_dir, self.read_only, self.given, self.kept_folders = runs_dir, read_only, given, kept_folders
        self.clock = clock or Clock()
        self.attachment: Attachment | None = None
        self.runs: tuple[RunRef, ...] = ()
        self.desk = OperatorDesk(acts, runs_dir / ACTS_FOLDER, self.clock)
        self.drills: DrillBoard | None = None
        self.verifications: dict[Path, Verification] = {}
        self.notices = Notices()
        self.frames = 0
        self.key_names = KeyNames()
        self.asked_ms: int | None = None  # a run was asked for, and isn't there yet
        self._threaded = threaded
        self._draining = False
        self._paused: Moment | None = None
        self._held_back = 0
        self._lateness = Lateness()
        self._shown: object = None
        self._drawn_ms = 0

    # -- what is watched

    def begin_frames(self) -> None:
        """The frame runs from here on."""
        self.theme_changed_signal.subscribe(self, lambda _: self._recolour())
        self.set_interval(FRAME_MS / 1000, self.frame, name="frame")
        self.set_interval(RUNS_EVERY_S, self.look_for_runs, name="runs")
        self.call_after_refresh(self.frame)
        if self._threaded:
            self.set_timer(LATER_S, self._import_what_keys_need, name="imports")

    async def _import_what_keys_need(self) -> None:
        """Neither the first paint nor a long journal waits for the drills' documents and the lanes' endpoints; nor does
        a key."""
        if self.attachment is not None and self.attachment.reading:
            self.set_timer(LATER_S, self._import_what_keys_need, name="imports")
            return
        await self.off_loop(lambda: [import_module(name) for name in LATER])

    def on_unmount(self) -> None:
        if self.attachment is not None:
            self.attachment.close()
        for going in self.verifications.values():
            going.end()

    def attach(self, run_dir: Path, *, retained: bool = False) -> None:
        if self.attachment is not None:
            self.attachment.close()
        self._paused = None
        self.again()
        self.attachment = Attachment(run_dir, clock=self.clock, threaded=self._threaded, retained=retained)

    def detach(self) -> None:
        if self.attachment is not None:
            self.attachment.close()
        self._paused = None
        self.attachment = None
        self.again()

    def list_runs(self) -> tuple[RunRef, ...]:
        """Those at the places that were given, then this machine's, then those of the other folders; each once."""
        given, others = ([run for folder in folders for run in list_kept(folder)]
                         for folders in (self.given, self.kept_folders))  # fmt: skip
        found: dict[Path, RunRef] = {}
        for run in (*given, *list_runs(self.runs_dir), *others):
            found.setdefault(run.bundle or run.run_dir, run)
        return tuple(found.values())

    async def look_for_runs(self) -> None:
        """Also how each ended, for which its bundle is read: the first paint doesn't wait for that."""

        def look() -> None:
            self.runs = with_endings(self.list_runs())
            self.desk.recall()

        await self.off_loop(look)
        live = newest_live(self.runs)
        if self.attachment is None and live is not None:
            self.attach(live.run_dir)

    @property
    def mode(self) -> Mode:
        return mode_of(self.attachment, starting=self.asked_ms is not None)

    # -- frames

    def delay_update(self, delay: float = 0) -> None:
        """A place is painted as it is within its first frame: Textual's 50 ms against flicker would only be felt."""

    def frame(self) -> None:
        """Drain, fold, one frozen view, the active screen. Nothing is judged before the input is drained."""
        if not self.screen_stack or not self.is_running:
            return  # between two modes, or on the way out: a screen that closes has lost its widgets already
        now = self.stamp()
        self._lateness.frame(now.mono_ms, self.attachment)
        attachment = self.attachment
        if attachment is not None:
            if self._paused is None:
                self._drain(attachment)
            if attachment.player is not None:
                attachment.player.tick(now.mono_ms)
            self._held_back = attachment.waiting
            if self._lateness.must_wait(now.mono_ms, attachment) or self._drawn_lately(now, attachment):
                return
        view = self.view(now)
        key = self._key(view, now)
        if key != self._shown:
            self._shown = key if self.screen.is_mounted else None
            self._drawn_ms = now.mono_ms
            self.frames += 1
            for screen in reversed(self.screen_stack):
                show = getattr(screen, "show", None)
                if show is not None and screen.is_mounted:
                    show(view)
                if not screen.is_modal:
                    break  # it hides what lies below
            paint = getattr(self.screen, "paint", None)
            if paint is not None:
                paint()

    def _drawn_lately(self, now: Stamp, attachment: Attachment) -> bool:
        """While a long journal is read there is only its progress to show, and every picture makes it longer."""
        answered = self._shown is not None  # no key waits
        return answered and attachment.reading and now.mono_ms - self._drawn_ms < PROGRESS_MS

    def _drain(self, attachment: Attachment) -> None:
        """A long journal fills the time between two frames, and leaves keys their turn."""
        attachment.drain()
        if (attachment.waiting or attachment.reading) and not self._draining:
            self._draining = True
            self.set_timer(DRAIN_AGAIN_S, self._drain_more)

    def _drain_more(self) -> None:
        self._draining = False
        if self.attachment is not None and self._paused is None:
            reading = self.attachment.reading
            self._drain(self.attachment)
            if reading and not self.attachment.reading:
                self.frame()  # the true state is not kept until the next tick

    def again(self) -> None:
        """What was shown is no measure any more: the next frame draws."""
        self._shown = None

    def touch(self) -> None:
        """The screen is another one, or of another size."""
        self.again()
        self.call_later(self.frame)

    def stamp(self) -> Stamp:
        return Stamp(self.clock.wall_ms(), self.clock.mono_ms())

    def view(self, now: Stamp) -> View:
        view = view_of(self.attachment, self._paused or self._moment(now))
        return replace(
            view,
            mode=Mode.RETAINED if view.replay else self.mode,
            held_back=self._held_back if self._paused else None,
            gap_ms=self._lateness.gap_ms,
            waited_ms=now.mono_ms - self._asked_since(now),
            read_only=self.read_only,
            place=self.current_mode,
            blocked=self.blocked(),
            notice=self.notices.at(now.mono_ms),
            log=self.desk.entries,
            job=self.desk.job.state if self.desk.job else None,
            lane=Path(self.desk.acts.lane).stem,
            keys=self.key_names,
            way=self.desk.acts.way.name,
            refused=self.desk.refused,
            acknowledged=self.desk.acknowledged,
            drills=self.drills.cards if self.drills else (),
            verified=self._verified(),
            runs=self.runs,
            last=self.last_run,
            other_live=other_live(self.runs, self.attachment),
        )

    @property
    def last_run(self) -> RunRef | None:
        """This machine's newest, as it was found the last time that somebody looked."""
        return next((run for run in self.runs if run.run_dir.parent == self.runs_dir), None)

    def _asked_since(self, now: Stamp) -> int:
        asked_ms = self.attachment.asked_ms if self.attachment else self.asked_ms
        return now.mono_ms if asked_ms is None else asked_ms

    def blocked(self) -> frozenset[str]:
        """Ids of bindings that would be refused now."""
        return frozenset()

    def _recolour(self) -> None:
        """What is on screen; a place that isn't finds out when it comes back."""
        for screen in self.screen_stack:
            for widget in screen.query("Block, LineView"):
                widget.refresh()
        self.again()

    def _moment(self, now: Stamp) -> Moment:
        watched = self.attachment
        return Moment(now, watched.alive, last_word=watched.last_word) if watched else Moment(now)

    def _key(self, view: View, now: Stamp) -> object:
        """What is on screen moves with time only while something is waited for."""
        moving = view.mode in (Mode.LIVE, Mode.STARTING) or view.job is not None
        tick = now.wall_ms // FRAME_MS if moving else now.wall_ms // 1000
        attachment = self.attachment
        watched = attachment and (attachment.run_dir, attachment.updates)
        return (
            (watched, view.mode, tick, self.theme, self.size, len(self.screen_stack)),
            (view.reading, view.notice, view.held_back, view.gap_ms, view.place, view.log),
            (view.bundle, view.counters, view.runs, view.replay, view.blind),
            (view.job, view.lane, view.acknowledged, view.drills, view.blocked),
            tuple(going.state for going in self.verifications.values()),
        )

    def _verified(self) -> Verified | None:
        bundle = self.attachment.bundle if self.attachment else None
        going = self.verifications.get(bundle) if bundle else None
        return going.state if going else None

    # -- in a thread

    async def off_loop(self, work: Callable[[], object]) -> None:
        """In a thread, so that no file is waited for by the screen."""
        if self._threaded:
            await asyncio.to_thread(work)
        else:
            work()

    # -- words to the operator

    def notice(self, text: str, role: str = "text") -> None:
        """A passing word in place of the keys, drawn at once: it answers a key."""
        self.notices.say(text, role, self.clock.mono_ms())
        self.call_later(self.frame)

    def unsay(self) -> None:
        self.notices.unsay()
        self.call_later(self.frame)
