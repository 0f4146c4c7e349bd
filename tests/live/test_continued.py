"""A runner that was killed in training goes on in the next revision, and ends with the bits of one that never was."""

import json
from pathlib import Path
from typing import Any

import pytest

from console.evidence.checks.real_run import check_real_run
from runners.records.tensors import read_tensors
from tests.live.conftest import MakeRun
from tests.live.rig import assert_gone, finish, kill, until

# Two whole runs and a replay: minutes on a machine that others use too.
pytestmark = [pytest.mark.live, pytest.mark.soak, pytest.mark.timeout(540)]
NODE, OTHER = "swarm-linux-a", "swarm-mac-a"
STEPS, EVERY = 300, 20


def test_a_runner_killed_in_training_ends_with_the_bits_of_an_uninterrupted_one(make_run: MakeRun) -> None:
    # Nothing here is about the skew of a crowded machine.
    lane = {"steps": str(STEPS), "checkpoint_steps": str(EVERY), "skew_ms": "600000", "skew_wait_ms": "600000"}
    whole, cut = make_run("run-whole", **lane), make_run("run-cut", **lane)
    code, _, err = finish(whole.start())
    assert code == 0, err[-3000:]

    watcher = cut.start()
    until("a kept checkpoint", lambda: cut.has("checkpoint_kept", node_id=NODE) or cut.bundle.exists())
    kill(cut.runner_of(NODE))
    code, _, err = finish(watcher)
    assert code == 1, err[-3000:]
    assert not (cut.bundle / "retained_artifacts" / NODE / "adapter_model.safetensors").exists()

    code, out, err = finish(cut.swarm("replay", cut.run_id, "--json"))

    assert code == 0, err[-3000:]
    assert json.loads(out)["result"]["result_classification"] == "bounded_success"
    again = cut.root / "bundle-r1"
    assert check_real_run(again).findings == ()
    for node in (NODE, OTHER):
        assert _adapter(again, node) == _adapter(whole.bundle, node)
        assert _receipt(again, node)["step_losses"] == _receipt(whole.bundle, node)["step_losses"]
    continued = _receipt(again, NODE)["continued_from"]
    assert continued["revision"] == 0
    assert EVERY <= continued["step"] < STEPS
    assert _receipt(again, NODE)["tokens_trained"] < _receipt(whole.bundle, NODE)["tokens_trained"]
    assert_gone(cut)


def _adapter(bundle: Path, node: str) -> dict[str, bytes]:
    """Its tensors' own bytes. The file's header names the assignment, which is another in another run."""
    path = bundle / "retained_artifacts" / node / "adapter_model.safetensors"
    return {name: bytes(tensor.data) for name, tensor in read_tensors(path.read_bytes(), name=path.name)[0].items()}


def _receipt(bundle: Path, node: str) -> dict[str, Any]:
    path = bundle / "retained_artifacts" / node / "contributor_receipt.json"
    return dict(json.loads(path.read_bytes()))
