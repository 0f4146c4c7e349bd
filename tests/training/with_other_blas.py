"""Run as a process of its own: trains a fixed problem in MLX and writes what came out, and under which settings.

`python -m tests.training.with_other_blas <file.npz> [mlx.core | torch]`: what is imported before the backend is loaded.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

from runners.training.backend import ignore_step
from runners.training.backends import load
from runners.training.software import execution
from tests.training.problems import job

STEPS = 12


def main(out: Path, *imported_before: str) -> None:
    for name in imported_before:
        importlib.import_module(name)
    backend = load("mlx", threads=1, chunk_tokens=48)
    state = backend.train(job(STEPS), ignore_step).state
    assert state.moments is not None
    kept = {"a": state.weights.a, "b": state.weights.b, "losses": np.array(state.step_losses), **vars(state.moments)}
    np.savez(out, **kept)
    print(execution(backend).model_dump_json())


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
