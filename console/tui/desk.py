"""The operator's acts at this console: each signed before it happens, and signed again with what came of it."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from console.evidence.operator_acts import ActKind, Ending, KeptAct, OperatorAct, ask, conclude, kept_acts
from console.observation.figures import short, words
from console.observation.plain import plain
from console.tui.acts import Acts, StartedRun
from console.tui.errors import ActRefused, in_words
from console.tui.job import Job, JobState
from console.tui.keys import DRILL_KEYS
from console.tui.view import LogEntry
from runners.records.clock import Clock
from runners.records.errors import RecordsError

if TYPE_CHECKING:
    from console.hosts.endpoints import Endpoint

T = TypeVar("T")
BINDINGS: dict[ActKind, str] = {
    "bring_up": "app.bring-up",
    "go_live": "app.start",
    "continue": "app.continue",
    "stop": "app.stop",
    "replay": "app.replay",
    "check": "app.checks",
    "publish": "app.publish",
    "audit": "app.audit",
    "acknowledge": "app.acknowledge",
    "lane": "app.lane",
}
TOLD = {
    "go_live": "go live on {lane}",
    "bring_up": "bring-up of {lane}",
    "check": "every check",
    "lane": "use {subject}",
}
RECALLED = 50
ROLES: dict[Ending, tuple[str, str]] = {"done": ("✓", "ok"), "failed": ("✗", "bad"), "cancelled": ("×", "warn")}


@dataclass(frozen=True, slots=True)
class _Begun:
    act: OperatorAct
    folder: Path


class OperatorDesk:
    """Short acts run in a worker thread, long ones as a `Job`; one long one at a time."""

    def __init__(self, acts: Acts, acts_dir: Path, clock: Clock) -> None:
        self._log: dict[str, LogEntry] = {}  # by the act's id, which begins with when it was asked
        self._over: set[str] = set()  # ids of acts that can't change any more, or are told by this console itself
        self.acknowledged: frozenset[str] = frozenset()  # sha256 of receipts
        self.job: Job | None = None
        self.acts = acts
        self._acts_dir = acts_dir
        self._clock = clock
        self._newest = ""  # act of this session

    @property
    def entries(self) -> tuple[LogEntry, ...]:
        """Oldest first."""
        return tuple(self._log[act_id] for act_id in sorted(self._log))

    @property
    def refused(self) -> LogEntry | None:
        """The newest act of this session, where it failed."""
        entry = self._log.get(self._newest)
        return entry if entry is not None and entry.role == "bad" else None

    def recall(self) -> None:
        """What was done at this machine's consoles before, and is done at its others meanwhile."""
        kept = tuple(kept_acts(self._acts_dir, RECALLED, known=frozenset(self._over)))
        for one in kept:
            if one.folder.name not in self._over:  # begun here since
                self._log[one.folder.name] = _entry(one)
        self._over |= {one.folder.name for one in kept if one.outcome is not None or one.problem}
        seen = {one.act.subject for one in kept if one.act.act == "acknowledge" and one.outcome and not one.problem}
        self.acknowledged |= seen

    # -- acts that are over at once

    async def start(self) -> StartedRun:
        """Raises ActRefused, noted; so do the others."""
        lane = self.acts.lane
        return await self._do("go_live", f"go live on {Path(lane).stem}", self.acts.start_run, lambda it: it.run_id)

    async def go_on(self, run_id: str) -> StartedRun:
        return await self._do("continue", f"continue {run_id}", lambda: self.acts.continue_run(run_id),
                              lambda _: "a new coordinator takes over from its journals", run_id=run_id)  # fmt: skip

    async def stop(self, run_id: str) -> str:
        return await self._do(
            "stop", f"stop {run_id}", lambda: self.acts.stop_run(run_id, "stopped at the console"),
            lambda it: f"left in the inbox as {it}", run_id=run_id,
        )  # fmt: skip

    async def replay(self, run_id: str) -> StartedRun:
        return await self._do(
            "replay", f"replay {run_id}", lambda: self.acts.replay_run(run_id), lambda it: f"{it.run_id} goes on",
            run_id=run_id,
        )  # fmt: skip

    async def acknowledge(self, sha256: str, what: str, run_id: str | None) -> None:
        await self._do("acknowledge", f"acknowledge {what}", lambda: sha256, short, run_id=run_id, subject=sha256)
        self.acknowledged |= {sha256}

    async def choose_lane(self, lane: str) -> None:
        """Every later act of this console is about that lane."""
        await self._do("lane", f"use lane {Path(lane).stem}", lambda: self.acts.choose_lane(lane), lambda _: "chosen",
                       subject=Path(lane).stem)  # fmt: skip

    async def choose_endpoint(self, endpoint: "Endpoint") -> None:
        where = f"{endpoint.node_id} by {endpoint.name or endpoint.spelled}"
        await self._do("lane", f"reach {where}", lambda: self.acts.choose_endpoint(endpoint), lambda _: "chosen",
                       subject=where)  # fmt: skip

    async def _do(
        self, kind: ActKind, what: str, do: Callable[[], T], said: Callable[[T], str], *,
        run_id: str | None = None, subject: str = "",
    ) -> T:  # fmt: skip
        begun = await self._begin(kind, BINDINGS[kind], what, run_id=run_id, subject=subject)
        try:
            result = await asyncio.to_thread(do)
        except ActRefused as error:
            await self._end(begun, "failed", None, str(error))
            raise
        await self._end(begun, "done", None, said(result))
        return result

    # -- acts that take their time

    async def long(
        self, kind: ActKind, binding: str, what: str, words: tuple[str, ...], told: Callable[[str, int | None], str], *,
        run_id: str | None = None, subject: str = "",
    ) -> tuple[JobState, str]:  # fmt: skip
        """`swarm WORDS` in a process of its own, to its end; `told` makes one line of its output. Raises ActRefused."""
        if self.job is not None:
            raise ActRefused(f"{self.job.state.what} goes on, and only one long act does at a time")
        argv = self.acts.command(*words)
        # Before it is recorded, which may take its time.
        job = self.job = Job(binding, what, argv, self._clock.mono_ms())
        try:
            begun = await self._begin(kind, binding, what, run_id=run_id, subject=subject, argv=argv)
            try:
                ended = await job.run(begun.folder)
            except OSError as error:
                await self._end(begun, "failed", None, in_words(error))
                raise ActRefused(in_words(error)) from error
        finally:
            self.job = None
        detail = told(job.result(), ended.code) or ended.said or f"ended with code {ended.code}"
        await self._end(begun, ended.ending or "failed", ended.code, detail)
        return ended, detail

    # -- the records

    async def _begin(self, kind: ActKind, binding: str, what: str, **about: Any) -> _Begun:
        now = self._clock.wall_ms()
        act_id = self._newest = f"{now}-{kind.replace('_', '-')}-{secrets.token_hex(3)}"
        self._over.add(act_id)
        self._log[act_id] = LogEntry(now, binding, what, "asked", "accent")
        fields = {"act_id": act_id, "act": kind, "lane_id": Path(self.acts.lane).stem, "asked_wall_ms": now, "argv": ()}
        try:
            act, folder = await asyncio.to_thread(self._ask, {**fields, **about})
        except (OSError, RecordsError) as error:
            where = "" if str(self._acts_dir) in in_words(error) else f": {self._acts_dir}"
            why = f"not recorded, so not done: {in_words(error)}{where}"
            self._outcome(act_id, f"✗ {why}", "bad")
            raise ActRefused(why) from error
        return _Begun(act, folder)

    def _ask(self, fields: dict[str, Any]) -> tuple[OperatorAct, Path]:
        return ask(self._acts_dir, self.acts.operator_key(), **fields)

    async def _end(self, begun: _Begun, ending: Ending, code: int | None, detail: str) -> None:
        glyph, role = ROLES[ending]
        said = plain(detail, 1000)
        receipt = f"act {short(begun.act.digest)}"
        try:
            await asyncio.to_thread(
                lambda: conclude(
                    begun.folder, self.acts.operator_key(), begun.act,
                    ending=ending, code=code, detail=said, ended_wall_ms=self._clock.wall_ms(),
                )
            )  # fmt: skip
        except (OSError, RecordsError) as error:
            receipt = f"its outcome is not recorded: {in_words(error)}"
        self._outcome(begun.act.act_id, f"{glyph} {said}", role, receipt, begun.folder)

    def _outcome(self, act_id: str, outcome: str, role: str, receipt: str = "", folder: Path | None = None) -> None:
        before = self._log[act_id]
        self._log[act_id] = LogEntry(before.wall_ms, before.binding, before.what, outcome, role, receipt, folder)


def _entry(kept: KeptAct) -> LogEntry:
    """An act of an earlier session, as the log shows it."""
    act, outcome = kept.act, kept.outcome
    glyph, role = ROLES[outcome.ending] if outcome else ("?", "warn")
    said = outcome.detail if outcome else "no outcome yet: it goes on in another console, or that one ended first"
    if kept.problem:
        glyph, role, said = "✗", "bad", f"signature does not hold: {kept.problem}"
    what = TOLD.get(act.act, "{act} {run} {subject}").format(
        act=act.act,
        run=act.run_id or act.lane_id,
        lane=act.lane_id,
        subject=act.subject if act.act == "lane" else act.subject[:16],
    )
    binding = BINDINGS.get(act.act, "")
    if act.act == "drill" and act.subject in DRILL_KEYS:  # told as it was then
        binding, what = DRILL_KEYS[act.subject], f"drill {words(act.subject)}"
    return LogEntry(
        act.asked_wall_ms,
        binding,
        plain(" ".join(what.split()), 80),
        f"{glyph} {plain(said, 1000)}",
        role,
        f"act {short(act.digest)}",
        kept.folder,
    )
