"""The app as one who operates: what the operator does to the world, and why it would be refused."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from textual.actions import parse
from textual.events import Key

from console.evidence.operator_acts import ActKind
from console.observation.figures import words
from console.observation.receipts import Row as Receipt
from console.observation.runs import newest_live
from console.tui.acts import StartedRun
from console.tui.check_results import CheckResults, read_results
from console.tui.errors import ActRefused
from console.tui.keys import EVERYWHERE, shown_key
from console.tui.losses import loss_of
from console.tui.outcomes import gate_outcome, last_line
from console.tui.preconditions import REASONS, Standing, reason_against
from console.tui.screens.confirm import Confirm, ConfirmEnd, ConfirmStop
from console.tui.scrubbing import ScrubbingApp
from console.tui.standing import why_gone
from console.tui.view import Mode
from console.tui.widgets.receipts import ReceiptsView

T = TypeVar("T")
_IDS = {parse(binding.action)[1:]: binding.id for binding in EVERYWHERE}


class OperatingApp(ScrubbingApp):
    """Every act has a reason against it or does what it says; a refused one stays visible."""

    check_results: CheckResults | None = None  # of the last time that all were asked

    # -- why not

    def standing(self) -> Standing:
        watched, live = self.attachment, newest_live(self.runs)
        job = self.desk.job
        # The list of runs is looked at every other second; that its coordinator has ended is known at once.
        over = watched.run_dir if watched and self.mode in (Mode.CLOSED, Mode.LEFT) else None
        return Standing(
            mode=self.mode,
            run=watched.run_dir.name if watched else "",
            live="" if live is None or over == live.run_dir else live.run_id,
            asked=self.asked_ms is not None,
            read_only=self.read_only,
            replaying=watched is not None and watched.player is not None,
            busy=job.state.what.replace(f" {watched.run_dir.name}" if watched else "", "") if job else "",
            ending=job is not None and job.state.cancelling,
            bundle=watched is not None and watched.bundle is not None,
            gone=why_gone(watched, self.clock.mono_ms()),
            here=watched is not None and watched.run_dir.parent == self.runs_dir,
            problem=self.problem_at_hand() is not None,
            keys=self.key_names,
            drill_problem=self.drills.problem if self.drills else "",
            **({"state": watched.state} if watched else {}),
        )

    def reasons(self) -> dict[str, str]:
        """Why keys would be refused now, by their ids; one that would work isn't in it."""
        standing = self.standing()
        return {name: reason for name in REASONS if (reason := reason_against(name, standing))}

    def blocked(self) -> frozenset[str]:
        return frozenset(self.reasons())

    def reason_against(self, binding_id: str | None) -> str | None:
        """Why a key would be refused now, and what would enable it; None when it would work."""
        return reason_against(binding_id, self.standing()) if binding_id in REASONS else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A refused act stays visible, greyed."""
        return None if self.reason_against(_IDS.get((action, parameters))) else True

    def on_key(self, event: Key) -> None:
        """A key whose act is refused says why, whatever key that act has."""
        active = self.screen.active_bindings.get(event.key)
        reason = self.reason_against(active.binding.id) if active else None
        if active and reason is not None:
            self.notice(f"× {shown_key(event.key)} {active.binding.description}: {reason}", "warn")
            event.stop()

    # -- runs

    async def action_start(self) -> None:
        self.asked_ms = self.clock.mono_ms()
        self._do(lambda: self._goes_on(self.desk.start(), "go live"))

    def action_continue(self) -> None:
        """Loses nothing, so it doesn't ask."""
        if self.attachment is not None:
            run_id = self.attachment.run_dir.name
            self._do(lambda: self._goes_on(self.desk.go_on(run_id), "continue"))

    def action_stop(self) -> None:
        if self.attachment is None:
            return
        run_id = self.attachment.state.run_id

        def answered(yes: bool | None) -> None:
            self.again()
            if yes:
                self._do(lambda: self._said(self.desk.stop(run_id), "stop"))
            else:
                self.notice(
                    f"{run_id} goes on" if yes is False else f"{run_id} ended by itself, nothing was asked of it"
                )

        self.again()
        self.push_screen(ConfirmStop(run_id), answered)

    def action_replay(self) -> None:
        if self.attachment is None or self.attachment.state.closed is None:
            return
        state, run_id = self.attachment.state, self.attachment.run_dir.name
        most = f" of {state.policies.max_revisions}" if state.policies else ""
        closed = self.attachment.state.closed
        assert closed is not None
        consequences = (
            f"the run ended as {words(closed.classification)}: {closed.reason}",
            f"revision {state.revision + 1}{most} opens: same contract, slices, start; everyone trains again",
            "the closed bundle stays as it is, and the new one cites its digest",
        )
        question = Confirm("replay the slices", run_id, consequences, "opens it")
        self._ask(question, lambda: self._goes_on(self.desk.replay(run_id), "replay"))

    async def _goes_on(self, act: Awaitable[StartedRun], name: str) -> None:
        asked_ms = self.asked_ms = self.asked_ms or self.clock.mono_ms()
        try:
            started = await self._said(act, name)
        finally:
            self.asked_ms = None
        if started is not None:
            self.attach(started.run_dir)
            if self.attachment is not None:
                self.attachment.asked_ms = asked_ms
            self.action_place("dashboard")

    # -- acts in a process of their own

    def action_bring_up(self) -> None:
        lane = self.desk.acts.lane
        argv = ("bringup", "lane", "--lane", lane, *self.desk.acts.way.words())
        self._long("bring_up", "app.bring-up", f"bring-up of {Path(lane).stem}", argv, gate_outcome)
        self.show_bring_up()

    def action_audit(self) -> None:
        if (bundle := self._bundle()) is None:
            return
        out = () if bundle.is_relative_to(self.runs_dir) else ("--out", str(self.runs_dir / "audits"))

        async def audit() -> None:
            said = await self._run_long(
                "audit",
                "app.audit",
                f"audit {self._run()}",
                ("audit", str(bundle), *out),
                last_line,
                run_id=self._run_id(),
            )
            if said.startswith("document"):
                self.open_file(Path(said.removeprefix("document").strip()))

        self._do(audit)

    def action_publish(self) -> None:
        if (bundle := self._bundle()) is None:
            return
        consequences = (
            "the bundle is checked again, every gate is asked, and the merge is loaded through PEFT: some seconds",
            "a snapshot is written beside the bundle on this disk; nothing is uploaded",
        )
        question = Confirm("publish the merge", self._run(), consequences, "writes the snapshot")
        what, run_id = f"publish {self._run()}", self._run_id()
        self._ask(
            question,
            lambda: self._run_long("publish", "app.publish", what, ("publish", str(bundle)), last_line, run_id=run_id),
        )

    def action_check_all(self) -> None:
        def told(stdout: str, code: int | None) -> str:  # noqa: ARG001 - a check that fails has findings to show
            self.check_results = read_results(stdout, self.clock.wall_ms())
            return self.check_results.summary

        if (reason := self.reason_against("app.checks")) is not None:
            self.notice(f"× every check: {reason}", "warn")
            return
        self._long("check", "app.checks", "every check", ("check", "all", "--json"), told)

    def action_cancel(self) -> None:
        job = self.desk.job
        if job is None:
            return

        def end(yes: bool | None = True) -> None:
            self.again()
            if yes and job is self.desk.job:
                job.cancel()
                self.notice(f"{job.state.what} was asked to end; it cleans up first", "warn")

        if job.folder is not None and loss_of(job.state.binding)[0]:  # else it had not begun
            self.again()
            self.push_screen(ConfirmEnd(job.state), end)
        else:
            end()

    def _bundle(self) -> Path | None:
        return self.attachment.bundle if self.attachment else None

    def _run_id(self) -> str | None:
        return self.attachment.state.run_id or None if self.attachment else None

    def _run(self) -> str:
        return self.attachment.run_dir.name if self.attachment else ""

    def _long(
        self, kind: ActKind, binding: str, what: str, argv: tuple[str, ...], told: Callable[[str, int | None], str]
    ) -> None:
        self._do(lambda: self._run_long(kind, binding, what, argv, told))

    async def _run_long(
        self, kind: ActKind, binding: str, what: str, argv: tuple[str, ...], told: Callable[[str, int | None], str], *,
        run_id: str | None = None, subject: str = "",
    ) -> str:  # fmt: skip
        """What came of it, in one line; empty when it was refused."""
        self.again()
        try:
            ended, said = await self.desk.long(kind, binding, what, argv, told, run_id=run_id, subject=subject)
        except ActRefused as error:
            self.notice(f"✗ {what}: {error}", "bad")
            return ""
        glyph, role = {"done": ("✓", "ok"), "cancelled": ("×", "warn")}.get(ended.ending or "", ("✗", "bad"))
        self.notice(f"{glyph} {what}: {said}", role)
        self.again()
        return said if ended.ending == "done" else ""

    # -- acknowledging

    def problem_at_hand(self) -> Receipt | None:
        """The problem under the cursor, else the newest that was not acknowledged."""
        if self.attachment is None or not self.screen_stack:
            return None
        lists = self.screen.query(ReceiptsView)
        chosen = lists.first().chosen if lists else None
        seen = self.desk.acknowledged
        if chosen is not None and chosen.is_problem and chosen.identity not in seen:
            return chosen
        problems = self.attachment.shown_ring.problems
        return next((row for row in reversed(problems) if row.identity not in seen), None)

    def action_acknowledge(self) -> None:
        problem = self.problem_at_hand()
        if problem is None:
            return
        what = f"{words(problem.kind)} {problem.text}"[:120]
        self._do(lambda: self._said(self.desk.acknowledge(problem.identity, what, self._run_id()), "acknowledge"))

    # -- how acts are carried out

    def _do(self, act: Callable[[], Awaitable[object]]) -> None:
        self.run_worker(act(), group="acts", exit_on_error=False)

    def _ask(self, question: Confirm, act: Callable[[], Awaitable[object]]) -> None:
        def answered(yes: bool | None) -> None:
            self.again()
            if yes:
                self._do(act)

        self.again()
        self.push_screen(question, answered)

    async def _said(self, act: Awaitable[T], name: str) -> T | None:
        """The act's result; a refusal is said at the bottom, and stays in the log."""
        try:
            return await act
        except ActRefused as error:
            self.notice(f"✗ {name}: {error}", "bad")
            return None
        finally:
            self.again()

    def action_place(self, name: str) -> None:
        raise NotImplementedError

    def show_bring_up(self) -> None:
        raise NotImplementedError

    def copy_text(self, text: str, what: str) -> None:
        raise NotImplementedError

    def open_file(self, path: Path) -> None:
        raise NotImplementedError
