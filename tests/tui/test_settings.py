"""The operator's settings: what is good is used, what isn't is named."""

from pathlib import Path

import pytest

from console.cli.console_settings import ConsoleSettings, read_settings
from tests.tui.stage import Stage, settle, shown

KNOWN = frozenset({"app.start", "app.stop"})


def test_theme_and_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "console.toml"
    path.write_text('theme = "swarm-cb"\n[keys]\n"app.start" = "G"\n')
    assert read_settings(path, KNOWN) == ConsoleSettings("swarm-cb", {"app.start": "G"})


def test_no_file_is_no_settings_and_no_trouble(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "console.toml", KNOWN) == ConsoleSettings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
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


async def test_a_problem_of_the_settings_is_on_screen(tmp_path: Path) -> None:
    app = Stage.empty(tmp_path / "runs").app(warnings=("settings console.toml: expected TOML",))
    async with app.run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        assert "settings console.toml: expected TOML" in shown(pilot)
