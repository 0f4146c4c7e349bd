"""What a key does, and what it never does."""

import re
from pathlib import Path

import pytest

from console.hosts.ways import Way
from console.tui.app import SwarmApp
from console.tui.bindings import all_bindings, keys_table
from console.tui.drawing.stops import MARKS
from console.tui.screens.confirm import ConfirmStop
from console.tui.screens.fixed import Record
from console.tui.screens.help import Help
from console.tui.view import Mode
from console.tui.widgets.receipts import ReceiptsView
from tests.observation.recorded_journals import RUN_ID, Recording
from tests.tui.stage import Stage, press, settle, shown


async def test_g_starts_a_run_and_watches_it(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    async with stage.app().run_test() as pilot:
        await press(pilot, "g")
        app = pilot.app
        assert isinstance(app, SwarmApp)
        assert stage.acts.started == 1
        assert app.attachment is not None
        assert app.attachment.run_dir.name == "started-1"
        assert app.mode is Mode.STARTING


async def test_g_is_refused_with_the_reason_while_a_run_is_live(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened() as pilot:
        await press(pilot, "g")
        assert stage.acts.started == 0
        assert "the run is going on; x stops it first" in shown(pilot)


async def test_an_act_that_fails_says_why_and_stays_in_the_operator_log(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    stage.acts.refusal = "port 34101 is taken; --contributor-port chooses another"
    async with stage.opened(size=(160, 48)) as pilot:
        await press(pilot, "g")
        assert shown(pilot).count("port 34101 is taken") == 3  # start, operator log, notice
        assert isinstance(pilot.app, SwarmApp)
        assert pilot.app.mode is Mode.IDLE


async def test_what_was_refused_stands_in_full_until_the_next_act_and_go_live_names_lane_and_way(
    tmp_path: Path,
) -> None:
    stage = Stage.empty(tmp_path / "runs")
    stage.acts.way = Way(remote="box")
    stage.acts.refusal = (
        "box: expected the runners of this machine (47a5162a29ecd026), got older ones (66a504ce2369bdb1);"
    )
    stage.acts.refusal += " `swarm host add box` sends what changed"
    async with stage.opened() as pilot:
        assert "lane loopback, its contributor by box" in shown(pilot)
        await press(pilot, "g")
        assert isinstance(pilot.app, SwarmApp)
        pilot.app.notices.say("", "text", 0)
        words = " ".join(shown(pilot).replace("│", " ").split())
        assert stage.acts.refusal in words
        stage.acts.refusal = None
        await pilot.app.choose_lane("loopback")
        await settle(pilot)
        assert "sends what changed" not in shown(pilot)


@pytest.mark.parametrize("answer", ["escape", "x", "q", "enter"])
async def test_x_asks_and_any_other_answer_than_yes_keeps_the_run(
    answer: str, healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 19_000)
    async with stage.opened() as pilot:
        await press(pilot, "x")
        assert isinstance(pilot.app.screen, ConfirmStop)
        assert "uploads that arrived: swarm-mac-a (70 KB)" in shown(pilot)
        await press(pilot, answer)
        assert stage.acts.stopped == []
        assert pilot.app.is_running


async def test_x_then_y_leaves_a_stop_command(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 19_000)
    async with stage.opened() as pilot:
        await press(pilot, "x", "y")
        assert stage.acts.stopped == [(RUN_ID, "stopped at the console")]


async def test_x_without_a_run_says_what_would_enable_it(tmp_path: Path) -> None:
    async with Stage.empty(tmp_path / "runs").opened() as pilot:
        await press(pilot, "x")
        assert "no run is going on; g starts one" in shown(pilot)


@pytest.mark.parametrize("key", ["g", "x"])
async def test_a_read_only_console_changes_nothing(key: str, healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened(read_only=True) as pilot:
        await press(pilot, key)
        assert (stage.acts.started, stage.acts.stopped) == (0, [])
        assert "read-only" in shown(pilot)
        assert not isinstance(pilot.app.screen, ConfirmStop)


async def test_q_leaves_and_touches_nothing(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    before = sorted(path.stat().st_mtime_ns for path in stage.runs_dir.rglob("*"))
    async with stage.opened() as pilot:
        await pilot.press("q")
    assert stage.acts.stopped == []
    assert sorted(path.stat().st_mtime_ns for path in stage.runs_dir.rglob("*")) == before


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("1", "swarm-mac-a"),
        ("2", "following"),
        ("3", "stale worker"),
        ("4", "uploads match the plan"),
        ("5", "enter opens"),
        ("question_mark", "thresholds of this run"),
    ],
)
async def test_every_place_opens_on_one_key(key: str, words: str, healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened(size=(100, 140)) as pilot:
        await press(pilot, key)
        assert words in shown(pilot)


async def test_places_open_from_help_and_from_a_record(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened() as pilot:
        await press(pilot, "question_mark")
        assert isinstance(pilot.app.screen, Help)
        await press(pilot, "4")
        assert "CLEAR" in shown(pilot)
        await press(pilot, "1", "enter")
        assert isinstance(pilot.app.screen, Record)


async def test_enter_opens_the_record_with_its_checks_and_esc_goes_back(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened() as pilot:
        await press(pilot, "enter")
        text = shown(pilot)
        assert "✓ digest  ✓ signature  ✓ chain" in text
        assert '"kind": "heartbeat"' not in text  # below the fold; the body comes first
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, Record)


async def test_n_goes_to_the_next_problem_and_full_stop_back_to_the_newest(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 20_000).opened() as pilot:
        await press(pilot, "n")
        receipts = pilot.app.screen.query_one(ReceiptsView)
        assert receipts.chosen is not None
        assert receipts.chosen.kind == "log"
        assert not receipts.following
        await press(pilot, "full_stop")
        assert (receipts.following, receipts.index) == (True, 0)


async def test_a_list_that_was_scrolled_stands_still_while_receipts_arrive(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 15_000)
    async with stage.opened() as pilot:
        await press(pilot, "down", "down", "down")
        receipts = pilot.app.screen.query_one(ReceiptsView)
        chosen = receipts.chosen
        stage.play(18_000)
        await settle(pilot)
        assert receipts.chosen is chosen
        assert receipts.index > 3


async def test_space_holds_the_display_and_counts_what_comes(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened() as pilot:
        await press(pilot, "space")
        stage.play(15_000)
        assert isinstance(pilot.app, SwarmApp)
        assert pilot.app.attachment is not None
        pilot.app.attachment.step()
        await settle(pilot)
        assert "|| PAUSED +7" in shown(pilot)
        await press(pilot, "space")
        assert "PAUSED" not in shown(pilot)


async def test_y_copies_the_digest_and_says_where_it_went(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened() as pilot:
        chosen = pilot.app.screen.query_one(ReceiptsView).chosen
        await press(pilot, "y")
        assert chosen is not None
        assert pilot.app.clipboard == chosen.sha256
        assert "sent to the terminal by OSC 52" in shown(pilot)


async def test_the_viewer_opens_a_closed_run_read_as_not_live(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened() as pilot:
        assert "no run is going on" in shown(pilot)
        await press(pilot, "5")
        await press(pilot, "enter")
        assert "w watches it" in shown(pilot)
        await press(pilot, "w")
        text = shown(pilot)
        assert "<< NOT LIVE" in text
        assert "bounded success" in text
        assert "merge 4.312" in text


def test_every_binding_has_a_name_that_can_be_remapped_and_a_tooltip() -> None:
    bindings = [binding for _, binding in all_bindings()]
    assert all(binding.id and binding.tooltip for binding in bindings)
    names = [binding.id for binding in bindings]
    assert len(names) == len(set(names))


async def test_a_key_can_be_remapped_by_its_name(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    app = stage.app()
    app.set_keymap({"app.start": "G"})
    async with app.run_test() as pilot:
        await press(pilot, "g")
        assert stage.acts.started == 0
        await press(pilot, "G")
        assert stage.acts.started == 1


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36), (130, 40), (160, 24), (160, 48)])
async def test_at_no_size_does_a_host_lose_what_it_has_at_80_columns(
    size: tuple[int, int], healthy: Recording, tmp_path: Path
) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened(size=size) as pilot:
        rows = shown(pilot).split("\n")[2:12]
    for label in ("beat", "step", "loss", "mem", "link", "key", "last"):
        assert sum(len(re.findall(rf"│ {label:<5} \S", row)) for row in rows) == 2, label


async def test_enter_opens_a_record_and_again_shows_the_bytes_that_were_signed(
    healthy: Recording, tmp_path: Path
) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened(size=(80, 24)) as pilot:
        await press(pilot, "enter")
        text = shown(pilot)
        assert '"body": {' in text
        assert " bytes" in text.split("lies at", 1)[1].split("its JSON", 1)[0]  # nothing of it is cut
        await press(pilot, "enter")
        assert "the canonical bytes, as signed" in shown(pilot)
        assert '{"body":{"' in shown(pilot)
        await press(pilot, "enter")
        assert '"body": {' in shown(pilot)


async def test_help_has_every_glyph_every_bound_with_what_is_used_of_it_and_nothing_cut(
    healthy: Recording, tmp_path: Path
) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 19_500).opened(size=(80, 180)) as pilot:
        await press(pilot, "question_mark")
        text = shown(pilot).split("─ help ─", 1)[1]
    assert "…" not in text
    glyphs = {glyph for state in text.split("glyphs", 1)[1].split("\n") for glyph in state[:24]}
    drawn = {mark for mark, _, _ in MARKS.values()} | set("●▲!✗~◌○■=?◆▪│╱·━┼")
    assert drawn <= glyphs
    assert re.search(r"skew +15 s +now 2\.7 s", text)
    assert re.search(r"stale +5 s +now 0\.\d s", text)
    assert re.search(r"fetch +10 s", text)


async def test_slash_filters_while_typing_and_enter_keeps_it_on_every_list(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 20_000).opened() as pilot:
        await press(pilot, "slash", *"verdict:problem", "enter")
        assert "receipts  / verdict:problem" in shown(pilot)
        receipts = pilot.app.screen.query_one(ReceiptsView)
        assert receipts.has_focus
        assert 0 < receipts.line_count() < receipts.ring.total
        assert receipts.chosen is not None
        assert receipts.chosen.is_problem
        await press(pilot, "2")
        assert "receipts  / verdict:problem" in shown(pilot)


async def test_letters_typed_into_a_filter_are_no_keys_and_esc_shows_everything_again(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 20_000)
    async with stage.opened() as pilot:
        before = pilot.app.screen.query_one(ReceiptsView).line_count()
        await press(pilot, "slash", *"xqg1")
        assert pilot.app.is_running
        assert stage.acts.started == 0
        assert pilot.app.screen.query_one(ReceiptsView).line_count() == 0
        await press(pilot, "escape")
        assert pilot.app.screen.query_one(ReceiptsView).line_count() == before


def test_the_list_of_keys_names_each_once_with_what_it_does() -> None:
    lines = keys_table().split("\n")
    assert any(line.startswith("app.start ") and "start a run of the chosen lane" in line for line in lines)
    assert len({line.split()[0] for line in lines}) == len(lines) == len(all_bindings())


async def test_a_word_that_has_no_room_on_one_line_is_whole_above_the_keys(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened(run_id=healthy.run_id) as pilot:
        assert isinstance(pilot.app, SwarmApp)
        before = shown(pilot).splitlines()
        pilot.app.notice(f"✗ go live: {'what went wrong, ' * 7}and what to do about it")
        await settle(pilot)
        assert "and what to do about it" in " ".join("".join(shown(pilot).splitlines()[-3:]).split())
        assert shown(pilot).splitlines()[:20] == before[:20]  # nothing jumps
        stage.clock.now_ms += 20_000
        await settle(pilot)
        assert shown(pilot).splitlines()[2:] == before[2:]
