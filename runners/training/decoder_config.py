"""What of a checkpoint decides a decoder's forward: the words of config.json, and the tensors that they ask for.

Checked here, once and before anything is loaded, because the libraries don't agree on the rest: without `rope_scaling`
transformers turns by YaRN and mlx-lm doesn't, a surplus tensor is refused by one and ignored by the other, and each has
its own error for a number that is none. The states would depend on who computes them.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from runners.contract.document import Word
from runners.training.checkpoint import CONFIG, read_config
from runners.training.errors import CheckpointError
from runners.training.weights import EMBEDDING, NORM, Weights

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Shape = tuple[int, ...]


class PlainRope(Word):
    rope_type: Literal["default"]
    rope_theta: Positive


class YarnRope(Word):
    """Peng et al. 2023, as gpt-oss has it: other words of the method change what is computed and are refused."""

    rope_type: Literal["yarn"]
    rope_theta: Positive
    factor: Positive
    original_max_position_embeddings: Count
    beta_fast: Positive = 32.0
    beta_slow: Positive = 1.0
    truncate: bool = True


class Quantisation(Word):
    model_config = ConfigDict(extra="ignore")

    quant_method: Literal["mxfp4"]


class DecoderConfig(Word):
    """A key that is missing is refused, but for those that gpt-oss has never had with another value."""

    model_config = ConfigDict(extra="ignore")

    num_hidden_layers: Count
    vocab_size: Count
    hidden_size: Count
    intermediate_size: Count
    num_attention_heads: Count
    num_key_value_heads: Count
    head_dim: Count
    num_local_experts: Count
    num_experts_per_tok: Count
    sliding_window: Count
    max_position_embeddings: Count
    rms_norm_eps: Positive
    layer_types: tuple[Literal["full_attention", "sliding_attention"], ...]
    rope_parameters: Annotated[PlainRope | YarnRope, Field(discriminator="rope_type")]
    quantization_config: Quantisation | None = None
    swiglu_limit: Positive = 7.0
    swiglu_alpha: Positive = 1.702
    hidden_act: Literal["silu"] = "silu"
    attention_bias: Literal[True] = True


def read_decoder(model_dir: Path) -> DecoderConfig:
    """Raises CheckpointError, naming the key."""
    body, where = read_config(model_dir), model_dir / CONFIG
    try:
        config = DecoderConfig.model_validate_json(json.dumps({**body, "rope_parameters": _rope(body)}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        got = "nothing" if first["type"] == "missing" else repr(first["input"])[:80]
        raise CheckpointError(f"{where}: {key}: {first['msg']}, got {got}") from error
    if len(config.layer_types) != config.num_hidden_layers:
        raise CheckpointError(
            f"{where}: layer_types: expected {config.num_hidden_layers}, one per layer, got {len(config.layer_types)}"
        )
    if config.num_experts_per_tok > config.num_local_experts:
        raise CheckpointError(
            f"{where}: num_experts_per_tok: expected at most the {config.num_local_experts} of num_local_experts,"
            f" got {config.num_experts_per_tok}"
        )
    if body.get("experts_per_token", config.num_experts_per_tok) != config.num_experts_per_tok:
        raise CheckpointError(
            f"{where}: experts_per_token: expected {config.num_experts_per_tok} as in num_experts_per_tok,"
            f" got {body['experts_per_token']!r:.80}"
        )
    return config


def _rope(body: dict[str, Any]) -> Any:
    """In transformers' new spelling, from either one."""
    if body.get("rope_parameters") is not None:
        return body["rope_parameters"]
    old = body.get("rope_scaling")
    return {**old, "rope_theta": body.get("rope_theta")} if isinstance(old, dict) else old


def require_decoder(weights: Weights, config: DecoderConfig, model_dir: Path) -> None:
    """All tensors of the decoder that the configuration describes, in their shapes, and no others. Reads headers alone.
    Raises CheckpointError, naming the tensor."""
    expected, got = decoder_shapes(config), weights.names("model.")
    if missing := sorted(set(expected) - set(got)):
        raise CheckpointError(
            f"{model_dir}: expected every tensor of the decoder, got none for {missing[0]!r} and {len(missing) - 1}"
            " others; the download may be incomplete"
        )
    if surplus := sorted(set(got) - set(expected)):
        raise CheckpointError(
            f"{model_dir}: expected the tensors of {config.num_hidden_layers} layers as in {CONFIG}, got {surplus[0]!r}"
            f" and {len(surplus) - 1} others beyond them"
        )
    for name, shape in expected.items():
        if weights.shape(name) != shape:
            raise CheckpointError(
                f"{model_dir}: {name!r}: expected shape {shape} by {CONFIG}, got {weights.shape(name)}"
            )
    packed, said = weights.packed(), config.quantization_config is not None
    if bool(packed) != said:
        what = f"them in {packed[0]!r}" if packed else "none"
        raise CheckpointError(
            f"{model_dir}: expected experts in MXFP4 where {CONFIG} says so in quantization_config, and only there,"
            f" got {what}"
        )


def decoder_shapes(config: DecoderConfig) -> dict[str, Shape]:
    """By name; experts as transformers lays them out once they are unpacked, `[E, in, out]`."""
    d, width, experts = config.hidden_size, config.intermediate_size, config.num_local_experts
    queries, keys = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
    layer: dict[str, Shape] = {
        "input_layernorm.weight": (d,),
        "self_attn.q_proj.weight": (queries, d),
        "self_attn.q_proj.bias": (queries,),
        "self_attn.k_proj.weight": (keys, d),
        "self_attn.k_proj.bias": (keys,),
        "self_attn.v_proj.weight": (keys, d),
        "self_attn.v_proj.bias": (keys,),
        "self_attn.o_proj.weight": (d, queries),
        "self_attn.o_proj.bias": (d,),
        "self_attn.sinks": (config.num_attention_heads,),
        "post_attention_layernorm.weight": (d,),
        "mlp.router.weight": (experts, d),
        "mlp.router.bias": (experts,),
        "mlp.experts.gate_up_proj": (experts, d, 2 * width),
        "mlp.experts.gate_up_proj_bias": (experts, 2 * width),
        "mlp.experts.down_proj": (experts, width, d),
        "mlp.experts.down_proj_bias": (experts, d),
    }
    outside: dict[str, Shape] = {EMBEDDING: (config.vocab_size, d), NORM: (d,)}
    layers = range(config.num_hidden_layers)
    return outside | {f"model.layers.{index}.{name}": shape for index in layers for name, shape in layer.items()}
