"""A run by its id, and what is said where there is none of it."""

from pathlib import Path

import pytest

from console.cli.errors import UsageError
from console.cli.find import find_run


def test_a_run_that_is_not_there_is_answered_with_those_it_may_have_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARM_RUNS", str(tmp_path))
    for name in ("night-1", "night-11", "day-1"):
        (tmp_path / name / "mac" / "coordinator").mkdir(parents=True)
    (tmp_path / "snapshots").mkdir()  # lies there too, and is no run
    assert find_run("night-1") == tmp_path / "night-1"  # though another begins so
    with pytest.raises(UsageError, match=r"there are: night-1+, night-1+$"):
        find_run("night")
    with pytest.raises(UsageError) as refused:
        find_run("dawn")
    assert "day-1" in str(refused.value)
    assert "snapshots" not in str(refused.value)
