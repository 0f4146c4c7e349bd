"""No word of the console calls a key by a name that it hasn't: with every key remapped no default name is left on any
screen, and none stands in what is said elsewhere."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot

import console.observation
import console.tui
from console.tui.app import SwarmApp
from console.tui.bindings import all_bindings
from console.tui.keys import shown_key
from console.tui.screens.confirm import Question
from console.tui.screens.countdown import Countdown
from console.tui.screens.kept import KeptPage
from runners.contract.states import Classification
from tests.observation.recorded_journals import Recording
from tests.tui.stage import Stage, settle, shown

OWN = {str(binding.id): f"own{number}" for number, (_, binding) in enumerate(all_bindings())}
DEFAULTS = {shown_key(key) for _, binding in all_bindings() for key in binding.key.split(",")} | {"F5-F8"}
SIGNS = {":", ".", "/", "?", "[", "]", "{", "}"}  # of every text: only on screen, where nothing else stands beside them
_NAMES = "|".join(re.escape(key) for key in sorted(DEFAULTS - SIGNS, key=len, reverse=True))
NAMED = re.compile(rf"(?<![^\s│(\[·×]) ?({_NAMES})\]? +(?=\w)")
NO_KEY = re.compile(
    r"[aA] +[a-z]"  # an article
    r"|[1-5s]\b.*"  # a figure, and its seconds
    r"|[ae] #\d|[ae]  +(a problem|the record)"  # marks in the list of receipts, and the glossary of them
    r"|N (problems|receipts)"
    r"|end (the|not|proven|its)"
)  # fmt: skip


def keys_named(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for found in NAMED.finditer(line):
            if not NO_KEY.match(line, found.start(1)):
                yield f"{found[1]}: {line.strip()}"


async def read(pilot: Pilot[None], pages: Iterable[Callable[[], object]]) -> list[str]:
    """Each page is opened, read and left; which they were."""
    app, seen = pilot.app, []
    assert isinstance(app, SwarmApp)
    for opens in pages:
        app.action_place("dashboard")
        opens()
        await settle(pilot)
        seen.append(type(app.screen).__name__)
        assert list(keys_named(shown(pilot))) == [], seen[-1]
        while isinstance(app.screen, Question | Countdown):
            app.pop_screen()
    return seen


def places(app: SwarmApp) -> list[Callable[[], object]]:
    return [partial(app.action_place, place) for place in app.MODES]


async def test_with_every_key_remapped_no_screen_of_a_run_has_a_default_name(stale: Recording, tmp_path: Path) -> None:
    app = Stage.at(tmp_path / "runs", stale, 20_000).app()
    app.set_keymap(OWN)
    async with app.run_test(size=(160, 60)) as pilot:
        await settle(pilot)
        drill = partial(app.action_drill, "stale_worker")
        acts = (app.action_host, app.action_stop, drill, app.action_zoom, app.action_help_quit, app.show_bring_up)
        seen = await read(pilot, (*places(app)[:2], *acts))
        assert {"HostPage", "ConfirmStop", "Countdown"} <= set(seen)


async def test_with_every_key_remapped_no_screen_of_a_closed_run_has_a_default_name(
    stale: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeptPage, "action_verify", lambda _: None)  # what it says has no keys, and takes seconds
    stage = Stage.at(tmp_path / "runs", stale, 0)
    stage.finish(Classification.REPLAY_REQUIRED, stale.end_ms + 100)
    app = stage.app(run_id=stale.run_id)
    app.set_keymap(OWN)
    async with app.run_test(size=(160, 160)) as pilot:
        await settle(pilot)
        more = (app.action_help, app.action_lane, app.action_acts, app.action_replay, app.action_evidence,
                app.open_watched_bundle)  # fmt: skip
        seen = await read(pilot, (*places(app), *more))
        assert {"Help", "LanePage", "Confirm", "Record", "KeptPage"} <= set(seen)


@pytest.mark.parametrize("room", [console.tui, console.observation])
def test_no_text_of_the_source_has_a_default_name(room: object) -> None:
    """So that what is said seldom is read too: notices, reasons, faults."""
    (folder,) = room.__path__  # type: ignore[attr-defined]
    found = [f"{path.name}:{line}: {key}" for path in sorted(Path(folder).rglob("*.py")) for line, text in texts(path)
             for key in keys_named(text)]  # fmt: skip
    assert found == []


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """What is said: neither docstrings, nor the tables that say which key is which."""
    tree = ast.parse(path.read_text())
    unsaid: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            unsaid.add(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "key":
            unsaid.update(node.args[:3])
        if isinstance(node, ast.Dict):
            unsaid.update((*node.keys, *node.values))  # type: ignore[arg-type]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in unsaid and " " in node.value:
            yield node.lineno, node.value


def test_a_default_name_is_found_where_it_stands() -> None:
    assert [found.split(":")[0] for found in keys_named("x stops it; enter opens, m marks · F5 starts · esc back")] == [
        "x", "enter", "m", "F5", "esc",
    ]  # fmt: skip
