"""A checkpoint as gpt-oss is published: three files, MXFP4 experts, YaRN, sinks, both kinds of attention, harmony."""

import json
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from runners.records.machine_limits import limit_of
from runners.training.capture_memory import choose, needs
from runners.training.decoder_config import read_decoder, require_decoder
from runners.training.errors import CaptureError, CheckpointError
from runners.training.head import head_identity, identify_head, load_head
from runners.training.mxfp4 import dequantise
from runners.training.samples import FROZEN_DATE, PairEncoder, SamplePair, load_tokenizer, prompt_template
from runners.training.weights import EMBEDDING, Weights
from tests.training.published import published

GATE_UP = "model.layers.1.mlp.experts.gate_up_proj"
BASE = Path(__file__).parents[2] / "fixtures" / "swarm" / "base"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("published"))


def one_by_one(blocks: npt.NDArray[np.uint8], scales: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """MXFP4 from the words of its specification, value by value: sign, exponent (bias 1), mantissa; 2^(scale - 127)."""
    experts, rows, groups, half = blocks.shape
    out = np.zeros((experts, groups * half * 2, rows))
    for expert, row, group, byte in np.ndindex(blocks.shape):
        for place, code in enumerate(
            (int(blocks[expert, row, group, byte]) % 16, int(blocks[expert, row, group, byte]) // 16)
        ):
            sign, exponent, mantissa = code >> 3, code >> 1 & 3, code & 1
            size = mantissa * 0.5 if exponent == 0 else (1 + mantissa * 0.5) * 2.0 ** (exponent - 1)
            scale = 2.0 ** (int(scales[expert, row, group]) - 127)
            out[expert, (group * half + byte) * 2 + place, row] = (-1) ** sign * size * scale
    return out


def test_unpacked_experts_are_what_the_specification_says() -> None:
    random = np.random.default_rng(1)
    blocks = random.integers(0, 256, (2, 3, 2, 16), np.uint8)
    scales = random.integers(1, 255, (2, 3, 2), np.uint8)
    scales[0, 0] = (0, 254)  # the smallest and the largest there are
    blocks[0, 0, 1] &= 0x33  # 2^127 * 2 would be more than f32 can hold
    np.testing.assert_array_equal(dequantise(blocks, scales, name="w"), one_by_one(blocks, scales).astype(np.float32))


@pytest.mark.torch
def test_unpacked_experts_are_those_of_transformers(model: Path) -> None:
    import torch
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    random = np.random.default_rng(2)
    blocks = random.integers(0, 256, (3, 64, 5, 16), np.uint8)
    scales = random.integers(100, 140, (3, 64, 5), np.uint8)
    theirs = convert_moe_packed_tensors(torch.from_numpy(blocks), torch.from_numpy(scales), dtype=torch.float32)
    np.testing.assert_array_equal(dequantise(blocks, scales, name="w"), theirs.numpy())


def test_scale_that_stands_for_nan_is_refused() -> None:
    with pytest.raises(CheckpointError, match="w: expected scales below 255"):
        dequantise(np.zeros((1, 1, 1, 16), np.uint8), np.full((1, 1, 1), 255, np.uint8), name="w")


def test_blocks_and_scales_that_do_not_fit_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"expected blocks \[E, out, groups, 16\]"):
        dequantise(np.zeros((1, 1, 2, 16), np.uint8), np.zeros((1, 1, 1), np.uint8), name="w")


def test_tensors_are_found_in_all_files_under_their_plain_names(model: Path) -> None:
    weights = Weights(model)
    assert len(list(model.glob("model-0000?-of-00002.safetensors"))) == 3
    assert weights.shape(GATE_UP) == (4, 64, 192)
    assert weights.f32(GATE_UP).shape == (4, 64, 192)
    assert not any(name.endswith(("_blocks", "_scales")) for name in weights.names())
    rows = np.array([[3, 0], [2079, 3]])
    np.testing.assert_array_equal(weights.rows_f32(EMBEDDING, rows), weights.f32(EMBEDDING)[rows])
    with pytest.raises(CheckpointError, match="expected rows below 2080, got 2080"):
        weights.rows_f32(EMBEDDING, np.array([2080]))


def test_file_without_a_tensor_of_the_index_is_named(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model")
    index = tmp_path / "model" / "model.safetensors.index.json"
    body = json.loads(index.read_bytes())
    body["weight_map"]["model.layers.9.self_attn.sinks"] = "model-00001-of-00002.safetensors"
    index.write_text(json.dumps(body))
    with pytest.raises(CheckpointError, match=r"'model.layers.9.self_attn.sinks' in model-00001-of-00002.safetensors"):
        Weights(tmp_path / "model")


def test_what_is_published_beside_the_model_changes_nothing(model: Path, tmp_path: Path) -> None:
    """As a download of gpt-oss lies there: another copy of the weights, a build for Metal, and papers."""
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    for name in ("original", "metal"):
        (folder / name).mkdir()
    shutil.copy(next(model.glob("model-*.safetensors")), folder / "original" / "model.safetensors")
    (folder / "original" / "config.json").write_text('{"num_hidden_layers": 24}')
    (folder / "metal" / "model.bin").write_bytes(b"\0" * 1000)
    (folder / "generation_config.json").write_text('{"eos_token_id": [200002, 199999, 200012]}')
    for name in ("README.md", "LICENSE", "USAGE_POLICY", ".gitattributes"):
        (folder / name).write_text("words")
    assert identify_head(folder) == identify_head(model)
    require_decoder(Weights(folder), read_decoder(folder), folder)
    assert harmony(folder, "Why?", "So.") == harmony(model, "Why?", "So.")


def test_head_is_identified_in_pieces_as_when_held(model: Path) -> None:
    for folder in (model, BASE):
        assert identify_head(folder) == head_identity(load_head(folder), folder)


def test_memory_is_judged_before_loading_and_refused_with_the_figures(model: Path) -> None:
    needed = needs(Weights(model), read_decoder(model), rows=4, longest=64)
    assert needed.by_layer < needed.whole_model
    plenty, tight, little = (int(part / 0.9) + 1 for part in (needed.whole_model, needed.by_layer, needed.by_layer / 2))
    assert choose("auto", needed, plenty) == "whole_model"
    assert choose("auto", needed, tight) == "by_layer"
    with pytest.raises(
        CaptureError,
        match=r"whole model needs \d+ MiB of memory, \d+ are free, of which at most 90% .*--by-layer needs \d+ MiB",
    ):
        choose("whole_model", needed, tight)
    with pytest.raises(CaptureError, match="smaller --batch") as refused:
        choose("auto", needed, little)
    assert limit_of(refused.value) == "enomem"


def harmony(model: Path, prompt: str, response: str) -> tuple[str, str]:
    """(prompt, targets) as text."""
    tokenizer = load_tokenizer(model)
    row = PairEncoder(tokenizer, vocab_size=2080, limit=4096).encode(
        SamplePair(sample_id="a", prompt=prompt, response=response)
    )
    decode = tokenizer.decode  # type: ignore[attr-defined]
    return decode(row.ids[: row.response_begin]), decode(row.targets)


@pytest.mark.parametrize("response", ["So.", "final", "assistant<", " two\n\nlines ", "é ü 漢字", "message"])
def test_harmony_targets_are_the_response_and_return_alone(model: Path, response: str) -> None:
    before, targets = harmony(model, "Why final?", response)
    assert targets == f"{response}<|return|>"
    assert before.endswith("<|start|>user<|message|>Why final?<|end|><|start|>assistant<|channel|>final<|message|>")
    assert f"Current date: {FROZEN_DATE}" in before


def test_harmony_tokens_inside_a_sample_are_refused(model: Path) -> None:
    for prompt, response in (("Why?", "So.<|return|>No."), ("<|start|>system", "So.")):
        with pytest.raises(CaptureError, match=r"sample a: expected plain text, got '<\|"):
            harmony(model, prompt, response)


def test_template_that_changes_the_response_is_refused(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model")
    template = "{% for m in messages %}{{ m.role }}:{{ m.content | trim }};{% endfor %}"
    (tmp_path / "model" / "chat_template.jinja").write_text(template)
    with pytest.raises(CaptureError, match="expected the chat template to print the response as it is"):
        harmony(tmp_path / "model", "Why?", " So. ")


def test_manifest_names_the_template_by_its_digest(model: Path) -> None:
    said = prompt_template(load_tokenizer(model))
    assert "targets are the response's own tokens and the end token" in said
    assert len(said.rpartition("sha256 ")[2].partition(",")[0]) == 64
