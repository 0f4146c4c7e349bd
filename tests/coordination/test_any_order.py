"""Whatever happens, in whatever order, with crashes at any point: the window ends once, and nothing is skipped."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from console.coordination.decide import decide
from console.coordination.due import Command
from console.evidence.checks.window_moves import MOVES
from runners.contract import coordinator_records as rec
from runners.contract import node_records as node_rec
from runners.contract.document import Word
from runners.contract.states import Classification, Disposition, ReplayOutcome, RunnerState
from runners.contract.states import WindowState as W
from tests.coordination import window as win
from tests.coordination.window import Window

ONCE = frozenset((
    "run_opened", "plan_bound", "window_opened", "merged", "scored", "promotion_decided", "closed",
    # and for each node:
    "runner_ready", "contribution_seen", "submission_judged", "replay_judged", "released", "shipped",
))  # fmt: skip
REFUSALS = ("bringup", "admission", "preparation", "work", "submission", "mismatch", "failed", "journal")


class AnyOrder(RuleBasedStateMachine):
    """Contributors that do anything, works that end well or badly, time that passes, and kill -9."""

    w: Window

    @initialize(
        nodes=st.integers(1, 8), stage=st.sampled_from(["opened", "preparing", "active", "active", "validating"])
    )
    def open(self, nodes: int, stage: str) -> None:
        """Often in the middle: random steps alone seldom get there."""
        self.w = Window(nodes)
        if stage != "opened":
            getattr(self.w, f"to_{stage}")()
        self.judged: dict[str, Disposition] = {}
        self.looked, self.window, self.said = 0, W.PLANNED.value, set[tuple[str, str | None]]()

    def running(self) -> bool:
        return not self.w.state.closed

    def pick(self, number: int) -> str:
        return self.w.ids[number % len(self.w.ids)]

    @precondition(running)
    @rule(ms=st.one_of(st.integers(1, 900), st.sampled_from([1000, 2500, 4999, 5000])))
    def time_passes(self, ms: int) -> None:
        self.w.after(ms)

    @precondition(running)
    @rule(number=st.integers(0, 63))
    def work_ends_well(self, number: int) -> None:
        commands = sorted(self.w.due, key=lambda c: (c.kind, c.node_id or ""))
        if commands:
            self.w.do(commands[number % len(commands)])

    @precondition(running)
    @rule(number=st.integers(0, 63), how=st.sampled_from(REFUSALS), rare=st.integers(0, 5))
    def work_ends_badly(self, number: int, how: str, rare: int) -> None:
        if rare:
            return
        command = self._due_for(how, number)
        node_id = self.pick(number)
        if how == "work":
            self.w.note(rec.WorkFailed(activity="merge", detail="disk full"))
        elif how == "journal" and self.w.node(node_id).launched:
            self.w.note(rec.JournalBroken(node_id=node_id, reason="fork", detail="", head=win.head(node_id, 0)))
        elif command is not None:
            self.w.note(self._badly(how, command.node_id or ""))
        self.w.settle()

    def _due_for(self, how: str, number: int) -> Command | None:
        kind = {"bringup": "admit_host", "admission": "admit_host", "preparation": "prepare_host"}.get(how)
        kind = kind or {"submission": "fetch", "mismatch": "replay", "failed": "replay"}.get(how)
        found = sorted((c for c in self.w.due if c.kind == kind), key=lambda c: c.node_id or "")
        return found[number % len(found)] if found else None

    def _badly(self, how: str, node_id: str) -> Word:
        if how == "bringup":
            return rec.BringupRefused(node_id=node_id, reason="no_card", detail="", report_digest=None)
        if how == "admission":
            return win.admission(node_id, "refused")
        if how == "preparation":
            return rec.PreparationFailed(node_id=node_id, reason="no_space", detail="")
        if how == "submission":
            return win.submission(node_id, "artifact_digest_mismatch")
        return win.replay(node_id, ReplayOutcome.MISMATCH if how == "mismatch" else ReplayOutcome.FAILED)

    @precondition(running)
    @rule(number=st.integers(0, 63), what=st.sampled_from(["beat", "beat", "ready", "began", "produced"]))
    def a_contributor_works(self, number: int, what: str) -> None:
        node_id = self.pick(number)
        if self.w.node(node_id).launched is None:
            return
        bodies = {
            "beat": win.beat(),
            "ready": win.ready(),
            "began": win.BEGAN,
            "produced": win.produced(node_id),
        }
        honest = what not in ("began", "produced") or self.w.state.begin_digest is not None
        if honest:
            self.w.say(node_id, bodies[what])

    @precondition(running)
    @rule(
        number=st.integers(0, 63),
        what=st.sampled_from(["failed", "exited", "surprise", "early", "other_device"]),
        rare=st.integers(0, 5),
    )
    def a_contributor_misbehaves(self, number: int, what: str, rare: int) -> None:
        node_id = self.pick(number)
        if rare or self.w.node(node_id).launched is None:
            return
        bodies: dict[str, Word | None] = {
            "failed": node_rec.Failed(reason="diverged", detail=""),
            "exited": node_rec.Exited(reason="stopped", code=1),
            "surprise": None,
            "early": win.produced(node_id),
            "other_device": win.ready("open_adapter_backend.torch.cuda.gpt_oss_lm_head"),
        }
        self.w.say(node_id, bodies[what], kind="surprise" if what == "surprise" else None)

    @precondition(running)
    @rule(ms=st.sampled_from([5001, 6000, 7501]), number=st.integers(0, 63), what=st.sampled_from(["beat", "produced"]))
    def a_silence_and_then_a_word(self, ms: int, number: int, what: str) -> None:
        self.w.after(ms)
        if self.running():
            self.a_contributor_works(number, what)

    @precondition(running)
    @rule(number=st.integers(0, 63))
    def a_runner_dies(self, number: int) -> None:
        node_id = self.pick(number)
        if self.w.node(node_id).launched is not None:
            self.w.set(node_id, proven_dead=True)
            self.w.settle()

    @precondition(running)
    @rule(ms=st.integers(1001, 60_000))
    def the_coordinator_is_late(self, ms: int) -> None:
        self.w.now += ms
        self.w.note(rec.ObserverGap(gap_ms=ms, cause="slow_loop"))
        self.w.settle()

    @precondition(running)
    @rule(away_ms=st.integers(0, 100_000))
    def the_coordinator_is_killed(self, away_ms: int) -> None:
        self.w.now += away_ms
        self.w.crash()
        self.w.settle()

    @precondition(lambda self: self.running() and self.w.state.stop_reason is None)
    @rule(rare=st.integers(0, 5))
    def the_operator_stops(self, rare: int) -> None:
        if not rare:
            self.w.stop()

    @precondition(lambda self: self.w.state.closed)
    @rule(ms=st.integers(1, 100_000))
    def time_passes_over_a_closed_run(self, ms: int) -> None:
        assert self.w.after(ms) == []

    # --- always ------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_left_undecided(self) -> None:
        assert decide(self.w.state, self.w.now) is None

    @invariant()
    def the_journal_only_goes_on_as_it_may(self) -> None:
        """The window moves from where it is to where it may go; what ends a question is said once."""
        for record in self.w.past[self.looked :]:
            if record.kind == "window_changed":
                before, after = record.body["before"], record.body["after"]
                assert before == self.window and after in MOVES[before]
                self.window = after
            if record.kind in ONCE:
                question = (record.kind, record.body.get("node_id"))
                assert question not in self.said
                self.said.add(question)
        self.looked = len(self.w.past)

    @invariant()
    def nothing_is_merged_without_every_acceptance(self) -> None:
        if self.w.state.merged is not None:
            replays = [node.replay for node in self.w.state.nodes.values()]
            assert all(r and r.outcome in (ReplayOutcome.EXACT, ReplayOutcome.WITHIN_TOLERANCE) for r in replays)
            assert all(n.disposition is Disposition.ACCEPTED or self.w.state.ended for n in self.w.state.nodes.values())

    @invariant()
    def a_judgement_is_never_taken_back(self) -> None:
        for node_id, node in self.w.state.nodes.items():
            before = self.judged.get(node_id, Disposition.PENDING)
            final = before not in (Disposition.PENDING, Disposition.ACCEPTED)
            assert not final or node.disposition is before
            self.judged[node_id] = node.disposition

    @invariant()
    def success_has_no_trouble(self) -> None:
        if self.w.state.exit in (W.HELD, W.PROMOTED):
            assert not any(node.trouble or node.was_stale for node in self.w.state.nodes.values())

    @invariant()
    def a_runner_is_released_before_the_run_closes(self) -> None:
        if self.w.state.closed:
            assert all(node.released for node in self.w.state.nodes.values() if node.may_run)
            assert self.w.due == frozenset()
            assert self.w.past[-1].kind == "closed"

    def teardown(self) -> None:
        """From wherever it stands: time alone, and works that fail for lack of hosts, end the window."""
        if not hasattr(self, "w"):
            return
        for _ in range(400):
            if self.w.state.closed:
                break
            works = [c for c in self.w.due if c.kind not in ("check_alive", "begin")]  # these are only asked again
            for command in sorted(works, key=lambda c: (c.kind, c.node_id or ""))[:1]:
                self._give_up(command)
            self.w.after(1000)
        assert self.w.state.closed
        assert isinstance(self.w.state.classification, Classification)
        for check in (self.nothing_is_left_undecided, self.the_journal_only_goes_on_as_it_may):
            check()
        assert all(node.runner is not RunnerState.PREPARING or not node.may_run for node in self.w.state.nodes.values())

    def _give_up(self, command: Command) -> None:
        from console.coordination.trouble import as_record

        if command.kind == "release":
            self.w.do(command)
        else:
            self.w.note(as_record(command, TimeoutError()))
            self.w.settle()


EXAMPLES = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)  # fmt: skip
"""A failing order is printed as found: to shorten one takes minutes, and a test that hits its limit tells nothing."""

AnyOrder.TestCase.settings = EXAMPLES
TestAnyOrder = AnyOrder.TestCase


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_thousands_of_orders() -> None:
    """What eighty examples seldom meet. Three minutes of a processor, in eight rounds: Hypothesis remembers every
    order of a round, at 100 KB each."""
    for _ in range(8):
        run_state_machine_as_test(AnyOrder, settings=settings(EXAMPLES, max_examples=1000))
