"""Captured rows are the decoder's own, for response tokens only, and the same bytes each time."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runners.contract.jobs import CaptureJob
from runners.contract.shard_manifest import ShardManifest
from runners.training.capture import capture
from runners.training.decoder_config import read_decoder
from runners.training.errors import CaptureError, CheckpointError
from runners.training.head import load_head
from runners.training.samples import (
    FROZEN_DATE,
    PairEncoder,
    SamplePair,
    load_tokenizer,
    prompt_template,
    read_pairs,
)
from runners.training.shards import read_shard
from runners.training.weights import Weights
from tests.training.published import make_checkpoint

SWARM = Path(__file__).parents[2] / "fixtures" / "swarm"
BASE = SWARM / "base"
LINES = (SWARM / "dataset" / "validation.jsonl").read_bytes().splitlines(keepends=True)[:5]
PAIRS = read_pairs(b"".join(LINES), name="five pairs")


@pytest.fixture(scope="module")
def jsonl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "five.jsonl"
    path.write_bytes(b"".join(LINES))
    return path


def job(jsonl: Path, out: Path, **changes: Any) -> CaptureJob:
    said = {
        "model_dir": str(BASE), "jsonl": str(jsonl), "out_dir": str(out), "split": "validation",
        "dataset_ref": "dataset://tests", "batch_size": 2, "backend": "torch",
    }  # fmt: skip
    return CaptureJob.model_validate({**said, **changes})


def captured(jsonl: Path, out: Path, backend: str = "torch") -> ShardManifest:
    (manifest,) = capture(job(jsonl, out, backend=backend)).manifests
    return manifest


@pytest.mark.torch
def test_captured_rows_times_the_head_are_the_models_own_logits(jsonl: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    manifest = captured(jsonl, tmp_path)
    file = manifest.file
    shard = read_shard(tmp_path / file.name, vocab_size=2048, expected_sha256=file.sha256)
    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32, attn_implementation="eager")
    tokenizer, weight = load_tokenizer(BASE), load_head(BASE).weight_f32()
    for index, pair in enumerate(PAIRS):
        prompt = tokenizer.encode(pair.prompt + "\n", add_special_tokens=False)
        response = [*tokenizer.encode(pair.response, add_special_tokens=False), tokenizer.eos_token_id]
        with torch.no_grad():
            logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1].numpy()
        rows = shard.rows_of(index)
        assert shard.targets[rows].tolist() == response
        ours = shard.hidden_f32(rows) @ weight.T
        # bf16 keeps 8 bits of each hidden value
        np.testing.assert_allclose(ours, logits, atol=0.01 * np.abs(logits).max())
        assert np.abs(ours - logits).mean() < 0.002 * np.abs(logits).max()


@pytest.mark.torch
def test_manifest_names_model_data_samples_and_file(jsonl: Path, tmp_path: Path) -> None:
    manifest = captured(jsonl, tmp_path)
    assert ShardManifest.read((tmp_path / "manifest.json").read_bytes()) == manifest
    assert manifest.sample_ids == tuple(pair.sample_id for pair in PAIRS)
    assert manifest.head.sha256 == load_head(BASE).sha256
    assert (manifest.capture.framework, manifest.capture.device_label, manifest.capture.batch_size) == (
        "transformers",
        "cpu:0",
        2,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "shard.safetensors"]


@pytest.mark.torch
def test_capturing_twice_gives_the_same_bytes(jsonl: Path, tmp_path: Path) -> None:
    captured(jsonl, tmp_path / "a")
    captured(jsonl, tmp_path / "b")
    for name in ("shard.safetensors", "manifest.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.torch
@pytest.mark.mlx
def test_mlx_sees_the_same_states_as_transformers(jsonl: Path, tmp_path: Path) -> None:
    captured(jsonl, tmp_path / "torch")
    manifest = captured(jsonl, tmp_path / "mlx", "mlx")
    ours, theirs = (read_shard(tmp_path / name / "shard.safetensors") for name in ("mlx", "torch"))
    assert manifest.capture.framework == "mlx-lm"
    np.testing.assert_array_equal(ours.targets, theirs.targets)
    difference = np.abs(ours.hidden_f32() - theirs.hidden_f32())
    # f32 agrees to 1e-5, so a value now and then falls on the other side of a bf16 rounding
    assert np.mean(difference > 0) < 0.01
    assert difference.max() <= 2**-7 * np.abs(theirs.hidden_f32()).max()


@pytest.mark.torch
@pytest.mark.mlx
@pytest.mark.parametrize("truncate", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_mlx_turns_yarn_positions_as_transformers_does(tmp_path: Path, truncate: bool) -> None:
    import torch
    from transformers import AutoConfig, GptOssForCausalLM

    from runners.training.decoder_mlx import MlxDecoder
    from runners.training.decoder_torch import TorchDecoder

    config = AutoConfig.from_pretrained(BASE)
    config.initializer_range = 0.2
    config.rope_parameters = {
        "rope_type": "yarn",
        "rope_theta": 150000.0,
        "factor": 32.0,
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "truncate": truncate,
        "original_max_position_embeddings": 4096,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        kind: Any = GptOssForCausalLM
        model = kind._from_config(config, dtype=torch.float32, attn_implementation="eager")
    model.save_pretrained(tmp_path)
    read = read_decoder(tmp_path)
    batch = [list(range(5, 95)), list(range(40, 60))]
    ours_all = MlxDecoder(tmp_path, read, Weights(tmp_path)).hidden_states(batch)
    for ours, theirs in zip(ours_all, TorchDecoder(tmp_path, read).hidden_states(batch), strict=True):
        assert np.abs(ours - theirs).max() < 1e-3


def pair(prompt: str, response: str) -> SamplePair:
    return SamplePair(sample_id="a", prompt=prompt, response=response)


def test_only_response_tokens_and_the_end_are_targets() -> None:
    tokenizer = load_tokenizer(BASE)
    row = PairEncoder(tokenizer, vocab_size=2048, limit=1024).encode(PAIRS[0])
    response = tokenizer.encode(PAIRS[0].response, add_special_tokens=False)
    assert row.targets == (*response, tokenizer.eos_token_id)
    assert list(row.ids[: row.response_begin]) == tokenizer.encode(PAIRS[0].prompt + "\n", add_special_tokens=False)


def test_chat_template_of_the_model_is_used_with_a_frozen_date(tmp_path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        shutil.copy(BASE / name, tmp_path)
    (tmp_path / "chat_template.jinja").write_text(
        "{%- macro system() %}Date {{ strftime_now('%Y-%m-%d') }}{% endmacro -%}{{ system() }}\n"
        "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}assistant:{% endif %}"
    )
    tokenizer = load_tokenizer(tmp_path)
    row = PairEncoder(tokenizer, vocab_size=2048, limit=99).encode(pair("Why?", "So."))
    decode = tokenizer.decode  # type: ignore[attr-defined]
    assert decode(row.ids[: row.response_begin]) == f"Date {FROZEN_DATE}\nuser: Why?<|endoftext|>assistant:"
    assert decode(row.targets) == " So.<|endoftext|>"
    assert prompt_template(tokenizer).startswith("chat.v2: ")


def test_sample_longer_than_the_decoder_is_refused() -> None:
    with pytest.raises(CaptureError, match=f"sample {PAIRS[0].sample_id}: expected at most 8 tokens"):
        PairEncoder(load_tokenizer(BASE), vocab_size=2048, limit=8).encode(PAIRS[0])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"not json", "line 2: expected JSON"),
        (json.dumps({"sample_id": "b", "prompt": "p"}).encode(), "line 2: SamplePair.response"),
        (json.dumps({"sample_id": "b", "prompt": "p", "response": " "}).encode(), "line 2: expected a prompt and"),
        (json.dumps({"sample_id": "../b", "prompt": "p", "response": "r"}).encode(), "line 2: SamplePair.sample_id"),
        (LINES[0].strip(), "expected unique sample ids"),
        (b"", "line 2: expected JSON"),
    ],
)
def test_data_that_is_not_pairs_is_refused_with_its_line(line: bytes, message: str) -> None:
    with pytest.raises(CaptureError, match=f"data.jsonl: {message}"):
        read_pairs(LINES[0] + line + b"\n", name="data.jsonl")


def test_batch_size_of_zero_is_refused(jsonl: Path, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="expected a batch size of at least 1"):
        capture(job(jsonl, tmp_path / "out", batch_size=0))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("backend", ["torch", "mlx"])
@pytest.mark.parametrize("way", ["whole_model", "by_layer"])
def test_a_checkpoint_without_its_decoder_is_refused_and_not_made_up(tmp_path: Path, backend: str, way: str) -> None:
    script = make_checkpoint()
    script.write(tmp_path / "model", script.Geometry(num_hidden_layers=2), head_only=True)
    jsonl = tmp_path / "pairs.jsonl"
    jsonl.write_text('{"sample_id": "a", "prompt": "one", "response": "two"}\n')
    asked = job(jsonl, tmp_path / "out", model_dir=str(tmp_path / "model"), backend=backend, way=way)
    with pytest.raises((CaptureError, CheckpointError), match="expected"):
        capture(asked)
    assert not (tmp_path / "out" / "manifest.json").exists()
