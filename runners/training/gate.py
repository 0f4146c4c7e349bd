"""The bring-up gate: a short real training job on the backend under test."""

from runners.contract.receipts import GateResult
from runners.training.backend import Backend


def run_gate(backend: Backend, steps: int) -> GateResult:
    """Raises GateFailed where the loss didn't fall or an unsupported precision was accepted."""
    raise NotImplementedError
