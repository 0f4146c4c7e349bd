"""What every room's tests may ask for."""

import pytest


@pytest.fixture
def on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is true of the processor alone, where there is a CUDA card too: here, and in what is started here."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
