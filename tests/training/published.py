"""The script that makes checkpoints of the published format, loaded from where it lies."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[2] / "fixtures" / "swarm" / "make_checkpoint.py"


def make_checkpoint() -> Any:
    """The script as a module."""
    if SCRIPT.stem not in sys.modules:
        spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[SCRIPT.stem] = module  # its dataclasses look themselves up there
        spec.loader.exec_module(module)
    return sys.modules[SCRIPT.stem]


def published(folder: Path, *, layers: int = 3) -> Path:
    """A small checkpoint in `folder / model`."""
    script = make_checkpoint()
    script.write(folder / "model", script.Geometry(num_hidden_layers=layers))
    return folder / "model"
