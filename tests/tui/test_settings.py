"""The operator's settings: what is good is used, what isn't is named."""

from pathlib import Path

import pytest
from rich.color import Color, ColorSystem

from console.cli.acts import ConsoleActs
from console.cli.console_settings import ConsoleSettings, read_settings
from console.hosts.endpoints import Endpoint
from console.hosts.ways import NamedWay, Way
from console.places import data_dir
from console.tui.app import SwarmApp
from console.tui.bindings import all_bindings, remapped
from console.tui.session import Session, read_session
from tests.setup.checkout import REPOSITORY
from tests.tui.stage import Stage, press, settle, shown

KNOWN = frozenset({"app.start", "app.stop"})


def test_theme_and_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "console.toml"
    path.write_text('theme = "swarm-cb"\n[keys]\n"app.start" = "G"\n')
    assert read_settings(path, KNOWN) == ConsoleSettings("swarm-cb", {"app.start": "G"})


def test_what_the_document_shows_of_the_settings_can_be_had(tmp_path: Path) -> None:
    told = (REPOSITORY / "docs" / "console.md").read_text().partition("```toml\n")[2].partition("```")[0]
    path = tmp_path / "console.toml"
    path.write_text(told)
    ids = frozenset(str(binding.id) for _, binding in all_bindings())
    settings = read_settings(path, ids)
    kept, problems = remapped(settings.keys)
    assert (settings.problems, problems) == ((), ())
    assert kept == {"app.stop": "S", "app.bring-up": "B", "receipts.next": "n,f2"}
    assert settings.theme == "swarm-cb"


def test_no_file_is_no_settings_and_no_trouble(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "console.toml", KNOWN) == ConsoleSettings()


ENDPOINT = '[[endpoints]]\nname = "box"\nhost_key = "box.pub"\n'


def test_endpoints_are_read_with_their_key_files(tmp_path: Path) -> None:
    path = tmp_path / "console.toml"
    dials = '[[endpoints]]\nname = "nat"\nnode = "swarm-linux-a"\ndial_in = "192.168.1.5"\nhost_key = "/keys/nat.pub"\n'
    path.write_text(f'{ENDPOINT}remote = "192.168.1.20:34101"\n{dials}coordinator_port = 34100\n')
    settings = read_settings(path, KNOWN)
    assert settings.problems == ()
    assert settings.endpoints == (
        NamedWay("box", Way(remote="192.168.1.20:34101", host_key=tmp_path / "box.pub")),
        NamedWay("nat", Way(dial_in="192.168.1.5", host_key=Path("/keys/nat.pub"), coordinator_port=34100),
                 "swarm-linux-a"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("endpoints = 3", "expected [[endpoints]] tables"),
        (ENDPOINT, 'box: expected either remote = "HOST:PORT" or dial_in'),
        (f'{ENDPOINT}remote = "box"', 'expected remote = "HOST:PORT"'),
        (f'{ENDPOINT}remote = "-oProxyCommand=x:22"', 'expected remote = "HOST:PORT"'),
        (f'{ENDPOINT}dial_in = "::1"\ncoordinator_port = 0', "coordinator_port from 1"),
        (f'{ENDPOINT}dial_in = "192.168.1.5"\ncoordinator_port = true', "coordinator_port from 1"),
        ('[[endpoints]]\nname = "box"\nremote = "10.0.0.1:22"', "expected host_key"),
        ('[[endpoints]]\nname = "\\u001b[31m"\nremote = "10.0.0.1:22"', "expected name as text"),
        (f'{ENDPOINT}remote = "10.0.0.1:22"\npassword = "x"', "got password"),
        (f'{ENDPOINT}remote = "10.0.0.1:22"\n' * 2, "endpoints 2: expected another name than box"),
        ("[[endpoints]]", "got nothing"),
        ("theme = ", "expected TOML"),
        ("theme = 3", "expected theme as text"),
        ('colour = "red"', "colour is not a setting"),
        ('[keys]\n"app.fly" = "f"', "keys.app.fly"),
        ('[keys]\n"app.start" = 3', "keys.app.start"),
    ],
)
def test_what_is_wrong_is_named_and_left_out(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "console.toml"
    path.write_text(text)
    settings = read_settings(path, KNOWN)
    assert named in settings.problems[0]
    assert (settings.theme, settings.keys) == (None, {})
    assert len(settings.endpoints) <= 1


async def test_a_problem_of_the_settings_is_on_screen(tmp_path: Path) -> None:
    app = Stage.empty(tmp_path / "runs").app(warnings=("settings console.toml: expected TOML",))
    async with app.run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        assert "settings console.toml: expected TOML" in shown(pilot)


async def test_of_several_problems_the_first_is_on_screen_and_help_lists_all(tmp_path: Path) -> None:
    app = Stage.empty(tmp_path / "runs").app(warnings=("settings console.toml: one", "theme mine.toml: two"))
    async with app.run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        assert "▲ 1 more, ? lists them · settings console.toml: one" in shown(pilot)
        await press(pilot, "question_mark")
        assert "▲ theme mine.toml: two" in shown(pilot)


async def test_the_next_console_begins_where_the_last_one_was_left(tmp_path: Path) -> None:
    stage, note = Stage.empty(tmp_path / "runs"), tmp_path / "state" / "session.json"
    async with stage.app(session_file=note).run_test() as pilot:
        await press(pilot, "4", "t")
        theme = pilot.app.theme
    assert read_session(note).place == "checks"
    async with stage.opened(session_file=note) as pilot:
        assert (pilot.app.current_mode, pilot.app.theme) == ("checks", theme)


async def test_lane_and_way_are_found_again_and_a_way_that_is_gone_is_the_lanes_own(tmp_path: Path) -> None:
    key = tmp_path / "box.pub"
    agent = NamedWay("box by its agent", Way(remote="10.0.0.7:34101", host_key=key))
    booked = Endpoint("swarm-linux-a", "box", 0, "host book", Way(remote="box"), "box")
    named = Endpoint("swarm-linux-a", "10.0.0.7", 34101, "settings", agent.way, agent.name)
    lane_own = Endpoint("swarm-linux-a", "127.0.0.1", 34101, "lane", Way())
    acts = ConsoleActs("loopback", (agent,))
    for chosen in (booked, named, lane_own):
        acts.choose_endpoint(chosen)
        assert ConsoleActs("loopback", (agent,), acts.way_kept).way == chosen.way
    acts.choose_endpoint(named)
    assert (ConsoleActs("loopback", (), acts.way_kept).way, ConsoleActs("loopback", (), "moon:x").way) == (Way(), Way())
    note = tmp_path / "session.json"
    stage = Stage.empty(tmp_path / "runs")
    async with stage.app(session_file=note).run_test() as pilot:
        assert isinstance(pilot.app, SwarmApp)
        await pilot.app.choose_endpoint(booked)
    assert (read_session(note).lane, read_session(note).way) == ("loopback", "host book:box")


@pytest.mark.parametrize("broken", ["", "[]", '{"place": 3}', '{"place": "moon"}', "\x00" * 20_000])
def test_a_broken_note_of_the_last_session_is_none(broken: str, tmp_path: Path) -> None:
    note = tmp_path / "session.json"
    note.write_text(broken)
    assert read_session(note) == Session()


async def test_a_read_only_console_leaves_no_note(tmp_path: Path) -> None:
    note = tmp_path / "session.json"
    async with Stage.empty(tmp_path / "runs").app(session_file=note, read_only=True).run_test() as pilot:
        await press(pilot, "4")
    assert not note.exists()


async def test_a_users_theme_is_used_a_broken_one_skipped_and_one_that_is_hard_to_read_named(tmp_path: Path) -> None:
    good = (data_dir("themes") / "swarm-cb.toml").read_text()
    for name, text in {
        "mine": good.replace("swarm-cb", "mine").replace("#0d1016", "#101020"),
        "pale": good.replace("swarm-cb", "pale").replace("#0d1016", "#fdfdfd"),
        "named": good.replace("swarm-cb", "named").replace("#e5744b", "red"),
        "torn": good[:200],
        "noise": "\x00\x1b[2J",
    }.items():
        (tmp_path / f"{name}.toml").write_text(text)
    app = Stage.empty(tmp_path / "runs").app(theme_folders=(tmp_path,), theme="mine")
    async with app.run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        assert (app.theme, app.palette.ground) == ("mine", "#101020")
        assert {"mine", "pale"} <= set(app.themes)
        assert {"named", "torn", "noise"}.isdisjoint(app.themes)
        assert "▲ 3 more, ? lists them · theme n" in shown(pilot)
        await press(pilot, "question_mark")
        text = shown(pilot)
    assert "theme named.toml: expected palette.bad like #0e1217, got 'red'; the theme is skipped" in text
    assert "theme noise.toml: expected TOML" in text
    assert "theme pale.toml: bright has a contrast of 1.1 to its ground: hard to read below 4.5" in text


async def test_on_a_terminal_of_256_colours_every_theme_is_shown_by_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Terminal.app is before macOS 26: TERM says 256, and nothing more is said."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TERM_PROGRAM", "Apple_Terminal")
    monkeypatch.delenv("COLORTERM")
    app = Stage.empty(tmp_path / "runs").app(theme="swarm-dark")
    async with app.run_test() as pilot:
        await settle(pilot)
        grounds = [app.palette.ground, app.palette.bar, app.palette.cursor]
        sent = {Color.parse(ground).downgrade(ColorSystem.EIGHT_BIT).number for ground in grounds}
        assert len(sent) == 3
        await pilot.press("t")
        assert app.theme == "swarm-light"


async def test_on_a_terminal_of_16_colours_states_and_cursor_keep_one_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.delenv("COLORTERM")
    note = tmp_path / "session.json"
    app = Stage.empty(tmp_path / "runs").app(session_file=note, theme="swarm-light")
    async with app.run_test() as pilot:
        await settle(pilot)
        sent = {
            role: Color.parse(getattr(app.palette, role)).downgrade(ColorSystem.STANDARD).number
            for role in ("ground", "cursor", "text", "ok", "warn", "bad")
        }
    assert len(set(sent.values())) == len(sent)
    assert read_session(note).theme == "swarm-light"  # for a terminal that can show it
