"""Every screen as it looks at both sizes, in each theme and without colour, in every state of trouble: fixed recordings
and a fixed clock, so every cell is fixed. `pytest tests/tui/test_pictures.py --snapshot-update` takes them again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot

from console.hosts import endpoints
from console.observation import runs
from console.observation.kept_run import Device, Event, KeptRun, Series
from console.tui.app import SwarmApp
from console.tui.screens.compare import Compare
from console.tui.screens.kept import KeptPage
from console.tui.view import LogEntry
from console.tui.widgets.lines import FixedLines
from runners.contract.states import Classification
from tests.observation import make_run, recorded_cards
from tests.observation.recorded_journals import RUN_ID, WALL_0, Recording
from tests.tui.picture import picture
from tests.tui.stage import Stage, settle

SMALL, WIDE = (80, 24), (160, 48)
FAULTS: dict[str, tuple[str, int]] = {
    "preparing": ("healthy", 7_000),
    "healthy": ("healthy", 20_700),
    "near": ("stale", 21_300),
    "stale": ("stale", 23_300),
    "lost": ("stale", 25_900),
    "grace": ("uneven", 33_000),
    "link down": ("unlinked", 16_200),
    "refused": ("refused", 3_900),
}
PLACES = (
    ("receipts", "2"), ("record", "enter"), ("escape", "escape"), ("drills", "3"), ("checks", "4"), ("viewer", "5"),
    ("help", "question_mark"),
)  # fmt: skip


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    makers: dict[str, Callable[[Path], Recording]] = {
        "healthy": make_run.healthy, "stale": make_run.stale, "refused": make_run.refused,
        "uneven": make_run.uneven, "unlinked": make_run.unlinked,
    }  # fmt: skip
    return {name: maker(tmp_path_factory.mktemp(name)) for name, maker in makers.items()}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a bundle's path and the age of a folder are the same everywhere and always."""
    monkeypatch.setattr(runs, "_changed_ms", lambda *_: WALL_0)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NO_COLOR", raising=False)


async def sized(pilot: Pilot[None], size: tuple[int, int]) -> str:
    await pilot.resize_terminal(*size)
    await settle(pilot)
    return picture(pilot)


async def both(pilot: Pilot[None], snapshot: SnapshotAssertion, name: str) -> None:
    """Wide first: the pilot's app is left small."""
    for size in (WIDE, SMALL):
        assert await sized(pilot, size) == snapshot(name=f"{name} {size[0]}x{size[1]}")


@pytest.mark.parametrize("state", [*FAULTS])
async def test_the_dashboard_in_every_state(
    state: str, recordings: dict[str, Recording], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    name, at_ms = FAULTS[state]
    async with Stage.at(tmp_path / "runs", recordings[name], at_ms).app().run_test(size=WIDE) as pilot:
        await settle(pilot)
        await both(pilot, snapshot, state)


async def test_the_dashboard_without_a_run(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    async with Stage.empty(tmp_path / "runs").app().run_test(size=WIDE) as pilot:
        await settle(pilot)
        await both(pilot, snapshot, "idle")


async def test_a_closed_run_and_its_past(
    recordings: dict[str, Recording], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    stage = Stage.at(tmp_path / "runs", recordings["healthy"], 0)
    stage.finish(Classification.BOUNDED_SUCCESS, 36_000)
    async with stage.app(run_id=RUN_ID).run_test(size=WIDE) as pilot:
        await settle(pilot)
        await both(pilot, snapshot, "closed")
        for _ in range(5):
            await pilot.press("left_curly_bracket")
            await settle(pilot)
        await both(pilot, snapshot, "not live")


async def test_the_consoles_own_states(
    recordings: dict[str, Recording], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """Paused with records held back; then a gap of its own."""
    stage = Stage.at(tmp_path / "runs", recordings["healthy"], 12_000)
    async with stage.app().run_test(size=SMALL) as pilot:
        await settle(pilot)
        await pilot.press("space")
        stage.play(14_500)
        await settle(pilot)
        assert await sized(pilot, SMALL) == snapshot(name="paused and a gap")
        await pilot.press("space")
        await settle(pilot)
        assert await sized(pilot, SMALL) == snapshot(name="gap")
        assert "OBSERVER GAP 2.5s" in picture(pilot)


async def test_every_place(recordings: dict[str, Recording], tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    async with Stage.at(tmp_path / "runs", recordings["stale"], 23_300).app().run_test(size=WIDE) as pilot:
        await settle(pilot)
        for name, key in PLACES:
            await pilot.press(key)
            await settle(pilot)
            if name != "escape":
                await both(pilot, snapshot, name)


async def test_the_pages_of_host_and_lane(
    recordings: dict[str, Recording], tmp_path: Path, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No port of this machine is asked: the answers are fixed, a good one and a bad one."""
    answers = iter([endpoints.Tried("none", "this machine", None, "no connection needed"),
                    endpoints.Tried("eth0", "trusted LAN", False, "no answer: Connection refused")] * 8)  # fmt: skip
    monkeypatch.setattr(endpoints, "try_endpoint", lambda *_, **__: next(answers))
    stage = Stage.at(tmp_path / "runs", recordings["stale"], 25_900)
    async with stage.app().run_test(size=WIDE) as pilot:
        await settle(pilot)
        for name, keys in (("host", ("H",)), ("lane", ("escape", "L"))):
            await pilot.press(*keys)
            await settle(pilot)
            await both(pilot, snapshot, name)


@pytest.fixture(scope="session")
def on_cards(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A Mac's Metal that tells what is held, and a card that runs hot."""
    hot = recorded_cards.read(slowing=("sw_power_cap", "hw_thermal_slowdown"), temperature_c=88, busy_percent=97)
    return recorded_cards.on_cards(tmp_path_factory.mktemp("cards"), linux=hot)


async def test_hosts_that_compute_on_cards(on_cards: Recording, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    async with Stage.at(tmp_path / "runs", on_cards, 16_900).app().run_test(size=WIDE) as pilot:
        await settle(pilot)
        await both(pilot, snapshot, "live")
        pilot.app.action_host(1)  # type: ignore[attr-defined]
        await settle(pilot)
        await both(pilot, snapshot, "host page")


async def test_a_closed_run_on_cards_and_its_past(
    on_cards: Recording, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """By the same fold: of the past its own figures, of the end no alarm."""
    stage = Stage.at(tmp_path / "runs", on_cards, 0)
    stage.finish(Classification.BOUNDED_SUCCESS, on_cards.end_ms + 500)
    async with stage.app(run_id=RUN_ID).run_test(size=SMALL) as pilot:
        await settle(pilot)
        assert await sized(pilot, SMALL) == snapshot(name="closed")
        for _ in range(7):
            await pilot.press("left_curly_bracket")
            await settle(pilot)
        assert await sized(pilot, SMALL) == snapshot(name="not live")


async def test_a_bring_up_that_was_refused(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """As `swarm bringup lane` prints it: one host ready, one with the rule that it broke."""
    said = (
        f"swarm-mac-a  ready_to_attempt  {'ab' * 32}\n  ok  memory              25300000000 bytes  (at least 2 GB)\n"
        f"swarm-linux-a  refused_machine_contract  {'cd' * 32}\n  ok  arch                x86_64  (one of x86_64)\n"
        "  NO  device_name         AMD EPYC  (a name with 'RTX 4080')\n"
    )
    told = "swarm-mac-a: 1.2 s  ready_to_attempt\nswarm-linux-a: 2.1 s  refused\n"
    app = Stage.empty(tmp_path / "runs").app()
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        (tmp_path / "stdout.txt").write_text(said)
        (tmp_path / "stderr.txt").write_text(told)
        refused = "✗ 1 of 2 hosts is refused"
        app.desk._log["1"] = LogEntry(
            WALL_0, "app.bring-up", "bring-up of loopback", refused, "bad", "act abab·cdcd", tmp_path
        )
        app.show_bring_up()
        await settle(pilot)
        await both(pilot, snapshot, "bring-up")


def kept_run(name: str, replay: str, end: float) -> KeptRun:
    """As the documents of a closed run tell it; what they would say is fixed, and no file stands behind it."""
    device = Device(name, "swarm.mlx.cpu.v1", "cpu:0", "accepted", replay, 100, 400, end, 9_800, 70_144, "ab" * 32, 0.5)
    curve = tuple(end + 2 * 0.96**step for step in range(100))
    return KeptRun(
        Path("bundle"), "swarm", f"run-of-{name}", "loopback", "bounded_success", "every promotion gate passed",
        "promoted", "refused: never automatic", "what this run proves", (("contributions", 2),), (("skew", "5.8 s"),),
        (("base", 5.26), ("merge", end)), (device,), (Series(name, curve),),
        (Event(WALL_0, "coordinator", "opened"), Event(WALL_0 + 30_000, "coordinator", "closed", "ok")), (),
    )  # fmt: skip


async def test_a_kept_run_and_two_beside_each_other(
    tmp_path: Path, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not verified here: how long that takes is another time's figure."""
    monkeypatch.setattr(KeptPage, "action_verify", lambda _: None)
    one, other = kept_run("swarm-mac-a", "exact", 4.2), kept_run("swarm-linux-a", "within tolerance", 4.4)
    async with Stage.empty(tmp_path / "runs").app().run_test(size=WIDE) as pilot:
        await settle(pilot)
        pilot.app.push_screen(KeptPage(one))
        await settle(pilot)
        await both(pilot, snapshot, "kept verdict")
        for name in ("timeline", "devices", "loss"):
            await pilot.press("right")
            await settle(pilot)
            await both(pilot, snapshot, f"kept {name}")
        lines = pilot.app.screen.query_one(FixedLines)
        assert lines.line_count() == lines.size.height  # the curve fills the page,
        for _ in range(3):
            await sized(pilot, WIDE)
            await sized(pilot, SMALL)
            assert not lines.show_vertical_scrollbar  # so nothing scrolls, whatever came first
        pilot.app.push_screen(Compare(one, other))
        await settle(pilot)
        await both(pilot, snapshot, "compared")


@pytest.mark.parametrize("theme", ["swarm-light", "swarm-cb"])
async def test_the_other_themes(
    theme: str, recordings: dict[str, Recording], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    stage = Stage.at(tmp_path / "runs", recordings["stale"], 23_300)
    async with stage.app(theme=theme).run_test(size=WIDE) as pilot:
        await settle(pilot)
        for key in ("1", "2", "4"):
            await pilot.press(key)
            await settle(pilot)
            assert await sized(pilot, SMALL) == snapshot(name=f"{key} in {theme}")


async def test_no_colour_at_all(
    recordings: dict[str, Recording], tmp_path: Path, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stage = Stage.at(tmp_path / "runs", recordings["stale"], 23_300)
    async with stage.app().run_test(size=SMALL) as pilot:
        await settle(pilot)
        for key in ("1", "2", "4"):
            await pilot.press(key)
            await settle(pilot)
            assert await sized(pilot, SMALL) == snapshot(name=f"{key} without colour")


async def test_a_theme_only_changes_colours(recordings: dict[str, Recording], tmp_path: Path) -> None:
    """The roles stay where they are, so a picture in one theme stands for all."""
    shown = []
    for theme in ("swarm-dark", "swarm-light", "swarm-cb"):
        stage = Stage.at(tmp_path / theme, recordings["stale"], 23_300)
        async with stage.app(theme=theme).run_test(size=WIDE) as pilot:
            await settle(pilot)
            assert isinstance(pilot.app, SwarmApp)
            shown.append(picture(pilot))
    assert shown[0] == shown[1] == shown[2]


async def test_a_terminal_that_is_too_small(
    recordings: dict[str, Recording], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    async with Stage.at(tmp_path / "runs", recordings["stale"], 21_300).app().run_test(size=(50, 12)) as pilot:
        await settle(pilot)
        assert picture(pilot) == snapshot
