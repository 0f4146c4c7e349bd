"""What the operator does: refused with a reason, signed before and after, cancelled in time, remembered."""

import json
from pathlib import Path

from console.evidence.operator_acts import FOLDER
from console.hosts.endpoints import Endpoint
from console.hosts.ways import Way
from console.tui.app import SwarmApp
from console.tui.screens.acts import ActPage, ActsPage
from console.tui.screens.confirm import Confirm
from console.tui.widgets.lines import FixedLines
from console.tui.widgets.receipts import ReceiptsView
from runners.contract.states import Classification
from tests.observation.recorded_journals import RUN_ID, Recording
from tests.tui.kept_acts import acts_of
from tests.tui.stage import Stage, press, settle, shown, until


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
