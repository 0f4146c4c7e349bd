"""Keys that the operator named: the screen says them wherever it says a key, and none of them gets two meanings."""

from pathlib import Path

import pytest

from console.tui.bindings import all_bindings, remapped
from console.tui.screens.dashboard import Dashboard
from console.tui.widgets.receipts import ReceiptsView
from tests.observation.recorded_journals import Recording
from tests.tui.stage import Stage, press, settle, shown

OWN = {
    "app.start": "G",
    "app.stop": "Z",
    "place.viewer": "9",
    "app.host": "I",
    "place.receipts": "f2",
    "app.leave": "Q",
}


async def test_the_screen_calls_a_key_what_the_operator_called_it(healthy: Recording, tmp_path: Path) -> None:
    app = Stage.empty(tmp_path / "none").app()
    app.set_keymap(OWN)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = shown(pilot)
        for said in ("G starts one on this machine", "9 opens a retained one", "│ G  go live", "│ Q  leave",
                     "[F2] receipts", "1 dashboard F2 receipts", "9 viewer", "Q leave"):  # fmt: skip
            assert said in text, said
        await press(pilot, "Z")
        assert "× Z stop: no run is going on; G starts one" in shown(pilot)
    app = Stage.at(tmp_path / "runs", healthy, 12_000).app()
    app.set_keymap(OWN)
    async with app.run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        assert "[I] swarm-" in shown(pilot)
        await press(pilot, "G")
        assert "is going on; Z stops it first" in shown(pilot)


async def test_a_click_on_a_key_at_the_bottom_presses_the_operators_own(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    app = stage.app()
    app.set_keymap({"app.start": "G"})
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        last = shown(pilot).split("\n")[23]
        await pilot.click("#footer", offset=(last.index("G go live"), 0))
        await settle(pilot)
        assert stage.acts.started == 1


@pytest.mark.parametrize(
    ("asked", "kept", "problem"),
    [
        ({"app.stop": "q"}, {}, "keys.app.stop: q is app.leave already; app.stop keeps x"),
        ({"app.stop": "?"}, {}, "keys.app.stop: question_mark is app.help already"),
        ({"receipts.next": "g"}, {}, "keys.receipts.next: g is app.start already"),
        ({"app.start": "b", "app.bring-up": "g"}, {"app.start": "b", "app.bring-up": "g"}, ""),
        ({"app.start": "G,f9"}, {"app.start": "G,f9"}, ""),
        ({"kept.watch": "m"}, {"kept.watch": "m"}, ""),  # m is a key of another place
    ],
)
def test_a_key_gets_no_second_meaning_in_one_place(asked: dict[str, str], kept: dict[str, str], problem: str) -> None:
    keys, problems = remapped(asked)
    assert keys == kept
    assert [one.startswith(problem) for one in problems] == ([True] if problem else [])


def test_every_key_belongs_to_a_group() -> None:
    assert [binding.id for _, binding in all_bindings() if binding.group is None] == []


async def test_ctrl_c_says_which_key_leaves_and_stops_nothing(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened(size=(80, 24)) as pilot:
        await press(pilot, "ctrl+c")
        assert "q leaves the console, and a run goes on; x stops a run" in shown(pilot)
        assert pilot.app.is_running
    assert stage.acts.stopped == []


async def test_escape_backs_out_one_step_at_a_time(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened(size=(80, 24)) as pilot:
        await press(pilot, "slash", *"host:mac", "enter", "z")
        assert pilot.app.screen.has_class("zoom")
        await press(pilot, "escape")
        assert not pilot.app.screen.has_class("zoom")
        assert "/ host:mac" in shown(pilot)
        await press(pilot, "escape")
        assert "/ host:mac" not in shown(pilot)
        await press(pilot, "4", "escape")
        assert isinstance(pilot.app.screen, Dashboard)


async def test_tab_and_the_letters_that_move_lead_from_panel_to_panel(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened(size=(160, 48)) as pilot:
        first = pilot.app.focused
        assert isinstance(first, ReceiptsView)
        for there, back in (("l", "h"), ("right", "left"), ("tab", "shift+tab")):
            await pilot.press(there)
            assert pilot.app.focused is not first
            await pilot.press(back)
            assert pilot.app.focused is first
