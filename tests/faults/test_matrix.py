"""A few cells of the fault matrix on every run of the suite, all of them by `make faults`."""

from pathlib import Path

import pytest

from tests.faults.hooks import PLACES
from tests.faults.matrix import CELLS, FAULTS, absent
from tests.faults.run_cell import run_cell

# One kill that goes on, one that ends the attempt, one artifact. Bounds are the lane's own: nothing is scaled.
EVERY_TIME = ("kill_coordinator:validating", "kill_runner:training", "artifact_tampered:fetching")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared")


@pytest.mark.live
@pytest.mark.parametrize("name", EVERY_TIME)
def test_a_fault_in_this_phase_ends_as_frozen_and_breaks_no_promise(name: str, tmp_path: Path, prepared: Path) -> None:
    cell = next(cell for cell in CELLS if cell.name == name)
    result = run_cell(cell, tmp_path / "cell", prepared)
    assert (result.verdict, result.broken) == ("kept", ())
    assert result.classification == cell.expected


def test_the_matrix_is_as_large_as_promised_and_every_gap_has_its_reason() -> None:
    assert len(CELLS) >= 60
    assert len({cell.name for cell in CELLS}) == len(CELLS)
    for fault in FAULTS:
        assert set(fault.ends) <= set(PLACES)
        assert all(absent(fault, phase) for phase in PLACES if phase not in fault.ends)
