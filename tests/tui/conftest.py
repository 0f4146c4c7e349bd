import pytest

from tests.observation.recorded_fixtures import healthy, held, refused, run_dir, stale
from tests.tui.furnished import kept

__all__ = ["healthy", "held", "kept", "refused", "run_dir", "stale"]


@pytest.fixture(autouse=True)
def all_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal the tests are started from."""
    monkeypatch.setenv("COLORTERM", "truecolor")
