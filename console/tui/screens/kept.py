"""One kept run: what it says, whether that holds, and everything that lies in it."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from console.observation.kept_changes import Marks, changes, marks_of
from console.observation.kept_run import KeptFile, KeptRun
from console.observation.plain import plain
from console.tui.drawing import kept
from console.tui.drawing.text import Row
from console.tui.errors import in_words
from console.tui.keys import HERE, key
from console.tui.screens.file import FilePage
from console.tui.screens.place import Place
from console.tui.tensors import AdapterTable
from console.tui.verification import Verified
from console.tui.view import View
from console.tui.widgets.lines import FixedLines
from runners.records.errors import RecordsError

LOOK_S = 2.0
TABS = 2  # rows above those of a section
Targets = tuple[KeptFile | None, ...]  # beside each row, what enter opens


class KeptPage(Place):
    """Left and right go through the sections; enter opens a file, or computes the norms of an adapter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("right,l", "section(1)", "next page", "kept.next", "the next page of this run", HERE, first=True),
        key("left,h", "section(-1)", "page before", "kept.previous", "the page before", HERE, first=True),
        key("w", "watch", "watch", "kept.watch",
            "through the dashboard; <replay.back> <replay.on> <replay.phase-back> <replay.phase-on> step in it", HERE),
        key("v", "verify", "verify", "kept.verify", "check it again from the files alone", HERE),
        key("escape", "app.pop_screen", "back", "kept.back", "back to the list", HERE),
    ]  # fmt: skip

    def __init__(self, run: KeptRun) -> None:
        super().__init__()
        self.run = run
        self._section = 0
        self._marks: Marks = {}
        self._since = ""  # what became of its files since they were read
        self._at_top = False  # the next rows are of another section
        self._tables: dict[str, AdapterTable] | None = None  # once their headers were read
        self._targets: Targets = ()
        self._drawn: tuple[object, tuple[Row, ...], Targets] = (None, (), ())  # and from what

    def body(self) -> Iterable[Widget]:
        lines = FixedLines(id="lines", cursor=True)
        lines.entitle(Content(plain(self.run.run_id or self.run.path.name)))
        yield lines

    def on_mount(self) -> None:
        self._marks = marks_of(self.run.path)
        self.action_verify()
        self.set_interval(LOOK_S, self._look, name="look")

    async def _look(self) -> None:
        """What was read and verified is of then: whoever reads it is told when the disk says something else."""
        if not self.is_active:
            return
        before = self._marks
        now = await asyncio.to_thread(marks_of, self.run.path)
        since = _told_changes(changes(before, now), gone=bool(before) and not now)
        if before is self._marks and since != self._since:
            self._since = since
            self.app.touch()

    def show(self, view: View) -> None:
        lines = self.query_one(FixedLines)
        width, height = self.size.width - 6, self.size.height - 7
        tables = (self._tables or {}).values() if self.section == "adapters" else ()
        since = (
            self.section,
            width,
            height,
            self._verified(),
            tuple(table.state for table in tables),
            self._tables is None,
            self._since,
            self.run,
        )
        if since != self._drawn[0]:
            turns = self.told("<kept.previous> <kept.next>")
            rows, targets = self._rows(width, height)
            told: Row = ((self.told(self._since), "warn*"),) if self._since else ()
            self._drawn = (since, (kept.tabs(self.section, turns), told, *rows), targets)
        lines.show_rows(self._drawn[1])
        self._targets = self._drawn[2]
        lines.has_cursor = any(self._targets)  # elsewhere the keys scroll
        if self._at_top:  # where there is something to open, enter opens the first
            self._at_top = self.section == "adapters" and self._tables is None
            lines.scroll_to(y=0, animate=False)
            lines.move_to(TABS if any(self._targets) else 0)
        lines.offer(f"{self.run.kind} · {self._offers()}")
        super().show(view)

    def _offers(self) -> str:
        back = "<kept.back> back"
        if any(self._targets):
            opens = "computes norms" if self.section == "adapters" else "opens · <app.pager> in the pager"
            return f"<lines.open> {opens} · {back}"
        offered = "<app.evidence> the record behind the verdict · <kept.watch> watches it · "
        return f"{offered if self.run.kind == 'swarm' else ''}{back}"

    @property
    def section(self) -> str:
        return kept.SECTIONS[self._section]

    def _rows(self, width: int, height: int) -> tuple[tuple[Row, ...], Targets]:
        match self.section:
            case "verdict":
                return kept.verdict(self.run, self._verified(), width), ()
            case "timeline":
                return kept.timeline(self.run, width), ()
            case "devices":
                return kept.devices(self.run, width), ()
            case "loss":
                return kept.losses(self.run, width, height), ()
            case "adapters":
                return self._adapters(width)
            case "files":
                return kept.listed(self.run.files, width), self.run.files
            case "logs":
                told = kept.listed(self.run.logs, width) or _none("no log is kept in this bundle")
                return told, self.run.logs
        return kept.audit(self.run, width) or _none("no audit is kept in this bundle"), ()

    def evidence(self) -> dict[str, object]:
        """What this page is drawn from: the documents as read, and what the check said."""
        return {"section": self.section, "run": self.run, "verified": self._verified()}

    def paged(self) -> Path | None:
        """The audit, or the file under the cursor."""
        place = self.query_one(FixedLines).index - TABS
        target = self._targets[place] if 0 <= place < len(self._targets) else None
        if target is not None:
            return None if target.path.endswith(".safetensors") else self.run.path / target.path
        return self.run.path / "audit.md" if self.run.audit else None

    def _verified(self) -> Verified | None:
        going = self.app.verifications.get(self.run.path)
        return going.state if going else None

    def _adapters(self, width: int) -> tuple[tuple[Row, ...], Targets]:
        """The header's table of each file; the norms where they were asked for."""
        if not self.run.adapters:
            return _none("no tensors are kept in this bundle"), ()
        if self._tables is None:
            self.run_worker(self._read_headers(), group="headers", exclusive=True, exit_on_error=False)
            return _none(f"reading the headers of {len(self.run.adapters)} files"), ()
        rows: list[Row] = []
        targets: list[KeptFile | None] = []
        for file in self.run.adapters:
            drawn = self._tables[file.path].rows(file.path, self.app.key_names, width)
            rows += drawn
            targets += [file] * len(drawn)
        return tuple(rows), tuple(targets)

    async def _read_headers(self) -> None:
        """In a thread: there may be many, on a slow disk."""
        places = {file.path: self.run.path / file.path for file in self.run.adapters}
        self._tables = await asyncio.to_thread(lambda: {name: AdapterTable(path) for name, path in places.items()})
        self.app.touch()

    def on_line_view_chosen(self, event: FixedLines.Chosen) -> None:
        event.stop()
        place = event.index - TABS
        target = self._targets[place] if 0 <= place < len(self._targets) else None
        if target is None:
            return
        if self.section == "adapters":
            self.run_worker(self._compute(target), group="norms", exit_on_error=False)
            return
        try:
            self.app.push_screen(FilePage(self.run.path / target.path, target.path))
        except (RecordsError, OSError) as error:
            self.app.notice(f"✗ {target.path}: {in_words(error)}", "bad")

    def on_line_view_clicked(self, event: FixedLines.Clicked) -> None:
        event.stop()
        tab = kept.tab_at(event.x) if event.index == 0 else None
        if tab is not None:
            self.action_section(tab - self._section)

    async def _compute(self, file: KeptFile) -> None:
        if self._tables is not None:
            await self._tables[file.path].compute()
        self.app.touch()

    def action_section(self, step: int) -> None:
        self._section = (self._section + step) % len(kept.SECTIONS)
        self._at_top = True
        self.app.touch()

    def action_verify(self) -> None:
        if self._since:
            self.run_worker(self._read_again(), group="verify", exit_on_error=False)
        else:
            self.app.verify(self.run.path)

    async def _read_again(self) -> None:
        """What stands on disk by now is read before it is checked: one page tells of one moment."""
        if await asyncio.to_thread(self.run.path.exists):
            self._marks, self._since = marks_of(self.run.path), ""
            self.run, self._tables = await read_kept(self.run.path), None
        self.app.verify(self.run.path)

    def action_watch(self) -> None:
        if self.run.kind != "swarm":
            self.app.notice("× watch: the old system kept no journals, so nothing can be replayed", "warn")
        else:
            self.app.watch_kept(self.run.path)


def _told_changes(names: tuple[str, ...], *, gone: bool) -> str:
    if gone:
        return "✗ its folder is gone from the disk: what is shown was read before"
    if not names:
        return ""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"▲ changed on disk since it was read: {plain(names[0], 60)}{more} · <kept.verify> reads and checks it again"


def _none(text: str) -> tuple[Row, ...]:
    return (((text, "muted"),),)


async def read_kept(path: Path) -> KeptRun:
    """In a thread: a folder of a stranger may be slow."""
    from console.evidence.verify_process import is_ours
    from console.observation.kept_psionic import read_psionic
    from console.observation.kept_swarm import read_swarm

    return await asyncio.to_thread(lambda: read_swarm(path) if is_ours(path) else read_psionic(path))
