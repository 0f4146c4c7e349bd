"""The console: follows runs, shows them, passes the operator's acts on. It owns nothing."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import Screen

from console.observation.errors import ObservationError
from console.observation.facets import Filter
from console.observation.line import Ref, Stamp
from console.observation.moment import Moment
from console.observation.receipts import ReceiptRing, find
from console.observation.receipts import Row as Receipt
from console.observation.runs import RunRef, RunStanding, list_kept, list_runs, newest_live
from console.places import data_dir
from console.tui.acts import Acts
from console.tui.attachment import Attachment
from console.tui.clipboard import copy
from console.tui.desk import OperatorDesk
from console.tui.errors import ActRefused
from console.tui.evidence import take_snapshot
from console.tui.keys import EVERYWHERE
from console.tui.lateness import FRAME_MS, Lateness
from console.tui.screens.checks import Checks
from console.tui.screens.compare import Compare
from console.tui.screens.confirm import ConfirmStop
from console.tui.screens.dashboard import Dashboard, read_again
from console.tui.screens.fixed import Drills, Record
from console.tui.screens.help import Help
from console.tui.screens.kept import KeptPage, read_kept
from console.tui.screens.receipts import Receipts
from console.tui.screens.viewer import Viewer
from console.tui.standing import ACTS, mode_of, reason_against, view_of
from console.tui.terminal import TerminalDriver
from console.tui.themes import DEFAULT_THEME, Palette, load_themes
from console.tui.verification import Verification, Verified
from console.tui.view import Mode, View
from console.tui.widgets.receipts import ReceiptsView
from runners.records.clock import Clock
from runners.records.errors import RecordsError

NOTICE_MS = 5000
RUNS_EVERY_S = 2.0


class SwarmApp(App[None]):
    """`run_dir` to watch is the one of `run_id`, else the newest live one, else none."""

    CSS_PATH = "swarm.tcss"
    TITLE = "swarm"
    COMMAND_PALETTE_BINDING = "colon"
    MODES: ClassVar[dict[str, type[Screen[None]]]] = {  # type: ignore[assignment]
        "dashboard": Dashboard,
        "receipts": Receipts,
        "drills": Drills,
        "checks": Checks,
        "viewer": Viewer,
    }
    BINDINGS: ClassVar[list[BindingType]] = list(EVERYWHERE)

    def __init__(
        self,
        runs_dir: Path,
        acts: Acts,
        run_id: str | None = None,
        *,
        read_only: bool = False,
        theme: str | None = None,
        theme_folders: tuple[Path, ...] = (),
        kept_folders: tuple[Path, ...] = (),
        open_first: Path | None = None,
        place: str = "dashboard",
        warnings: tuple[str, ...] = (),
        clock: Clock | None = None,
        threaded: bool = True,
    ) -> None:
        self.themes, self.theme_problems = load_themes((data_dir("themes"), *theme_folders))
        self.theme_problems += warnings
        super().__init__(driver_class=TerminalDriver)
        self.animation_level = "none"
        self.runs_dir, self.run_id, self.read_only = runs_dir, run_id, read_only
        self.kept_folders, self._open_first, self._first_place = kept_folders, open_first, place
        self.clock = clock or Clock()
        self.attachment: Attachment | None = None
        self.runs: tuple[RunRef, ...] = ()
        self.desk = OperatorDesk(acts, self.clock.wall_ms)
        self.filter = Filter()
        self.verifications: dict[Path, Verification] = {}
        self.frames = 0
        self._threaded = threaded
        self._starting = False
        self._paused: Moment | None = None
        self._held_back = 0
        self._notice: tuple[str, str] | None = None
        self._notice_until = 0
        self._lateness = Lateness()
        self._shown: object = None
        for swarm_theme in self.themes.values():
            self.register_theme(swarm_theme.for_textual())
        wanted = theme or DEFAULT_THEME
        self.theme = wanted if wanted in self.themes else DEFAULT_THEME
        if wanted not in self.themes:
            self.theme_problems += (f"theme {wanted}: expected one of {', '.join(sorted(self.themes))}",)

    @property
    def palette(self) -> Palette:
        return self.themes[self.theme].palette

    # -- life

    def on_mount(self) -> None:
        self.switch_mode(self._first_place)
        self.runs = self._list_runs()
        wanted = next((run for run in self.runs if run.run_id == self.run_id), None) if self.run_id else None
        if self.run_id and wanted is None:
            self.notice(f"✗ no run {self.run_id} under {self.runs_dir}", "bad")
        elif run := wanted or newest_live(self.runs):
            self.attach(run.run_dir, retained=run.standing is RunStanding.CLOSED)
        if self._open_first is not None:
            self.open_kept(self._open_first)
        for problem in self.theme_problems:
            self.notice(f"▲ {problem}", "warn")
        self.set_interval(FRAME_MS / 1000, self.frame, name="frame")
        self.set_interval(RUNS_EVERY_S, self._look_for_runs, name="runs")
        self.call_after_refresh(self.frame)

    def on_unmount(self) -> None:
        if self.attachment is not None:
            self.attachment.close()
        for going in self.verifications.values():
            going.end()

    def attach(self, run_dir: Path, *, retained: bool = False) -> None:
        if self.attachment is not None:
            self.attachment.close()
        self._paused, self._shown = None, None
        self.attachment = Attachment(run_dir, clock=self.clock, threaded=self._threaded, retained=retained)

    def open_run(self, run: RunRef) -> None:
        """From the viewer: a run that goes on is watched, a closed one is opened as it was kept."""
        if run.bundle is not None and run.standing is RunStanding.CLOSED:
            self.open_kept(run.bundle)
        else:
            self.attach(run.run_dir)
            self.switch_mode("dashboard")

    def open_kept(self, bundle: Path) -> None:
        self.run_worker(self._open_kept(bundle), group="kept", exit_on_error=False)

    async def _open_kept(self, bundle: Path) -> None:
        self.push_screen(KeptPage(await read_kept(bundle)))
        self._shown = None

    def watch_kept(self, bundle: Path) -> None:
        """A kept run through the dashboard, from its end; the scrubber goes back in it."""
        self.attach(bundle.parent if bundle.name == "bundle" else bundle, retained=True)
        self.action_place("dashboard")

    def compare(self, one: Path, other: Path) -> None:
        self.run_worker(self._compare(one, other), group="kept", exit_on_error=False)

    async def _compare(self, one: Path, other: Path) -> None:
        self.push_screen(Compare(await read_kept(one), await read_kept(other)))
        self._shown = None

    def _list_runs(self) -> tuple[RunRef, ...]:
        """This machine's runs first, then those of the other folders."""
        others = (run for folder in self.kept_folders for run in list_kept(folder))
        return (*list_runs(self.runs_dir), *others)

    async def _look_for_runs(self) -> None:
        if self._threaded:
            self.runs = await asyncio.to_thread(self._list_runs)
        else:
            self.runs = self._list_runs()
        live = newest_live(self.runs)
        if self.attachment is None and live is not None:
            self.attach(live.run_dir)

    # -- frames

    def delay_update(self, delay: float = 0.005) -> None:
        """A place is drawn within its first frame: Textual's 50 ms against flicker would only be felt."""
        super().delay_update(min(delay, 0.005))

    def frame(self) -> None:
        """Drain, fold, one frozen view, the active screen. Nothing is judged before the input is drained."""
        if not self.screen_stack:
            return  # between two modes, or on the way out
        now = Stamp(self.clock.wall_ms(), self.clock.mono_ms())
        self._lateness.frame(now.mono_ms, self.attachment)
        if self._notice is not None and now.mono_ms >= self._notice_until:
            self._notice = None
        attachment = self.attachment
        if attachment is not None:
            if self._paused is None:
                attachment.drain()
            if attachment.player is not None:
                attachment.player.tick(now.mono_ms)
            self._held_back = attachment.waiting
            if self._lateness.must_wait(now.mono_ms, attachment):
                return
        view = self._view(now)
        key = self._key(view, now)
        if key != self._shown:
            self._shown = key if self.screen.is_mounted else None
            self.frames += 1
            for screen in self.screen_stack:
                show = getattr(screen, "show", None)
                if show is not None and screen.is_mounted:
                    show(view)

    def touch(self) -> None:
        """The screen is another one, or of another size: what was shown is no measure."""
        self._shown = None
        self.call_later(self.frame)

    def _moment(self, now: Stamp) -> Moment:
        return Moment(now, self.attachment.alive if self.attachment else None)

    def _view(self, now: Stamp) -> View:
        view = view_of(self.attachment, self._paused or self._moment(now))
        return replace(
            view,
            mode=Mode.RETAINED if view.replay else self.mode,
            held_back=self._held_back if self._paused else None,
            gap_ms=self._lateness.gap_ms,
            read_only=self.read_only,
            place=self.current_mode,
            blocked=frozenset(name for name in ACTS if self.reason_against(name)),
            notice=self._notice,
            log=tuple(self.desk.entries),
            verified=self._verified(),
            runs=self.runs,
        )

    def _key(self, view: View, now: Stamp) -> object:
        """What is on screen moves with time only while something is waited for."""
        tick = now.wall_ms // FRAME_MS if view.mode in (Mode.LIVE, Mode.STARTING) else now.wall_ms // 1000
        attachment = self.attachment
        return (
            (
                attachment and (attachment.run_dir, attachment.updates),
                view.mode,
                tick,
                self.theme,
                self.size,
                len(self.screen_stack),
            ),
            (view.reading, view.notice, view.held_back, view.gap_ms, view.place, len(view.log)),
            (view.bundle, view.counters, view.runs, view.replay),
            tuple(going.state for going in self.verifications.values()),
        )

    def _verified(self) -> Verified | None:
        bundle = self.attachment.bundle if self.attachment else None
        going = self.verifications.get(bundle) if bundle else None
        return going.state if going else None

    @property
    def mode(self) -> Mode:
        return mode_of(self.attachment, starting=self._starting)

    # -- acts

    def reason_against(self, binding_id: str | None) -> str | None:
        """Why a key would be refused now, and what would enable it; None when it would work."""
        run = self.attachment.run_dir.name if self.attachment else ""
        past = self.attachment is not None and self.attachment.player is not None
        return reason_against(binding_id, self.mode, read_only=self.read_only, run=run, replaying=past)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """A refused act stays visible, greyed."""
        return None if self.reason_against(f"app.{action}") else True

    def on_key(self, event: Key) -> None:
        """A key whose act is refused says why."""
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and event.key in binding.key.split(","):
                reason = self.reason_against(binding.id)
                if reason is not None:
                    self.notice(f"× {binding.key} {binding.description}: {reason}", "warn")
                    event.stop()

    def action_place(self, name: str) -> None:
        self._shown = None
        while len(self.screen_stack) > 1 and not isinstance(self.screen, Dashboard):
            self.pop_screen()
        if self.current_mode != name:
            self.switch_mode(name)

    async def action_start(self) -> None:
        self._starting = True
        self.run_worker(self._start(), group="acts", exclusive=True)

    async def _start(self) -> None:
        try:
            started = await self.desk.start()
        except ActRefused as error:
            self.notice(f"✗ go live: {error}", "bad")
        else:
            self.attach(started.run_dir)
        finally:
            self._starting = False
            self._shown = None

    def action_stop(self) -> None:
        if self.attachment is None:
            return
        run_id = self.attachment.state.run_id

        def answered(yes: bool | None) -> None:
            self._shown = None
            if yes:
                self.run_worker(self._stop(run_id), group="acts", exclusive=True)
            else:
                self.notice(f"{run_id} goes on", "text")

        self._shown = None
        self.push_screen(ConfirmStop(run_id), answered)

    async def _stop(self, run_id: str) -> None:
        try:
            await self.desk.stop(run_id)
        except ActRefused as error:
            self.notice(f"✗ stop: {error}", "bad")
        self._shown = None

    def action_scrub(self, step: str, way: int) -> None:
        """A step through the run's own time, by a second or by a phase."""
        if self.attachment is not None:
            self.run_worker(self._scrub(self.attachment, step, way), group="scrub", exit_on_error=False)

    async def _scrub(self, attachment: Attachment, step: str, way: int) -> None:
        try:
            player = await attachment.scrubber()
        except (ObservationError, OSError) as error:
            self.notice(f"✗ scrub: {error}", "bad")
            return
        self._paused = None
        if step == "phase":
            player.phase(way)
        else:
            player.step(way * 1000)
        self._shown = None

    def action_live(self) -> None:
        """From a moment of the past back to what is."""
        if self.attachment is not None:
            self.attachment.player = None
        self._paused = self._shown = None

    def action_pause(self) -> None:
        if self.attachment is not None and self.attachment.player is not None:
            self.attachment.player.toggle()
            self._shown = None
            return
        if self._paused is None and self.attachment is not None:
            self._paused = self._moment(Stamp(self.clock.wall_ms(), self.clock.mono_ms()))
        else:
            self._paused = None
        self._shown = None

    def action_snapshot(self) -> None:
        """What is shown now, kept beside the runs."""
        view = self._view(Stamp(self.clock.wall_ms(), self.clock.mono_ms()))
        svg = self.export_screenshot(title=f"swarm {view.title}")
        try:
            place, digest = take_snapshot(self.runs_dir / "snapshots", view.snapshot, svg, view.title)
        except (OSError, RecordsError) as error:
            self.notice(f"✗ snapshot: {error}", "bad")
        else:
            self.notice(f"✓ snapshot {digest[:16]} in {place}", "ok")

    def action_next_theme(self) -> None:
        names = sorted(self.themes)
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        self._shown = None
        self.refresh_css()
        for screen in self.screen_stack:
            for widget in screen.query("Block, LineView"):
                widget.refresh()
        self.notice(f"theme {self.theme}", "text")

    def action_help(self) -> None:
        if not isinstance(self.screen, Help):
            self._shown = None
            self.push_screen(Help())

    def action_leave(self) -> None:
        live = self.mode is Mode.LIVE and self.attachment is not None
        name = self.attachment.run_dir.name if self.attachment else ""
        self.exit(message=f"{name} goes on without the console; `swarm console` shows it again" if live else None)

    def open_record_at(self, ref: Ref) -> None:
        """The record that a verdict rests on."""
        ring = self.attachment.shown_ring if self.attachment else ReceiptRing()
        place = find(ring, len(ring) - 1, -1, lambda row: row.ref == ref)
        if place is None:
            self.notice(f"✗ {ref.file} #{ref.seq} is older than the receipts in memory", "bad")
        else:
            self.open_receipt(ring[place])

    def open_receipt(self, receipt: Receipt | None) -> None:
        """Whole, read again from disk and checked again."""
        detail, problem = read_again(self.attachment, receipt)
        self._shown = None
        if detail is not None:
            self.push_screen(Record(detail))
        elif problem:
            self.notice(f"✗ {problem}", "bad")

    def verify_watched(self) -> None:
        """The offline check of the watched run's bundle, in a process of its own."""
        bundle = self.attachment.bundle if self.attachment else None
        if bundle is None:
            self.notice("× verify: the run has no bundle yet; it is written when the run closes", "warn")
        else:
            self.verify(bundle)

    def verify(self, path: Path) -> Verification:
        """Starts a check, or gives the one that goes on."""
        going = self.verifications.get(path)
        if going is None or going.state.over:
            going = self.verifications[path] = Verification(path)
            self.run_worker(going.run(), group="verify", exit_on_error=False)
        self._shown = None
        return going

    def on_line_view_chosen(self, event: ReceiptsView.Chosen) -> None:
        """Enter on a receipt opens it whole."""
        view = event.view
        if isinstance(view, ReceiptsView):
            self.open_receipt(view.chosen)

    def set_filter(self, wanted: Filter) -> None:
        """One filter for every list of receipts."""
        self.filter = wanted
        if wanted.problem:
            self.notice(f"▲ {wanted.problem}", "warn")
        self.touch()

    # -- words to the operator

    def notice(self, text: str, role: str = "text") -> None:
        """A passing word in place of the keys."""
        self._notice, self._notice_until = (text, role), self.clock.mono_ms() + NOTICE_MS

    def copy_text(self, text: str, what: str) -> None:
        self.notice(copy(text, what, self.copy_to_clipboard), "text")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """Every act by name, refused ones too, with the reason."""
        for binding in self.BINDINGS:
            if isinstance(binding, Binding):
                reason = self.reason_against(binding.id)
                words = binding.tooltip if reason is None else f"not now: {reason}"
                yield SystemCommand(binding.description, words, self._command(binding, reason))
        for name in sorted(self.themes):
            yield SystemCommand(f"theme {name}", "use this theme", lambda name=name: setattr(self, "theme", name))

    def _command(self, binding: Binding, reason: str | None):  # type: ignore[no-untyped-def]
        async def run() -> None:
            if reason is not None:
                self.notice(f"× {binding.description}: {reason}", "warn")
            else:
                await self.run_action(binding.action)

        return run
