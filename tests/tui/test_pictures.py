"""The dashboard as it looks, at both sizes, in each state: one clock, one recording, so every cell is fixed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runners.contract.states import Classification
from tests.observation.make_run import RUN_ID
from tests.tui.stage import Stage, settle

SIZES = {"80x24": (80, 24), "160x48": (160, 48)}
Compare = Callable[..., bool]


def staged(state: str, request: pytest.FixtureRequest, runs: Path) -> Stage:
    if state == "idle":
        return Stage.empty(runs)
    if state == "closed":
        stage = Stage.at(runs, request.getfixturevalue("healthy"), 0)
        stage.finish(Classification.BOUNDED_SUCCESS, 36_000)
        return stage
    name, at_ms = {
        "preparing": ("healthy", 7_000),
        "healthy": ("healthy", 20_700),
        "near": ("stale", 21_300),
        "stale": ("stale", 23_300),
        "refused": ("refused", 3_900),
    }[state]
    return Stage.at(runs, request.getfixturevalue(name), at_ms)


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("state", ["idle", "preparing", "healthy", "near", "stale", "refused", "closed"])
def test_the_dashboard(
    state: str,
    size: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    snap_compare: Compare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # so that the bundle's path is the same everywhere
    stage = staged(state, request, tmp_path / "runs")
    app = stage.app(run_id=RUN_ID if state == "closed" else None)
    assert snap_compare(app, terminal_size=SIZES[size], run_before=settle)


@pytest.mark.parametrize("theme", ["swarm-light", "swarm-cb"])
def test_the_dashboard_in_another_theme(
    theme: str, request: pytest.FixtureRequest, tmp_path: Path, snap_compare: Compare
) -> None:
    app = staged("near", request, tmp_path / "runs").app(theme=theme)
    assert snap_compare(app, terminal_size=(160, 48), run_before=settle)


def test_the_dashboard_without_colour(
    request: pytest.FixtureRequest, tmp_path: Path, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = staged("near", request, tmp_path / "runs").app()
    assert snap_compare(app, terminal_size=(80, 24), run_before=settle)


def test_a_terminal_that_is_too_small(request: pytest.FixtureRequest, tmp_path: Path, snap_compare: Compare) -> None:
    app = staged("near", request, tmp_path / "runs").app()
    assert snap_compare(app, terminal_size=(50, 12), run_before=settle)
