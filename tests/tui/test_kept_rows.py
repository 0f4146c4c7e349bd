"""What the pages of a kept run draw, from the values alone."""

import json
from pathlib import Path

import pytest

from console.observation.kept_psionic import read_psionic
from console.observation.kept_swarm import read_swarm
from console.observation.runs import RunRef, RunStanding
from console.places import data_dir
from console.tui.drawing import kept as drawing
from console.tui.drawing.comparison import comparison
from console.tui.drawing.places import run_row
from console.tui.drawing.plot import plot
from console.tui.drawing.text import row_width


def test_a_plot_falls_where_the_losses_fall_and_fits() -> None:
    rows = plot((("accent", tuple(5 - step / 25 for step in range(100))), ("warn", (4.0,) * 50)), 60, 12)
    texts = ["".join(text for text, _ in row) for row in rows]
    assert len(rows) == 12
    assert all(row_width(row) <= 60 for row in rows)
    assert "5.000 ┤" in texts[0]
    assert any(role == "warn" for row in rows for _, role in row)
    first, last = texts[0].index("┤") + 1, texts[9]
    assert texts[0][first] != " "
    assert last.rstrip().endswith(tuple(chr(0x2800 + n) for n in range(1, 256)))


@pytest.mark.parametrize("values", [(), (float("nan"),), (float("inf"), float("nan")), (1.0,), (2.0, 2.0)])
def test_a_plot_of_nothing_or_of_one_value_raises_nothing(values: tuple[float, ...]) -> None:
    assert len(plot((("accent", values),), 60, 12)) == 12


def test_a_rate_that_no_clock_could_measure_and_an_adapter_too_small_are_read_with_care(tmp_path: Path) -> None:
    ran = {"started_at_ms": 1000, "completed_at_ms": 1002, "sample_count": 12}
    mine = {"executed_steps": 12, "payload_bytes": 1480, "execution_summary": ran, "execution_backend_label": "cuda"}
    report = {"node_id": "a", "local_contribution": mine}
    (tmp_path / "coordinator_runtime_report.json").write_text(json.dumps(report))
    run = read_psionic(tmp_path)
    text = "\n".join("".join(part for part, _ in row) for row in drawing.devices(run, 120))
    assert "too short: 12 in 2 ms" in text
    assert "6000" not in text
    assert text.count("read with care") == 2
    assert "its adapter has 1480 bytes" in text


def test_devices_of_long_names_stay_apart() -> None:
    """The kept run of an H100 beside a processor, at 80 columns."""
    run = read_swarm(data_dir("fixtures") / "swarm" / "runs" / "loopback-cuda-1")
    text = "\n".join("".join(part for part, _ in row) for row in drawing.devices(run, 74))
    assert "… cpu:0 " in text or "HBM3 cpu:0 " in text


def test_what_differs_behind_the_digits_that_are_shown_is_not_called_the_same() -> None:
    runs = data_dir("fixtures") / "swarm" / "runs"
    pair = (read_swarm(runs / "loopback-cuda-1"), read_swarm(runs / "first-loopback-live-1"))
    lines = ["".join(part for part, _ in row) for row in comparison(*pair, 150)]
    differ, same = lines[: lines.index("")], lines[lines.index("") :]
    (merged,) = (line.split()[2:] for line in differ if "held-out merge" in line)
    assert merged[0] != merged[1]
    assert merged[0][:5] == merged[1][:5]  # to three digits they are one
    assert not any("held-out merge" in line or "swarm-mac-a loss" in line for line in same)
    assert any("NVIDIA H100" in line for line in differ)


def test_a_run_of_ours_is_named_whole_at_80_columns(tmp_path: Path) -> None:
    name = "loopback-live-20261127T173610Z-ac22"
    ended = RunRef(name, tmp_path, RunStanding.CLOSED, tmp_path, 1_795_441_500_000, ended="stopped_by_operator")
    row = "".join(text for text, _ in run_row(ended, 74))
    assert "✗ stopped by operator " in row
    assert f" {name} " in row
