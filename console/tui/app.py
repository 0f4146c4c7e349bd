"""The console: follows runs, shows them, passes the operator's acts on. It owns nothing."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType, Keymap
from textual.screen import Screen

from console.observation.facets import Filter, parse_filter
from console.observation.runs import RunStanding, newest_live
from console.places import data_dir
from console.tui.acts import Acts
from console.tui.clipboard import copy
from console.tui.errors import in_words
from console.tui.evidence import take_snapshot
from console.tui.few_colours import SIXTEEN, SIXTEEN_GREYS, in_256
from console.tui.key_names import KeyNames
from console.tui.keys import EVERYWHERE
from console.tui.palette import commands
from console.tui.proving import ProvingApp
from console.tui.screens.checks import Checks
from console.tui.screens.dashboard import Dashboard
from console.tui.screens.drills import Drills
from console.tui.screens.help import Help
from console.tui.screens.kept import KeptPage
from console.tui.screens.place import Place
from console.tui.screens.receipts import Receipts
from console.tui.screens.viewer import Viewer
from console.tui.session import Session, keep_session, read_session
from console.tui.standing import home_relative
from console.tui.themes import DEFAULT_THEME, Palette, load_themes
from console.tui.view import Mode
from runners.records.clock import Clock
from runners.records.errors import RecordsError


class SwarmApp(ProvingApp):
    """`run_dir` to watch is the one of `run_id`, else the newest live one, else none."""

    CSS_PATH = "swarm.tcss"
    TITLE = "swarm"
    MODES: ClassVar[dict[str, type[Screen[None]]]] = {  # type: ignore[assignment]
        "dashboard": Dashboard,
        "receipts": Receipts,
        "drills": Drills,
        "checks": Checks,
        "viewer": Viewer,
    }
    SCREENS: ClassVar[dict[str, type[Screen[None]]]] = {"help": Help}  # type: ignore[assignment]
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
        given: tuple[Path, ...] = (),
        kept_folders: tuple[Path, ...] = (),
        open_first: Path | None = None,
        place: str = "",
        warnings: tuple[str, ...] = (),
        clock: Clock | None = None,
        threaded: bool = True,
        session_file: Path | None = None,
    ) -> None:
        self.themes, self.theme_problems = load_themes((data_dir("themes"), *theme_folders))
        self.theme_problems += warnings
        super().__init__(
            runs_dir, acts, read_only=read_only, given=given, kept_folders=kept_folders, clock=clock, threaded=threaded
        )
        self.run_id, self._open_first = run_id, open_first
        self._session_file = session_file
        session = read_session(session_file) if session_file else Session()
        self._first_place = place or session.place or "dashboard"
        self.filter = parse_filter(session.filter)
        if self.console.color_system == "256":
            self.themes = {name: in_256(each) for name, each in self.themes.items()}
        for swarm_theme in self.themes.values():
            self.register_theme(swarm_theme.for_textual())
        wanted = theme or session.theme or DEFAULT_THEME
        self.theme = self._wanted = wanted if wanted in self.themes else DEFAULT_THEME
        if wanted not in self.themes:
            self.theme_problems += (f"theme {wanted}: expected one of {', '.join(sorted(self.themes))}",)
        if self.console.color_system == "standard":
            few = self.themes[SIXTEEN.name] = SIXTEEN_GREYS if self.no_color else SIXTEEN
            self.register_theme(few.for_textual())
            self.theme = few.name

    def on_unmount(self) -> None:
        if self._session_file is not None and not self.read_only:
            place = self.current_mode if self.current_mode in self.MODES else ""
            lane, way = self.desk.acts.lane, self.desk.acts.way_kept
            theme = self._wanted if self.theme == SIXTEEN.name else self.theme
            keep_session(self._session_file, Session(place, self.filter.text, theme, lane, way))

    @property
    def palette(self) -> Palette:
        return self.themes[self.theme].palette

    def on_mount(self) -> None:
        self.switch_mode(self._first_place)
        if self._first_place == "drills":
            self.run_worker(self.drill_board(), group="drills", exit_on_error=False)
        self.runs = self.list_runs()
        wanted = next((run for run in self.runs if run.run_id == self.run_id), None) if self.run_id else None
        if self.run_id and wanted is None:
            self.notice(f"✗ no run {self.run_id} under {self.runs_dir}", "bad")
        elif run := wanted or newest_live(self.runs):
            self.attach(run.run_dir, retained=run.standing is RunStanding.CLOSED)
        if self._open_first is not None:
            self.open_kept(self._open_first)
        if self.theme_problems:
            first, *more = self.theme_problems
            others = f"{len(more)} more, {self.key_names('app.help')} lists them · " if more else ""
            self.notice(f"▲ {others}{first}", "warn")
        self.run_worker(self.look_for_runs(), group="runs", exit_on_error=False)
        self.begin_frames()

    # -- places

    def action_place(self, name: str) -> None:
        self.again()
        while len(self.screen_stack) > 1 and not isinstance(self.screen, Dashboard):
            self.pop_screen()
        if self.current_mode != name:
            self.switch_mode(name)
        if name == "drills":
            self.run_worker(self.drill_board(), group="drills", exit_on_error=False)

    def step_back(self, place: Place) -> None:
        """Out of what lies nearest: a zoomed panel, a filter, the past, then the place."""
        if place.zoomed:
            place.zoom()
            self.touch()
        elif isinstance(place, Viewer) and place.drop_filter():
            self.touch()
        elif self.filter and isinstance(place, Dashboard | Receipts):
            self.set_filter(parse_filter(""))
        elif self.attachment is not None and self.attachment.player is not None:
            self.action_live()
        elif not isinstance(place, Dashboard):
            self.action_place("dashboard")

    def set_filter(self, wanted: Filter) -> None:
        """One filter for every list of receipts."""
        self.filter = wanted
        if wanted.problem:
            self.notice(f"▲ {wanted.problem}", "warn")
        self.touch()

    # -- the display

    def action_snapshot(self) -> None:
        """What is shown now, kept beside the runs."""
        view = self.view(self.stamp())
        svg = self.export_screenshot(title=f"swarm {view.title}")
        try:
            evidence = getattr(self.screen, "evidence", None)
            shown = evidence() if evidence else view.snapshot
            kept = next((page.run for page in reversed(self.screen_stack) if isinstance(page, KeptPage)), None)
            run_id = kept.run_id if kept else view.snapshot.state.run_id
            place, digest = take_snapshot(
                self.runs_dir / "snapshots", shown, svg, run_id=run_id, wall_ms=view.snapshot.moment.now.wall_ms
            )
        except (OSError, RecordsError) as error:
            self.notice(f"✗ snapshot: {in_words(error)}; nothing was kept in {self.runs_dir / 'snapshots'}", "bad")
        else:
            self.notice(f"✓ snapshot {digest[:8]} in {home_relative(place)}", "ok")

    def action_next_theme(self) -> None:
        names = sorted(self.themes)
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        self.notice(f"theme {self.theme}", "text")

    def set_keymap(self, keymap: Keymap) -> None:
        self.key_names = KeyNames(dict(keymap))
        super().set_keymap(keymap)

    def action_zoom(self) -> None:
        zoom = getattr(self.screen, "zoom", None)
        if zoom is None or not zoom():
            self.notice("what is shown has the whole screen already; zoom is for the dashboard's panels")
        self.touch()

    def action_leave(self) -> None:
        left = []
        if self.mode is Mode.LIVE and self.attachment is not None:
            left.append(f"{self.attachment.run_dir.name} goes on without the console; `swarm console` shows it again")
        job = self.desk.job
        if job is not None and job.folder is not None:
            left.append(
                f"{job.state.what} goes on without the console, and nobody signs what comes of it; what it says lies"
                f" in {job.folder}"
            )
        self.exit(message="\n".join(left) or None)

    async def action_quit(self) -> None:
        """Textual's own key for leaving."""
        self.action_leave()

    def action_help_quit(self) -> None:
        """Ctrl-C ends no console: whoever pressed it is told what does."""
        self.notice(self.key_names.told("<app.leave> leaves the console, and a run goes on; <app.stop> stops a run"))

    def copy_text(self, text: str, what: str) -> None:
        self.notice(copy(text, what, self.copy_to_clipboard), "text")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every act by name, refused ones too, with the reason."""
        return commands(self, screen)
