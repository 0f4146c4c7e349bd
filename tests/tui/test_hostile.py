"""Whatever another host writes into a field: no layout moves, no colour changes, nothing crashes."""

import sys
from pathlib import Path

import pytest

from console.observation import replay
from console.tui.clipboard import sits_here
from console.tui.drawing.text import row_width
from console.tui.screens.file import FilePage
from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.states import LinkState, RunnerState, WindowState
from tests.observation import recorded_contributor, recorded_journals, recorded_window
from tests.observation.recorded_journals import LINUX, Recorder, Recording
from tests.tui.stage import Stage, settle, shown

HOSTILE = {
    "markup": "[bold red]x[/] [link=http://x]y[/link] [@click=app.quit]z[/]",
    "ansi": "\x1b[31mred\x1b[2J\x1b]0;title\x07\x9b31m",
    "nul and controls": "a\x00b\x08\x08\x7fc\td\re\nf",
    "right to left": "\u202eabc\u2066\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627\u2069",
    "stacked": "Z" + "\u0301" * 200 + "algo",
    "wide": "漢字" * 300,
    "long": "y" * 4000,
    "emoji": "👩\u200d👩\u200d👧\u200d👦 🏳\ufe0f\u200d🌈",
}


def hostile_run(scratch: Path, text: str) -> Recorder:
    run = Recorder(scratch)
    recorded_window.to_active(run)
    run.put(9000, LINUX, "log", node.Log(level="error", text=text), revision=1)
    run.put(9010, LINUX, "failed", node.Failed(reason="broken", detail=text), revision=1)
    link = coord.LinkChanged(
        node_id=LINUX, state=LinkState.DOWN, reason=text, endpoint="h:1", rtt_ms=None, host_key_fingerprint=None
    )
    run.put(9020, "coordinator", "link_changed", link)
    known = {"cause": text, "beat_age_ms": 5001, "bound_ms": 5000}
    recorded_contributor.runner(run, 9030, LINUX, RunnerState.LIVE, RunnerState.STALE, **known)
    recorded_window.change(run, 9040, WindowState.ACTIVE, WindowState.REPLAY_REQUIRED, text)
    return run


@pytest.mark.parametrize(
    ("text", "size"),
    [*((text, (80, 24)) for text in HOSTILE.values()), (" ".join(HOSTILE.values())[:4000], (160, 48))],
    ids=[*HOSTILE, "all together, wide"],
)
async def test_hostile_text_moves_nothing(text: str, size: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    stage = Stage.at(tmp_path / "runs", hostile_run(tmp_path / "a", text).close(), 9_500)
    async with stage.app().run_test(size=size) as pilot:
        await settle(pilot)
        lines = shown(pilot).split("\n")
    assert len(lines) == size[1]
    assert all(row_width(((line, ""),)) == size[0] for line in lines)
    assert all(line.isprintable() for line in lines)
    # The frames stand where they stand without any text.
    assert lines[2].startswith("╭─ swarm-mac-a ─")
    assert lines[11].startswith("╰─")
    assert all(line.endswith(("│", "╮", "╯")) for line in lines[2:12])


async def test_the_record_of_hostile_text_shows_it_whole_as_escapes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    run = Recorder(tmp_path / "a")
    recorded_window.to_active(run)
    run.put(9000, LINUX, "log", node.Log(level="error", text="\x1b[31m[bold]\u202ex"), revision=1)
    stage = Stage.at(tmp_path / "runs", run.close(), 9_000)
    async with stage.app().run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "\\\\u001b[31m[bold]\\u202ex" in shown(pilot)


async def test_a_megabyte_without_a_newline_is_one_finding(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    run = Recorder(tmp_path / "a")
    recorded_window.to_active(run)
    stage = Stage.at(tmp_path / "runs", run.close(), 9_000)
    assert stage.run_dir is not None
    journal = next(stage.run_dir.rglob(f"{LINUX}.contributor.r1.e1.jsonl"))
    with journal.open("ab") as stream:
        stream.write(b"[red]\x00" * 200_000)
    async with stage.app().run_test() as pilot:
        await settle(pilot)
        assert "✗ 1 problem" in shown(pilot)
        assert "not verified" in shown(pilot)


async def test_eight_hosts_fit(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    names = [f"swarm-node{index}-a" for index in range(8)]
    cards = tuple(
        coord.NodeCard(node_id=name, roles=("contributor",), backend="torch", transport="ssh", contract_endpoint="h:22")
        for name in names
    )
    opened = coord.RunOpened(
        lane_id="eight",
        contract_digest=recorded_journals.sha("c"),
        contributors=cards,
        policies=recorded_journals.POLICIES,
        steps=100,
        coordinator_public_key=recorded_journals.fixture_key("coordinator").public_hex,
        operator_public_key=recorded_journals.fixture_key("operator").public_hex,
        pid=1,
    )
    run.put(0, "coordinator", "run_opened", opened)
    recording = run.close()
    for size in ((80, 24), (160, 48)):
        stage = Stage.at(tmp_path / f"runs{size[0]}", recording, 500)
        async with stage.app().run_test(size=size) as pilot:
            await settle(pilot)
            text = shown(pilot)
            assert all(f"node{index}" in text for index in range(8))
            assert "receipts" in text
            assert "1 dashboard" in text


async def test_a_missing_clipboard_is_said_so_and_nothing_else(
    tmp_path: Path, healthy: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Mac whose pbcopy fails, and then one that has none: the terminal is asked, and it is said which way it went."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    broken = tmp_path / "pbcopy"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        for path in (str(tmp_path), str(tmp_path / "nowhere")):
            monkeypatch.setenv("PATH", path)
            await pilot.press("y")
            await settle(pilot)
            assert "sent to the terminal by OSC 52; some ignore it" in shown(pilot)


@pytest.mark.parametrize(
    ("platform", "environ", "here"),
    [("darwin", {}, True), ("darwin", {"SSH_CONNECTION": "10.0.0.5 50000 10.0.0.6 22"}, False), ("linux", {}, False)],
)
def test_the_pasteboard_of_a_mac_is_used_by_who_sits_at_it(platform: str, environ: dict[str, str], here: bool) -> None:
    assert sits_here(platform, environ) is here


async def test_a_log_line_of_a_megabyte_costs_what_a_short_one_does(tmp_path: Path) -> None:
    """In a file that is looked at: one line, no newline, any bytes."""
    path = tmp_path / "runner.log"
    path.write_bytes(b"\x1b[31m\x00[bold]" + b"x" * 1_000_000 + "\u202e\u05e9".encode() + b"\nnext\n")
    async with Stage.empty(tmp_path / "runs").app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pilot.app.push_screen(FilePage(path, "runner.log"))
        await settle(pilot)
        first = shown(pilot)
        assert "\\u001b[31m\\u0000[bold]xxx" in first
        await pilot.press("end")
        await settle(pilot)
        lines = shown(pilot).split("\n")
    assert any("next" in line for line in lines)
    assert all(row_width(((line, ""),)) == 80 and line.isprintable() for line in lines)


async def test_a_run_too_long_for_the_scrubber_says_so_and_stays_open(
    tmp_path: Path, healthy: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MOST_LINES", 50)
    stage = Stage.at(tmp_path / "runs", healthy, 36_000)
    async with stage.app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        await pilot.press("left_square_bracket")
        await settle(pilot)
        text = shown(pilot)
    assert "expected at most 50 records to hold in memory" in text
    assert "NOT LIVE" not in text
