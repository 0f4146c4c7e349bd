"""`swarm bench merge` at a small size: measured, kept whole, and not judged."""

import json
from pathlib import Path

import pytest

from console.cli.main import main

SMALL = ["bench", "merge", "--vocab", "400", "--hidden", "16", "--rank", "2", "--times", "1", "--contributors", "2,3"]


def test_merges_of_another_size_are_measured_and_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--out", str(tmp_path / "kept.json")]) == 0
    said = capsys.readouterr().out
    assert "goals are judged at vocab_size 201088, hidden_size 2880, rank 16 alone" in said
    assert "within 60 ms" not in said
    kept = json.loads((tmp_path / "kept.json").read_bytes())
    assert [row["merged_rank"] for row in kept["merges"]] == [4, 6]
    assert all(row["residual"] < 1e-6 for row in kept["merges"])


def test_a_place_that_is_not_there_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    assert main([*SMALL, "--out", str(tmp_path / "nowhere" / "kept.json")]) == 2
