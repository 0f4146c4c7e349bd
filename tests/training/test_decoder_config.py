"""A checkpoint that two libraries would read as two decoders is refused before either is loaded, whoever computes."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runners.training.decoder_config import read_decoder, require_decoder
from runners.training.errors import CaptureError, CheckpointError
from runners.training.weights import Weights
from tests.training.published import published

BASE = Path(__file__).parents[2] / "fixtures" / "swarm" / "base"
ABSENT = object()
YARN = {"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096}
LAYER = "model.layers.1."
Header = dict[str, Any]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("published"))


@pytest.fixture
def model(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "model")


def reconfigure(model: Path, **changes: Any) -> None:
    body = json.loads((model / "config.json").read_bytes()) | changes
    (model / "config.json").write_text(json.dumps({key: body[key] for key in body if body[key] is not ABSENT}))


def require(model: Path) -> None:
    require_decoder(Weights(model), read_decoder(model), model)


def rewrite(model: Path, name: str, change: Callable[[Header, bytes], bytes | None]) -> None:
    """The header of the file in which `name` lies, and its data where `change` gives others."""
    file = model / json.loads((model / "model.safetensors.index.json").read_bytes())["weight_map"][name]
    raw = file.read_bytes()
    begin = 8 + struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:begin])
    data = change(header, raw[begin:])
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + (raw[begin:] if data is None else data))


def test_published_and_saved_checkpoints_are_what_their_configuration_says(model: Path) -> None:
    require(model)
    require(BASE)
    assert read_decoder(model).rope_parameters.rope_type == "yarn"  # rope_scaling and rope_theta, the older spelling


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_hidden_layers": ABSENT}, "num_hidden_layers: Field required, got nothing"),
        ({"num_hidden_layers": 2}, "layer_types: expected 2, one per layer, got 3"),
        ({"num_attention_heads": 0}, "num_attention_heads: Input should be greater than or equal to 1, got 0"),
        ({"head_dim": "x"}, "head_dim: Input should be a valid integer, got 'x'"),
        ({"hidden_size": 64.5}, "hidden_size: Input should be a valid integer, got 64.5"),
        ({"num_local_experts": True}, "num_local_experts: Input should be a valid integer, got True"),
        ({"rope_scaling": None}, "rope_parameters: Input should be an object, got None"),
        ({"rope_scaling": YARN | {"attention_factor": 2.0}}, "attention_factor: Extra inputs are not permitted"),
        ({"rope_scaling": YARN | {"factor": 0}}, "factor: Input should be greater than 0, got 0"),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}, "'dynamic'"),
        ({"rope_theta": ABSENT}, "rope_theta: Input should be a valid number, got None"),
        ({"num_experts_per_tok": 5, "experts_per_token": 5}, "expected at most the 4 of num_local_experts, got 5"),
        ({"experts_per_token": 1}, "experts_per_token: expected 2 as in num_experts_per_tok, got 1"),
        ({"sliding_window": 0}, "sliding_window: Input should be greater than or equal to 1, got 0"),
        ({"layer_types": ["full_attention"] * 2 + ["linear"]}, "layer_types.2"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quant_method: Input should be 'mxfp4', got 'gptq'"),
        ({"attention_bias": False}, "attention_bias: Input should be True, got False"),
        ({"hidden_act": "gelu"}, "hidden_act: Input should be 'silu', got 'gelu'"),
        ({"max_position_embeddings": None}, "max_position_embeddings: Input should be a valid integer, got None"),
    ],
)
def test_configuration_that_libraries_would_fill_in_or_ignore_is_refused(
    model: Path, changes: dict[str, Any], told: str
) -> None:
    reconfigure(model, **changes)
    with pytest.raises(CheckpointError) as refused:
        read_decoder(model)
    assert told in str(refused.value)
    assert str(refused.value).startswith(f"{model / 'config.json'}: ")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"num_hidden_layers": 2, "layer_types": ["full_attention"] * 2},
            "got 'model.layers.2.input_layernorm.weight'",
        ),
        ({"num_hidden_layers": 4, "layer_types": ["full_attention"] * 4}, "got none for 'model.layers.3."),
        ({"intermediate_size": 64}, "gate_up_proj': expected shape (4, 64, 128) by config.json, got (4, 64, 192)"),
        ({"quantization_config": ABSENT}, "expected experts in MXFP4 where config.json says so"),
    ],
)
def test_tensors_that_the_configuration_does_not_describe_are_refused(
    model: Path, changes: dict[str, Any], told: str
) -> None:
    reconfigure(model, **changes)
    with pytest.raises(CheckpointError) as refused:
        require(model)
    assert told in str(refused.value)


def retyped(name: str, dtype: str, shape: list[Any]) -> Callable[[Header, bytes], None]:
    def change(header: Header, _data: bytes) -> None:
        header[name] |= {"dtype": dtype, "shape": shape}

    return change


def shared(header: Header, _data: bytes) -> None:
    header[f"{LAYER}self_attn.k_proj.weight"]["data_offsets"] = header[f"{LAYER}self_attn.v_proj.weight"][
        "data_offsets"
    ]


def unlisted(header: Header, data: bytes) -> bytes:
    header["model.layers.2.self_attn.sinks"] = {"dtype": "U8", "shape": [4], "data_offsets": [len(data), len(data) + 4]}
    return data + bytes(4)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("self_attn.q_proj.weight", retyped(f"{LAYER}self_attn.q_proj.weight", "BF16", [64, 128]), "expected shape"),
        ("input_layernorm.weight", retyped(f"{LAYER}input_layernorm.weight", "U8", [128]), "F32 or BF16 data, got U8"),
        ("input_layernorm.weight", retyped(f"{LAYER}input_layernorm.weight", "F16", [64]), "expected F32, BF16 or U8"),
        ("self_attn.q_proj.bias", retyped(f"{LAYER}self_attn.q_proj.bias", "BF16", [True, 128]), "of its own shape"),
        ("mlp.experts.down_proj_scales", retyped(f"{LAYER}mlp.experts.down_proj_scales", "U8", [768]), "with [768]"),
        ("self_attn.k_proj.weight", shared, "expected its data from byte"),
        ("self_attn.k_proj.weight", lambda _header, data: data + b"behind", "the download may be incomplete"),
        ("input_layernorm.weight", unlisted, "'model.layers.2.self_attn.sinks' too"),
    ],
)
def test_file_that_libraries_would_read_in_different_ways_is_refused(
    model: Path, name: str, change: Callable[[Header, bytes], bytes | None], told: str
) -> None:
    rewrite(model, LAYER + name, change)
    with pytest.raises(CheckpointError) as refused:
        require(model)
    assert told in str(refused.value)


@pytest.mark.mlx
@pytest.mark.parametrize("key", ["swiglu_limit", "swiglu_alpha"])
def test_constant_of_mlx_lm_is_not_taken_for_another(model: Path, key: str) -> None:
    from runners.training.decoder_mlx import model_arguments

    model_arguments(read_decoder(model))
    reconfigure(model, **{key: 6.5})
    with pytest.raises(CaptureError, match=rf"{key}: expected .*, got 6.5; capture with the torch backend"):
        model_arguments(read_decoder(model))
