"""What every room's tests may ask for."""

import signal

import pytest
from hypothesis import HealthCheck, settings

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("same", UNHURRIED, derandomize=True, database=None)
settings.register_profile("explore", UNHURRIED)
settings.load_profile("same")


def pytest_configure() -> None:
    """A shell's `&` makes what it starts ignore SIGINT, and so all that a test starts and interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is true of the processor alone, where there is a CUDA card too: here, and in what is started here."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
