"""One kept run: what it says, whether that holds, and everything that lies in it."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from console.observation.figures import size
from console.observation.kept_run import KeptFile, KeptRun
from console.observation.plain import plain
from console.tui.drawing import kept
from console.tui.drawing.text import Row, pad
from console.tui.keys import HERE
from console.tui.screens.file import FilePage
from console.tui.screens.place import Place
from console.tui.tensors import AdapterTable
from console.tui.verification import Verified
from console.tui.view import View
from console.tui.widgets.lines import FixedLines
from runners.records.errors import RecordsError


class KeptPage(Place):
    """Left and right go through the sections; enter opens a file, or computes the norms of an adapter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "right,l",
            "section(1)",
            "next page",
            id="kept.next",
            tooltip="the next page of this run",
            group=HERE,
            priority=True,
        ),
        Binding(
            "left,h",
            "section(-1)",
            "page before",
            id="kept.previous",
            tooltip="the page before",
            group=HERE,
            priority=True,
        ),
        Binding(
            "w",
            "watch",
            "watch",
            id="kept.watch",
            tooltip="through the dashboard; [ ] { } step in its time",
            group=HERE,
        ),
        Binding("v", "verify", "verify", id="kept.verify", tooltip="check it again from the files alone", group=HERE),
        Binding("escape", "app.pop_screen", "back", id="kept.back", tooltip="back to the list", group=HERE),
    ]

    def __init__(self, run: KeptRun) -> None:
        super().__init__()
        self.run = run
        self._section = 0
        self._tables: dict[str, AdapterTable] = {}
        self._targets: tuple[KeptFile | None, ...] = ()

    def body(self) -> Iterable[Widget]:
        lines = FixedLines(id="lines", cursor=True)
        lines.border_title = Content(self.run.run_id or self.run.path.name)
        yield lines

    def on_mount(self) -> None:
        self.action_verify()

    def show(self, view: View) -> None:
        lines = self.query_one(FixedLines)
        rows, self._targets = self._rows(self.size.width - 6, self.size.height - 7)
        lines.show_rows((kept.tabs(self.section), (), *rows))
        watch = "e the record behind the verdict · w watches it · " if self.run.kind == "swarm" else ""
        lines.border_subtitle = Content(f"{self.run.kind} · {watch}esc back")
        super().show(view)

    @property
    def section(self) -> str:
        return kept.SECTIONS[self._section]

    def _rows(self, width: int, height: int) -> tuple[tuple[Row, ...], tuple[KeptFile | None, ...]]:
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
                return _listed(self.run.files)
            case "logs":
                return _listed(self.run.logs) if self.run.logs else (_none("no log is kept in this bundle"), ())
        return self._audit(), ()

    def evidence(self) -> dict[str, object]:
        """What this page is drawn from: the documents as read, and what the check said."""
        return {"section": self.section, "run": self.run, "verified": self._verified()}

    def paged(self) -> Path | None:
        """The audit, or the file under the cursor."""
        place = self.query_one(FixedLines).index - 2
        target = self._targets[place] if 0 <= place < len(self._targets) else None
        audit = self.run.path / "audit.md"
        if target is not None and not target.path.endswith(".safetensors"):
            return self.run.path / target.path
        return audit if audit.is_file() else None

    def _verified(self) -> Verified | None:
        going = self.app.verifications.get(self.run.path)  # type: ignore[attr-defined]
        return going.state if going else None

    def _adapters(self, width: int) -> tuple[tuple[Row, ...], tuple[KeptFile | None, ...]]:
        """The header's table of each file; the norms where they were asked for."""
        if not self.run.adapters:
            return _none("no tensors are kept in this bundle"), ()
        rows: list[Row] = []
        targets: list[KeptFile | None] = []
        for file in self.run.adapters:
            table = self._tables.setdefault(file.path, AdapterTable(self.run.path / file.path))
            drawn = table.rows(file.path, width)
            rows += drawn
            targets += [file] * len(drawn)
        return tuple(rows), tuple(targets)

    def _audit(self) -> tuple[Row, ...]:
        path = self.run.path / "audit.md"
        try:
            text = path.read_text(errors="replace")[:200_000]
        except OSError:
            return _none("no audit is kept in this bundle")
        return tuple(_prose(plain(line, 2000)) for line in text.splitlines())

    def on_line_view_chosen(self, event: FixedLines.Chosen) -> None:
        event.stop()
        place = event.index - 2
        target = self._targets[place] if 0 <= place < len(self._targets) else None
        if target is None:
            return
        if self.section == "adapters":
            self.run_worker(self._compute(target), group="norms", exit_on_error=False)
            return
        try:
            self.app.push_screen(FilePage(self.run.path / target.path, target.path))
        except (RecordsError, OSError) as error:
            self.app.notice(f"✗ {target.path}: {error}", "bad")  # type: ignore[attr-defined]

    def on_line_view_clicked(self, event: FixedLines.Clicked) -> None:
        event.stop()
        tab = kept.tab_at(event.x) if event.index == 0 else None
        if tab is not None:
            self.action_section(tab - self._section)

    async def _compute(self, file: KeptFile) -> None:
        await self._tables[file.path].compute()
        self.app.touch()  # type: ignore[attr-defined]

    def action_section(self, step: int) -> None:
        self._section = (self._section + step) % len(kept.SECTIONS)
        lines = self.query_one(FixedLines)
        lines.index = 0
        lines.scroll_to(y=0, animate=False)
        self.app.touch()  # type: ignore[attr-defined]

    def action_verify(self) -> None:
        self.app.verify(self.run.path)  # type: ignore[attr-defined]

    def action_watch(self) -> None:
        if self.run.kind != "swarm":
            self.app.notice("× watch: the old system kept no journals, so nothing can be replayed", "warn")  # type: ignore[attr-defined]
        else:
            self.app.watch_kept(self.run.path)  # type: ignore[attr-defined]


def _none(text: str) -> tuple[Row, ...]:
    return (((text, "muted"),),)


def _prose(line: str) -> Row:
    return ((line, "bright*" if line.startswith("#") else "text"),)


def _listed(files: tuple[KeptFile, ...]) -> tuple[tuple[Row, ...], tuple[KeptFile | None, ...]]:
    rows: tuple[Row, ...] = tuple(((pad(file.path, 72), "text"), (f"{size(file.size_bytes):>10}", "muted"))
                                  for file in files)  # fmt: skip
    return rows, files


async def read_kept(path: Path) -> KeptRun:
    """In a thread: a folder of a stranger may be slow."""
    from console.evidence.verify_process import is_ours
    from console.observation.kept_psionic import read_psionic
    from console.observation.kept_swarm import read_swarm

    return await asyncio.to_thread(lambda: read_swarm(path) if is_ours(path) else read_psionic(path))
