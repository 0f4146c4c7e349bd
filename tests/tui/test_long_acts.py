"""Acts that take their time: one at a time, told how far they are, and ended by a key."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runners.contract.states import Classification
from runners.records.keys import SigningKey
from tests.observation.recorded_journals import RUN_ID, Recording
from tests.patience import PATIENCE_S
from tests.tui.kept_acts import acts_of
from tests.tui.stage import Stage, press, settle, until


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
