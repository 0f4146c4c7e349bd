"""A snapshot's files in the libraries that they are for: PEFT as they lie there, and mlx-lm from the subfolder.

Both run the shipped base's whole decoder; the adapter is a rank-stacked merge of two random ones, through the same
writers as a real run's.
"""

import asyncio
import json
import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from console.aggregation.merge import WeightedAdapter, merge
from console.evidence.errors import PublicationRefused
from console.evidence.outcomes.mlx_adapter import mlx_adapter_files
from console.evidence.outcomes.peft_smoke import LOGIT_BOUND, NEW_TOKENS, PROMPTS, peft_smoke
from console.evidence.outcomes.publish import PEFT_GATE
from console.places import data_dir
from console.validation.adapter import Adapter, adapter_bytes
from runners.contract.adapter_config import adapter_config_bytes
from runners.contract.jobs import SmokeJob, SmokeResult
from runners.contract.plan import ADAPTER_CONFIG_FILE, ADAPTER_FILE

BASE = data_dir("fixtures") / "swarm" / "base"
VOCABULARY, WIDTH, RANK = 2048, 128, 4


@dataclass(frozen=True)
class Snapshot:
    folder: Path
    merged: Adapter

    @property
    def delta(self) -> NDArray[np.float64]:
        """s B A [V, d]."""
        a, b = self.merged.a.astype(np.float64), self.merged.b.astype(np.float64)
        return self.merged.scale * (b @ a)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("snapshot")
    parts = tuple(WeightedAdapter(_adapter(seed), Fraction(seed, 3)) for seed in (1, 2))
    merged = merge(parts).merged
    config = adapter_config_bytes(rank=merged.rank, alpha=merged.alpha, base_label="sha256:of-a-test")
    (folder / ADAPTER_FILE).write_bytes(adapter_bytes(merged.a, merged.b, {"format": "pt"}))
    (folder / ADAPTER_CONFIG_FILE).write_bytes(config)
    (folder / "mlx").mkdir()
    for name, data in mlx_adapter_files(merged).items():
        (folder / "mlx" / name).write_bytes(data)
    return Snapshot(folder, merged)


def _adapter(seed: int) -> Adapter:
    chance = np.random.default_rng(seed)
    a = (0.1 * chance.standard_normal((RANK, WIDTH))).astype(np.float32)
    b = (0.1 * chance.standard_normal((VOCABULARY, RANK))).astype(np.float32)
    return Adapter(a, b, alpha=2.0 * RANK, metadata={})


def _smoke(folder: Path) -> SmokeResult:
    from runners.training.peft_smoke import smoke

    return smoke(
        SmokeJob(model_dir=str(BASE), adapter_dir=str(folder), prompts=PROMPTS, new_tokens=NEW_TOKENS, threads=1)
    )


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_peft_loads_the_snapshot_as_it_is_and_its_logits_are_base_plus_delta(snapshot: Snapshot) -> None:
    result = _smoke(snapshot.folder)

    assert result.max_logit_difference <= LOGIT_BOUND
    assert result.largest_delta > 1.0
    assert len(result.generated_tokens) == NEW_TOKENS


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_configuration_that_peft_scales_otherwise_is_seen_by_the_smoke_test(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    """PEFT with rsLoRA scales by alpha / sqrt(r): the tensors are the same, the logits are not."""
    folder = tmp_path / "rslora"
    shutil.copytree(snapshot.folder, folder)
    config = json.loads((folder / ADAPTER_CONFIG_FILE).read_bytes())
    (folder / ADAPTER_CONFIG_FILE).write_text(json.dumps({**config, "use_rslora": True}))

    assert _smoke(folder).max_logit_difference > 0.1


@pytest.mark.torch
def test_an_adapter_that_peft_cannot_load_is_refused_by_the_gate_of_that_name(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    """The real job, in its own process: a configuration that names no module of the base."""
    folder = tmp_path / "elsewhere"
    shutil.copytree(snapshot.folder, folder)
    config = json.loads((folder / ADAPTER_CONFIG_FILE).read_bytes())
    (folder / ADAPTER_CONFIG_FILE).write_text(json.dumps({**config, "target_modules": ["no_such_module"]}))

    with pytest.raises(PublicationRefused, match=f"gate {PEFT_GATE}: expected PEFT to load it, got .*no_such_module"):
        asyncio.run(peft_smoke(BASE, folder, tmp_path / "log.txt"))


@pytest.mark.mlx
def test_mlx_lm_loads_the_subfolder_and_its_logits_are_base_plus_delta(snapshot: Snapshot, tmp_path: Path) -> None:
    import mlx.core as mx
    from mlx_lm.tuner.utils import load_adapters

    model = _mlx_base(tmp_path)
    ids = mx.array([[5, 17, 300, 41, 1999]])
    plain = np.array(model(ids))[0].astype(np.float64)
    hidden = np.array(model.model(ids))[0].astype(np.float64)
    expected = plain + hidden @ snapshot.delta.T
    adapted = load_adapters(model, str(snapshot.folder / "mlx"))
    got = np.array(adapted(ids))[0].astype(np.float64)

    assert np.abs(got - plain).max() > 1.0
    assert np.abs(got - expected).max() <= LOGIT_BOUND


def _mlx_base(folder: Path) -> Any:
    """The shipped base in mlx-lm's own layout, written and loaded by mlx-lm's loader, in f32."""
    import mlx.core as mx
    from mlx_lm.utils import load_model

    from runners.training.decoder_mlx import PREFIX, converted

    loaded: Any = mx.load(str(BASE / "model.safetensors"))
    inner = {name.removeprefix(PREFIX): value for name, value in loaded.items() if name.startswith(PREFIX)}
    decoder = converted(inner)
    weights = {f"model.{name}": value for name, value in decoder.items()} | {"lm_head.weight": loaded["lm_head.weight"]}
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    config = json.loads((BASE / "config.json").read_bytes())
    config |= {"rope_theta": config["rope_parameters"]["rope_theta"], "rope_scaling": None}
    (folder / "config.json").write_text(json.dumps(config))
    if not mx.metal.is_available():
        mx.disable_compile()
    model, _ = load_model(folder)
    model.set_dtype(mx.float32)
    mx.eval(model.parameters())
    return model
