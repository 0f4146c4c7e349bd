"""The console: follows runs, shows them, passes the operator's acts on. It owns nothing."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from console.observation.facets import Filter
from console.observation.line import Ref
from console.observation.receipts import ReceiptRing, find
from console.observation.receipts import Row as Receipt
from console.observation.runs import RunRef, RunStanding, newest_live
from console.places import data_dir
from console.tui.acts import Acts
from console.tui.clipboard import copy
from console.tui.evidence import take_snapshot
from console.tui.keys import EVERYWHERE
from console.tui.operating import OperatingApp
from console.tui.screens.checks import Checks
from console.tui.screens.compare import Compare
from console.tui.screens.dashboard import Dashboard, read_again
from console.tui.screens.fixed import Drills, Record
from console.tui.screens.help import Help
from console.tui.screens.kept import KeptPage, read_kept
from console.tui.screens.receipts import Receipts
from console.tui.screens.viewer import Viewer
from console.tui.themes import DEFAULT_THEME, Palette, load_themes
from console.tui.verification import Verification
from console.tui.view import Mode
from console.tui.widgets.receipts import ReceiptsView
from runners.records.clock import Clock
from runners.records.errors import RecordsError


class SwarmApp(OperatingApp):
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
        super().__init__(runs_dir, acts, read_only=read_only, kept_folders=kept_folders, clock=clock, threaded=threaded)
        self.run_id, self._open_first, self._first_place = run_id, open_first, place
        self.filter = Filter()
        for swarm_theme in self.themes.values():
            self.register_theme(swarm_theme.for_textual())
        wanted = theme or DEFAULT_THEME
        self.theme = wanted if wanted in self.themes else DEFAULT_THEME
        if wanted not in self.themes:
            self.theme_problems += (f"theme {wanted}: expected one of {', '.join(sorted(self.themes))}",)

    @property
    def palette(self) -> Palette:
        return self.themes[self.theme].palette

    def on_mount(self) -> None:
        self.switch_mode(self._first_place)
        self.runs = self.list_runs()
        wanted = next((run for run in self.runs if run.run_id == self.run_id), None) if self.run_id else None
        if self.run_id and wanted is None:
            self.notice(f"✗ no run {self.run_id} under {self.runs_dir}", "bad")
        elif run := wanted or newest_live(self.runs):
            self.attach(run.run_dir, retained=run.standing is RunStanding.CLOSED)
        if self._open_first is not None:
            self.open_kept(self._open_first)
        for problem in self.theme_problems:
            self.notice(f"▲ {problem}", "warn")
        self.begin_frames()

    # -- places and pages

    def action_place(self, name: str) -> None:
        self.again()
        while len(self.screen_stack) > 1 and not isinstance(self.screen, Dashboard):
            self.pop_screen()
        if self.current_mode != name:
            self.switch_mode(name)

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
        self.again()

    def watch_kept(self, bundle: Path) -> None:
        """A kept run through the dashboard, from its end; the scrubber goes back in it."""
        self.attach(bundle.parent if bundle.name == "bundle" else bundle, retained=True)
        self.action_place("dashboard")

    def compare(self, one: Path, other: Path) -> None:
        self.run_worker(self._compare(one, other), group="kept", exit_on_error=False)

    async def _compare(self, one: Path, other: Path) -> None:
        self.push_screen(Compare(await read_kept(one), await read_kept(other)))
        self.again()

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
        self.again()
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
        self.again()
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

    # -- the display

    def action_snapshot(self) -> None:
        """What is shown now, kept beside the runs."""
        view = self.view(self.stamp())
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
        self.notice(f"theme {self.theme}", "text")

    def action_help(self) -> None:
        if not isinstance(self.screen, Help):
            self.again()
            self.push_screen(Help())

    def action_leave(self) -> None:
        live = self.mode is Mode.LIVE and self.attachment is not None
        name = self.attachment.run_dir.name if self.attachment else ""
        self.exit(message=f"{name} goes on without the console; `swarm console` shows it again" if live else None)

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
