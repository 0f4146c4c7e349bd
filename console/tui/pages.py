"""The app as one who opens things: kept runs, files, records, the operator's acts, lanes, a pager."""

import asyncio
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from console.observation.kept_run import KeptRun
from console.observation.runs import RunRef, RunStanding, coordinator_folder
from console.tui.drilling import DrillingApp
from console.tui.errors import ActRefused, in_words
from console.tui.screens.acts import ActPage, ActsPage
from console.tui.screens.bringup import BringUpPage
from console.tui.screens.compare import Compare
from console.tui.screens.file import FilePage
from console.tui.screens.help import Help
from console.tui.screens.host import HostPage
from console.tui.screens.kept import KeptPage, read_kept
from console.tui.screens.lane import LanePage
from console.tui.standing import why_gone
from console.tui.verification import Verification
from console.tui.view import LogEntry, Mode
from runners.records.errors import RecordsError

if TYPE_CHECKING:
    from console.hosts.endpoints import Endpoint

PAGER_ENV = {"LESSSECURE": "1", "LESS": "-iM"}  # no shell, no editor, and escapes of others stay visible


class OpeningApp(DrillingApp):
    """Whatever is opened lies on top of a place; esc goes back."""

    # -- runs that were kept

    def open_run(self, run: RunRef) -> None:
        """From the viewer: a run that goes on is watched, a closed one is opened as it was kept."""
        if run.bundle is not None and run.standing is RunStanding.CLOSED:
            self.open_kept(run.bundle)
        else:
            self.attach(run.run_dir)
            self.unsay()  # it was about another run
            self.action_place("dashboard")

    def open_kept(self, bundle: Path) -> None:
        self.run_worker(self._open_kept(bundle), group="kept", exit_on_error=False)

    async def _open_kept(self, bundle: Path) -> None:
        if not await asyncio.to_thread(bundle.exists):
            self.notice(f"✗ {bundle.name}: it is not there any more: {bundle}", "bad")
            return
        run = await read_kept(bundle)
        self._look_at(run)
        self.push_screen(KeptPage(run))
        self.again()

    def _look_at(self, run: KeptRun) -> None:
        """Header, reasons and acts are about the run that is looked at; one that goes on, or could, stays watched."""
        if self.mode not in (Mode.IDLE, Mode.CLOSED, Mode.RETAINED):
            return
        if run.kind != "swarm":
            self.detach()  # the old system kept no journals
        elif self.attachment is None or self.attachment.bundle != run.path:
            self.attach(_run_of(run.path), retained=True)

    def watch_kept(self, bundle: Path) -> None:
        """A kept run through the dashboard, from its end; the scrubber goes back in it."""
        watched = self.attachment
        if watched is None or not watched.retained or watched.bundle != bundle or watched.player is not None:
            self.attach(_run_of(bundle), retained=True)
        self.action_place("dashboard")

    def compare(self, one: Path, other: Path) -> None:
        self.run_worker(self._compare(one, other), group="kept", exit_on_error=False)

    async def _compare(self, one: Path, other: Path) -> None:
        self.push_screen(Compare(await read_kept(one), await read_kept(other)))
        self.again()

    def open_watched_bundle(self) -> None:
        bundle = self.attachment.bundle if self.attachment else None
        if bundle is None:
            self.notice(
                f"× bundle: {why_gone(self.attachment, self.clock.mono_ms()) or 'it is still being written'}", "warn"
            )
        else:
            self.open_kept(bundle)

    def verify_watched(self) -> None:
        """The offline check of the watched run's bundle, in a process of its own."""
        bundle = self.attachment.bundle if self.attachment else None
        if bundle is None:
            gone = why_gone(self.attachment, self.clock.mono_ms())
            why = gone or "the run has no bundle yet; it is written when it closes"
            self.notice(f"× verify: {why}", "warn")
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

    # -- documents

    def open_evidence(self, place: Path) -> None:
        """A document, a lane's source, or a bundle."""
        if place.is_dir():
            self.open_kept(place)
        else:
            self.open_file(place)

    def open_file(self, path: Path) -> None:
        """A document or a log, whole."""
        try:
            self.push_screen(FilePage(path, path.name))
        except (RecordsError, OSError) as error:
            self.notice(f"✗ {path.name}: {in_words(error)}", "bad")
        self.again()

    # -- pages about the operator's own things

    def action_acts(self) -> None:
        if not isinstance(self.screen, ActsPage):
            self.again()
            self.push_screen(ActsPage())

    def open_act(self, entry: LogEntry) -> None:
        if entry.folder is None:
            self.notice("this act goes on; its record is signed, its outcome is not there yet")
            return
        self.again()
        self.push_screen(ActPage(entry, entry.folder))

    def action_host(self, number: int | None = None) -> None:
        """The whole of one host: by its number, else the one in the worst way; once there, the next one."""
        shown = self.view(self.stamp()).snapshot
        hosts = shown.hosts
        if not hosts:
            self.notice("no host yet: a run names its hosts with its first record", "warn")
            return
        if number is None:
            number = shown.worst_host
        if isinstance(self.screen, HostPage):
            names = [one.host.node_id for one in hosts]
            number = (names.index(self.screen.node_id) + 1) % len(names) if self.screen.node_id in names else 0
            self.pop_screen()
        self.again()
        self.push_screen(HostPage(hosts[number % len(hosts)].host.node_id))

    def show_bring_up(self) -> None:
        if not isinstance(self.screen, BringUpPage):
            self.again()
            self.push_screen(BringUpPage())

    def action_lane(self) -> None:
        if not isinstance(self.screen, LanePage):
            self.again()
            self.push_screen(LanePage())

    async def choose_lane(self, lane: str) -> bool:
        """A signed act: what the later ones are about."""
        try:
            await self.desk.choose_lane(lane)
        except ActRefused as error:
            self.notice(f"✗ lane: {error}", "bad")
            return False
        self.drills = None
        keys = self.key_names.told("<app.start>, <app.bring-up>")
        self.notice(f"✓ {keys} and the drills now use lane {Path(lane).stem}", "ok")
        self.again()
        return True

    async def choose_endpoint(self, endpoint: "Endpoint") -> None:
        try:
            await self.desk.choose_endpoint(endpoint)
        except ActRefused as error:
            self.notice(f"✗ endpoint: {error}", "bad")
            return
        keys = self.key_names.told("<app.start> and <app.bring-up>")
        named = f"{endpoint.name} ({endpoint.spelled})" if endpoint.name else endpoint.spelled
        self.notice(f"✓ {keys} reach {endpoint.node_id} by {named} from now on", "ok")
        self.again()

    def action_help(self) -> None:
        if not isinstance(self.screen, Help):
            self.again()
            page = self.get_screen("help", Help)
            page.open_over(self.screen)
            self.push_screen(page)

    # -- the pager

    def action_pager(self) -> None:
        """What is shown, in the operator's own pager; the console stands meanwhile, and says so afterwards."""
        page = self.screen.paged() if hasattr(self.screen, "paged") else None
        page = page or self._coordinator_log()
        if page is None:
            self.notice("× pager: nothing of this page is a text", "warn")
            return
        pager = shlex.split(os.environ.get("PAGER") or "less")
        if not pager or shutil.which(pager[0]) is None:
            self.notice(f"× pager: {pager[0] if pager else 'PAGER'} is not on this machine; set PAGER", "warn")
            return
        try:
            with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as text, self.suspend():
                if isinstance(page, str):
                    text.write(page)
                    text.flush()
                path = page if isinstance(page, Path) else Path(text.name)
                subprocess.run([*pager, str(path)], env={**os.environ, **PAGER_ENV}, check=False)
        except SuspendNotSupported:
            self.notice("× pager: this terminal can't be handed over", "warn")
        except OSError as error:
            self.notice(f"✗ pager: {in_words(error)}", "bad")
        self.again()

    def _coordinator_log(self) -> Path | None:
        folder = coordinator_folder(self.attachment.run_dir) if self.attachment else None
        log = folder / "log.txt" if folder else None
        return log if log is not None and log.is_file() else None


def _run_of(bundle: Path) -> Path:
    """The folder that is followed: a run of this machine has its bundle below it."""
    return bundle.parent if bundle.name == "bundle" else bundle
