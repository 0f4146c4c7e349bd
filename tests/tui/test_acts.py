"""What the operator does: refused with a reason, signed before and after, cancelled in time, remembered."""

import json
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.drills.strike import keep_strike
from console.evidence.operator_acts import FOLDER, KeptAct, kept_acts
from console.hosts.endpoints import Endpoint
from console.hosts.ways import Way
from console.observation.sentence import REPLAYABLE
from console.observation.state import State
from console.tui.app import SwarmApp
from console.tui.bindings import all_bindings
from console.tui.drawing.text import width_of
from console.tui.key_names import KeyNames
from console.tui.keys import EVERYWHERE, shown_key
from console.tui.palette import commands
from console.tui.preconditions import REASONS, Standing, reason_against
from console.tui.screens.acts import ActPage, ActsPage
from console.tui.screens.confirm import Confirm
from console.tui.screens.countdown import LASTS_MS, Countdown
from console.tui.view import Mode
from console.tui.widgets.lines import FixedLines
from console.tui.widgets.receipts import ReceiptsView
from runners.contract.coordinator_records import Closed
from runners.contract.states import Classification
from runners.records.keys import SigningKey
from tests.observation.recorded_journals import MONO_0, RUN_ID, WALL_0, Recording
from tests.patience import PATIENCE_S, meanwhile_until
from tests.tui.stage import Stage, press, settle, shown, until

MUTATING = tuple(sorted(REASONS))


def acts_of(stage: Stage) -> list[KeptAct]:
    return list(kept_acts(stage.runs_dir / FOLDER))


@pytest.mark.parametrize("name", MUTATING)
def test_a_read_only_console_refuses_every_act_and_says_what_would_enable_it(name: str) -> None:
    assert reason_against(name, Standing(Mode.LIVE, read_only=True)) == (
        "this console only reads; `swarm console`, without --read-only, acts"
    )


def ended(how: Classification) -> State:
    return State(closed=Closed(classification=how, reason="so", heads=()))


REFUSED = (
        ("app.start", Standing(Mode.LIVE, run="a"), "the run is going on; x stops it first"),
        ("app.start", Standing(Mode.RETAINED, run="a", live="b"), "another run is going on and needs this machine; 5"),
        ("app.stop", Standing(Mode.IDLE), "g starts one"),
        ("app.stop", Standing(Mode.RETAINED, run="a", live="b"), "is not this one; 5 opens it"),
        ("app.stop", Standing(Mode.LEFT, run="a"), "C starts a new one"),
        ("app.continue", Standing(Mode.IDLE), "5 opens one"),
        ("app.continue", Standing(Mode.LIVE, run="a"), "the run has a coordinator, which goes on by itself"),
        ("app.continue", Standing(Mode.CLOSED, run="a"), "the run is over; g starts another run"),
        ("app.continue", Standing(Mode.LEFT, run="a", here=False), "only a run of this machine"),
        ("app.continue", Standing(Mode.LEFT, run="a", live="b"), "another run is going on and needs this machine; 5"),
        ("app.bring-up", Standing(Mode.LIVE, run="a", live="a"), "x stops it"),
        ("app.bring-up", Standing(Mode.IDLE, busy="drill loss"), "drill loss goes on; X cancels it"),
        ("drill.loss", Standing(Mode.IDLE, drill_problem="lane x: use --lane loopback"), "use --lane loopback"),
        ("app.replay", Standing(Mode.IDLE), "5 opens one"),
        ("app.replay", Standing(Mode.LIVE, run="a"), "the run is not over"),
        ("app.audit", Standing(Mode.LIVE, run="a"), "written when it closes"),
        ("app.publish", Standing(Mode.CLOSED, run="a", bundle=True), "no gate was asked"),
        ("app.acknowledge", Standing(Mode.IDLE), "no problem"),
        ("app.cancel", Standing(Mode.IDLE), "goes on"),
        ("app.start", Standing(Mode.RETAINED, replaying=True), ". goes back first"),
        ("drill.uneven", Standing(Mode.LIVE, run="a", live="a"), "x stops it"),
        ("drill.uneven", Standing(Mode.IDLE, live="a"), "5 opens it"),
        ("app.replay", Standing(Mode.RETAINED, run="a", here=False, state=ended(Classification.REPLAY_REQUIRED)),
         "only a run of this machine"),
        *(("app.replay", Standing(Mode.CLOSED, run="a", state=ended(how)), "only stale, lost, skewed")
          for how in Classification if how not in REPLAYABLE),
        *(("app.publish", Standing(Mode.CLOSED, run="a", bundle=True, state=ended(how)), "no gate was asked")
          for how in Classification),
)  # fmt: skip


@pytest.mark.parametrize(("name", "standing", "why"), REFUSED)
def test_a_reason_fits_into_the_line_at_the_bottom_of_80_columns(name: str, standing: Standing, why: str) -> None:
    binding = next(one for _, one in all_bindings() if one.id == name)
    a_long_name = replace(standing, run=standing.run and "loopback-drill-contributor-loss-1795803347650")
    for reason in (reason_against(name, one) for one in (standing, a_long_name)):
        assert width_of(f" × {shown_key(binding.key)} {binding.description}: {reason}") <= 80


@pytest.mark.parametrize(("name", "standing", "why"), REFUSED)
def test_a_refused_act_says_why_and_what_would_enable_it(name: str, standing: Standing, why: str) -> None:
    reason = reason_against(name, standing)
    assert reason is not None
    assert why in reason


def test_an_act_that_would_work_has_no_reason_against_it() -> None:
    free = Standing(Mode.IDLE, problem=True)
    assert [name for name in MUTATING if reason_against(name, free) is None] == [
        "app.acknowledge", "app.bring-up", "app.checks", "app.lane", "app.start",
        "drill.loss", "drill.stale", "drill.uneven", "drill.upload",
    ]  # fmt: skip
    assert State().closed is None


async def test_every_key_is_in_the_palette_and_in_help(tmp_path: Path) -> None:
    async with Stage.empty(tmp_path / "runs").opened(size=(160, 200)) as pilot:
        assert isinstance(pilot.app, SwarmApp)
        offered = {(command.title, command.help.split("  ")[-1]) for command in commands(pilot.app, pilot.app.screen)}
        titles = {title for title, _ in offered}
        assert {binding.description for _, binding in all_bindings()} <= titles
        await press(pilot, "question_mark")
        text = shown(pilot)
        assert [binding.id for _, binding in all_bindings() if KeyNames().told(binding.tooltip)[:40] not in text] == []


@pytest.mark.parametrize("key", [binding.key for binding in EVERYWHERE if binding.id in MUTATING])
async def test_a_read_only_console_starts_nothing_whatever_key_is_pressed(
    key: str, healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 20_000)
    async with stage.opened(read_only=True) as pilot:
        await press(pilot, key)
        assert "read-only" in shown(pilot)
        assert (stage.acts.started, stage.acts.stopped, stage.acts.asked, acts_of(stage)) == (0, [], [], [])


async def test_an_act_is_signed_before_it_happens_and_again_with_what_came_of_it(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    async with stage.app().run_test() as pilot:
        await press(pilot, "g")
    (kept,) = acts_of(stage)
    assert (kept.act.act, kept.act.lane_id, kept.problem) == ("go_live", "loopback", "")
    assert kept.outcome is not None
    assert (kept.outcome.ending, kept.outcome.detail, kept.outcome.act_digest) == ("done", "started-1", kept.act.digest)


async def test_choices_of_lane_and_endpoint_are_signed_acts_and_a_refused_one_is_too(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    other = "first_swarm_trusted_lan"
    way = Endpoint("swarm-linux-a", "10.0.0.7", 22, "host book", Way(remote="box"), "box")
    async with stage.app().run_test() as pilot:
        assert isinstance(pilot.app, SwarmApp)
        await pilot.app.choose_lane(other)
        await pilot.app.choose_endpoint(way)
        stage.acts.refusal = "no such lane"
        assert not await pilot.app.choose_lane("nowhere")
    told = {(one.act.act, one.act.lane_id, one.act.subject, one.problem, one.outcome and one.outcome.ending)
            for one in acts_of(stage)}  # fmt: skip
    assert told == {
        ("lane", "loopback", other, "", "done"),
        ("lane", other, "swarm-linux-a by box", "", "done"),
        ("lane", other, "nowhere", "", "failed"),
    }
    assert (stage.acts.lane, stage.acts.way) == (other, Way(remote="box"))


async def test_an_act_that_cannot_be_recorded_is_not_done(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    (stage.runs_dir / FOLDER).write_text("in the way")
    async with stage.app().run_test() as pilot:
        await press(pilot, "g")
        assert "not recorded, so not done" in shown(pilot)
    assert stage.acts.started == 0


async def test_a_changed_record_of_an_act_is_told_by_the_next_console(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    async with stage.app().run_test() as pilot:
        await press(pilot, "g")
    (path,) = (stage.runs_dir / FOLDER).glob("*/outcome.json")
    forged = json.loads(path.read_text())
    forged["signature"] = forged["signature"][::-1]
    from runners.contract.canonical import readable_bytes
    from runners.contract.document import body_digest

    path.write_bytes(readable_bytes({**forged, "digest": body_digest(forged)}))
    async with stage.opened(size=(160, 48)) as pilot:
        await press(pilot, "O")
        assert isinstance(pilot.app.screen, ActsPage)
        assert "signature does not hold" in shown(pilot)


async def test_whoever_leaves_is_told_of_the_act_that_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage.empty(tmp_path / "runs")
    stage.acts.script = (
        "import sys\nprint('measuring swarm-mac-a', file=sys.stderr, flush=True)\nimport time; time.sleep(3)"
    )
    async with stage.opened(size=(120, 30)) as pilot:
        await pilot.press("b")
        await until(pilot, "measuring swarm-mac-a")
        process = pilot.app.desk.job._process  # type: ignore[attr-defined]
        await pilot.press("q")
    assert process.poll() is None
    process.kill()
    process.wait()
    (kept,) = acts_of(stage)
    said = " ".join(capsys.readouterr().err.split())
    assert "bring-up of loopback goes on without the console, and nobody signs what comes of it" in said
    assert kept.folder.name in said.replace(" ", "")
    assert kept.outcome is None


async def test_a_drill_counts_down_and_esc_starts_nothing(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    async with stage.app().run_test() as pilot:
        await pilot.press("f7")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Countdown)
        await press(pilot, "escape")
        assert "was not started" in shown(pilot)
    assert (stage.acts.asked, acts_of(stage)) == ([], [])


async def test_a_drill_starts_when_its_three_seconds_are_over(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    stage.acts.script = "print('[]')"
    async with stage.opened() as pilot:
        await pilot.press("f8")
        await pilot.pause()
        stage.clock.now_ms += LASTS_MS
        await meanwhile_until("the act's command", lambda: stage.acts.asked)
        await settle(pilot)
        assert "uneven worker speed" in shown(pilot)
    (words,) = stage.acts.asked
    assert words[:4] == ("drill", "uneven_worker_speed", "--lane", "loopback")
    (kept,) = acts_of(stage)
    assert (kept.act.act, kept.act.subject, kept.act.run_id) == ("drill", "uneven_worker_speed", words[5])
    async with stage.opened(size=(160, 48)) as pilot:
        assert "F8 drill uneven worker speed" in shown(pilot)


async def test_the_card_of_a_drill_fills_in_while_its_scratch_run_goes_on(stale: Recording, tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    stage.acts.script = "import time; time.sleep(60)"
    async with stage.app().run_test(size=(120, 48)) as pilot:
        await pilot.press("f5", "enter")
        await meanwhile_until("the act's command", lambda: stage.acts.asked)
        run_id = stage.acts.asked[0][5]
        stale.write(stage.runs_dir / run_id, until_ms=18_000)
        keep_strike(stage.runs_dir / run_id, "SIGSTOP to the runner", MONO_0 + 18_000, WALL_0 + 18_000)
        stale.write(stage.runs_dir / run_id, since_ms=18_000, until_ms=23_300)
        stage.clock.now_ms = 23_300
        await until(pilot, "✓ found stale")
        text = shown(pilot)
        assert "▲ STRUCK" in text
        assert "✓ found stale" in text
        assert "○ the run is closed" in text
        await press(pilot, "X", "y")
        await settle(pilot)


@pytest.mark.parametrize(("key", "stage_of_it"), [("f6", "FAULT IS IN PLACE"), ("f7", "STRIKE"), ("f8", "STRIKE")])
async def test_how_the_drill_that_goes_on_stands_is_in_view_where_lines_are_few(
    key: str, stage_of_it: str, stale: Recording, tmp_path: Path
) -> None:
    stage = Stage.empty(tmp_path / "runs")
    stage.acts.script = "import time; time.sleep(60)"
    async with stage.app().run_test(size=(80, 24)) as pilot:
        await pilot.press(key, "enter")
        await meanwhile_until("the act's command", lambda: stage.acts.asked)
        stale.write(stage.runs_dir / stage.acts.asked[0][5], until_ms=18_000)
        await until(pilot, stage_of_it)
        await until(pilot, "X cancels")  # the act's own line took one from the list
        await pilot.pause(0.2)
        assert stage_of_it in shown(pilot)
        await press(pilot, "X", "y")
        await settle(pilot)


@pytest.mark.parametrize("inherited", [signal.default_int_handler, signal.SIG_IGN], ids=["heard", "ignored"])
async def test_a_long_act_tells_how_far_it_is_and_is_ended_by_a_key(inherited: Any, tmp_path: Path) -> None:
    """Also where the console itself ignores SIGINT, as a script's `&` makes it."""
    stage = Stage.empty(tmp_path / "runs")
    stage.acts.script = (
        "import sys, time\ntry:\n  print('measuring swarm-mac-a', file=sys.stderr, flush=True)\n"
        "  time.sleep(60)\nexcept KeyboardInterrupt: sys.exit(130)"
    )
    before = signal.signal(signal.SIGINT, inherited)
    try:
        async with stage.app().run_test(size=(120, 30)) as pilot:
            await pilot.press("b")
            await until(pilot, "measuring swarm-mac-a")
            await until(pilot, "X cancels")
            await pilot.press("g")  # one long act at a time
            await pilot.pause()
            assert stage.acts.started == 0
            await press(pilot, "X", "y")
            await settle(pilot)
    finally:
        signal.signal(signal.SIGINT, before)
    (kept,) = acts_of(stage)
    assert kept.outcome is not None
    assert (kept.outcome.ending, kept.outcome.code) == ("cancelled", 130)


@pytest.fixture
def slow_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Stage, threading.Event]]:
    """Nothing is recorded before the event: as on a disk that others use too."""
    stage, recorded = Stage.empty(tmp_path / "runs"), threading.Event()

    def key() -> SigningKey:
        recorded.wait(PATIENCE_S)
        return stage.acts.key

    monkeypatch.setattr(stage.acts, "operator_key", key)
    yield stage, recorded
    recorded.set()


async def test_a_long_act_that_is_still_being_recorded_is_the_only_one(
    slow_desk: tuple[Stage, threading.Event],
) -> None:
    stage, recorded = slow_desk
    async with stage.app().run_test(size=(160, 48)) as pilot:
        await pilot.press("b", "b", "f7", "enter")
        recorded.set()
        await settle(pilot)
    assert [words[0] for words in stage.acts.asked] == ["bringup"]


async def test_a_long_act_that_is_cancelled_while_it_is_being_recorded_starts_nothing(
    slow_desk: tuple[Stage, threading.Event], tmp_path: Path
) -> None:
    stage, recorded = slow_desk
    stage.acts.script = f"import pathlib; pathlib.Path({str(tmp_path / 'began')!r}).touch()"
    async with stage.app().run_test(size=(160, 48)) as pilot:
        await pilot.press("b", "X")
        recorded.set()
        await settle(pilot)
    (kept,) = acts_of(stage)
    assert kept.outcome is not None
    assert (kept.outcome.ending, kept.outcome.detail) == ("cancelled", "it had not begun")
    assert not (tmp_path / "began").exists()


async def test_a_run_that_was_asked_for_beside_a_closed_one_is_started_once(
    slow_desk: tuple[Stage, threading.Event], healthy: Recording
) -> None:
    stage, recorded = slow_desk
    stage.recording, stage.run_dir = healthy, stage.runs_dir / RUN_ID
    stage.finish(Classification.BOUNDED_SUCCESS, healthy.end_ms + 100)
    async with stage.opened(size=(160, 48), run_id=RUN_ID) as pilot:
        await pilot.press("g", "g")
        await until(pilot, "a run is being started")
        recorded.set()
        await settle(pilot)
    assert stage.acts.started == 1


WAITS = (
    "import pathlib, sys, time; print('begun', file=sys.stderr, flush=True)\n"
    "while not pathlib.Path({!r}).exists(): time.sleep(0.02)"
)


@pytest.mark.parametrize(
    ("key", "lost"), [("b", "no host gets a report"), ("p", "no snapshot is written"), ("f7", "ends as FAIL")]
)
async def test_ending_an_act_that_measures_asks_once_and_says_what_is_lost(
    key: str, lost: str, healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    stage.acts.script = WAITS.format(str(tmp_path / "go"))
    async with stage.opened(size=(80, 24), run_id=RUN_ID) as pilot:
        await pilot.press(key, *{"p": ("y",), "f7": ("enter",)}.get(key, ()))
        await until(pilot, "begun")
        await pilot.press("X")
        await until(pilot, lost)
        await pilot.press("n")
        await until(pilot, "begun")
        job = pilot.app.desk.job  # type: ignore[attr-defined]
        assert not job.state.cancelling
        await press(pilot, "X", "y")
    assert [one.outcome.ending for one in acts_of(stage) if one.outcome] == ["cancelled"]


@pytest.mark.parametrize("key", ["A", "V"])
async def test_ending_an_act_that_only_reads_does_not_ask(key: str, healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    stage.acts.script = WAITS.format(str(tmp_path / "go"))
    async with stage.opened(size=(80, 24), run_id=RUN_ID, place="checks") as pilot:
        await pilot.press(key)
        await until(pilot, "begun")
        await press(pilot, "X")
    assert [one.outcome.ending for one in acts_of(stage) if one.outcome] == ["cancelled"]


async def test_a_question_whose_matter_is_over_goes_away(healthy: Recording, tmp_path: Path) -> None:
    """Whoever answers late answers nothing: the act ended by itself, and so did the run."""
    stage, go = Stage.at(tmp_path / "runs", healthy, 20_000), tmp_path / "go"
    async with stage.opened(size=(80, 24)) as pilot:
        await pilot.press("x")
        await until(pilot, "keeps it running")
        stage.finish(Classification.BOUNDED_SUCCESS, healthy.end_ms + 100)
        await until(pilot, f"{RUN_ID} ended by itself")
        stage.acts.script = WAITS.format(str(go))
        await pilot.press("b")
        await until(pilot, "begun")
        await pilot.press("X")
        await until(pilot, "lets it go on")
        go.touch()
        await until(pilot, "✓ bring-up of loopback")
        await settle(pilot)
        assert len(pilot.app.screen_stack) == 2  # dashboard and bring-up
    assert stage.acts.stopped == []
    assert [one.outcome.ending for one in acts_of(stage) if one.outcome] == ["done"]


async def test_bring_up_tells_each_host_and_opens_from_the_operator_log(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    told = (
        "swarm-mac-a: 0.1 s  gate goes on with mlx",
        "swarm-mac-a: 3.4 s  ready_to_attempt",
        "swarm-linux-a: 0.2 s  connecting to 192.168.7.4:22",
        "swarm-linux-a: 9.0 s  no report: nobody answers",
    )
    ended = f"swarm-mac-a  ready_to_attempt  {'a' * 64}\nswarm-linux-a  no_report  nobody answers at 192.168.7.4:22"
    go = tmp_path / "go"
    stage.acts.script = (
        f"import pathlib, sys, time; print({chr(10).join(told)!r}, file=sys.stderr, flush=True)\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)\nprint({ended!r}); sys.exit(1)"
    )
    async with stage.app().run_test(size=(160, 48)) as pilot:
        await pilot.press("b")
        await until(pilot, "nobody answers")
        for said in ("✓ swarm-mac-a", "3.4 s", "✗ swarm-linux-a", "9.0 s"):
            assert said in shown(pilot)
        go.touch()
        await until(pilot, "nobody answers at 192.168.7.4:22")
        await pilot.press("escape")
        await press(pilot, "O", "enter")
        assert isinstance(pilot.app.screen, ActPage)
        assert '"act": "bring_up"' in shown(pilot)


async def test_replay_asks_and_goes_on_only_from_a_run_that_needs_it(stale: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", stale, 0)
    async with stage.opened() as pilot:
        stage.finish(Classification.REPLAY_REQUIRED, stale.end_ms + 100)
        await settle(pilot)
        await press(pilot, "r")
        assert isinstance(pilot.app.screen, Confirm)
        assert stage.acts.replayed == []
        await press(pilot, "y")
    assert stage.acts.replayed == [RUN_ID]


async def test_a_run_whose_coordinator_died_goes_on_by_a_key(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened(run_id=RUN_ID, size=(160, 48)) as pilot:
        await press(pilot, "C")
        assert "has a coordinator, which goes on by itself" in shown(pilot)
        stage.leave()
        await until(pilot, "NO COORDINATOR")
        await press(pilot, "C")
        await until(pilot, "a new coordinator takes over")
        assert "? NO COORDINATOR" in shown(pilot)  # until one really has taken over
    assert stage.acts.continued == [RUN_ID]
    (kept,) = acts_of(stage)
    assert (kept.act.act, kept.act.run_id) == ("continue", RUN_ID)


async def test_publish_names_the_gate_that_is_missing(held: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", held, 0)
    async with stage.opened(size=(160, 48)) as pilot:
        stage.finish(Classification.BOUNDED_SUCCESS, held.end_ms + 100)
        assert isinstance(pilot.app, SwarmApp)
        assert pilot.app.attachment is not None
        pilot.app.attachment._looked = float("-inf")
        await settle(pilot)
        await press(pilot, "p")
        assert "is missing" in shown(pilot)
    assert stage.acts.asked == []


async def test_an_acknowledged_problem_is_passed_over_here_and_in_the_next_console(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 20_000)
    for first in (True, False):
        async with stage.opened() as pilot:
            await press(pilot, "n")
            receipts = pilot.app.screen.query_one(ReceiptsView)
            chosen = receipts.chosen
            assert chosen is not None
            assert chosen.is_problem is first
            if first:
                await press(pilot, "a")
                assert chosen.identity in pilot.app.desk.acknowledged  # type: ignore[attr-defined]
            else:
                assert "no older problem" in shown(pilot)


async def test_zoom_gives_a_panel_the_whole_screen_and_back(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened(size=(160, 48)) as pilot:
        pilot.app.screen.query_one("#hosts").focus()
        await press(pilot, "z")
        assert "computes on" in shown(pilot)
        assert "heartbeat" not in shown(pilot)
        await press(pilot, "z")
        assert "heartbeat" in shown(pilot)


async def test_a_key_that_was_remapped_tells_its_reason_under_the_new_key(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    app = stage.app()
    app.set_keymap({"app.stop": "k"})
    async with app.run_test() as pilot:
        await press(pilot, "1")
        await press(pilot, "x")
        assert "no run is going on; g" not in shown(pilot).splitlines()[-1]


async def test_the_cursor_of_the_lanes_stands_only_where_enter_chooses(tmp_path: Path) -> None:
    async with Stage.empty(tmp_path / "runs").app().run_test() as pilot:
        await press(pilot, "L")
        lines = pilot.app.screen.query_one(FixedLines)
        stood = [lines.index]
        for _ in range(8):
            await pilot.press("down")
            stood.append(lines.index)
        words = ["".join(text for text, _ in lines.line(index, 76)) for index in dict.fromkeys(stood)]
        assert [word.split()[1] for word in words] == [
            "first_swarm_tailnet_admitted", "first_swarm_trusted_lan", "loopback", "this", "127.0.0.1:34101",
        ]  # fmt: skip
        for _ in range(8):
            await pilot.press("k")
        assert lines.index == 0
