"""The whole decoder through mlx-lm, in f32: capture on a Mac, or where transformers is not installed.

mlx-lm can't read the experts as transformers lays them out, and rounds the YaRN range that gpt-oss wants unrounded
("truncate": false); both are put right here. MXFP4 experts are unpacked to f32 like everything else.
"""

import math
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mlx_lm.models.gpt_oss import GptOssMoeModel, ModelArgs

from runners.contract.names import Label, as_label
from runners.training.decoder_config import DecoderConfig, YarnRope
from runners.training.errors import CaptureError
from runners.training.head import F32
from runners.training.system_blas import blas_of, set_blas_threads
from runners.training.weights import Weights

MLX_SWIGLU_ALPHA, MLX_SWIGLU_LIMIT = 1.702, 7.0  # of mlx_lm.models.activations.SwigluOAI
PREFIX = "model."  # what is outside of it is the head, which capture does not need


class MlxDecoder:
    """Final hidden states (after the last norm) of right-padded batches."""

    framework = "mlx-lm"
    framework_version = version("mlx-lm")

    def __init__(self, model_dir: Path, config: DecoderConfig, weights: Weights) -> None:
        arguments = model_arguments(config)
        self.device_label, self.array_library, self.threads = prepare_device()
        self._decoder = GptOssMoeModel(arguments)
        tensors = converted(loaded(weights, weights.names(PREFIX), PREFIX))
        try:
            self._decoder.load_weights(list(tensors.items()), strict=True)
        except ValueError as error:
            raise CaptureError(f"{model_dir}: expected the tensors of mlx-lm's gpt-oss, got: {error}") from error
        for layer in self._decoder.layers:
            turn_as_trained(layer, config)
        mx.eval(self._decoder.parameters())

    def hidden_states(self, batch: Sequence[Sequence[int]]) -> list[F32]:
        """One `[tokens, d]` per row of the batch. The mask is causal, so padding on the right changes nothing."""
        hidden: F32 = np.array(self._decoder(mx.array(padded_ids(batch))), dtype=np.float32)
        return [hidden[row, : len(tokens)] for row, tokens in enumerate(batch)]


def prepare_device() -> tuple[Label, Label, int]:
    """Exact f32 products; labels of the device and of the libraries that compute them, and their threads on it."""
    library = f"mlx@{version('mlx')}"
    os.environ["MLX_ENABLE_TF32"] = "0"  # read at the first product; on by default on newer Macs
    on_metal = bool(mx.metal.is_available()) and mx.default_device() == mx.gpu
    if on_metal:
        return "metal:0", as_label(library), 0  # of the processor none
    mx.disable_compile()  # on a CPU it calls a C++ compiler, which a host need not have
    threads = set_blas_threads(max(1, (os.cpu_count() or 1) // 2))  # as many as torch's capture takes
    return "cpu:0", as_label(f"{library}/{blas_of('libmlx.so')}"), threads


def model_arguments(config: DecoderConfig) -> Any:
    """Raises CaptureError for what mlx-lm has as constants of its own."""
    for key, fixed, asked in (
        ("swiglu_limit", MLX_SWIGLU_LIMIT, config.swiglu_limit),
        ("swiglu_alpha", MLX_SWIGLU_ALPHA, config.swiglu_alpha),
    ):
        if asked != fixed:
            raise CaptureError(
                f"config.json: {key}: expected {fixed}, with which mlx-lm always computes, got {asked}; capture with"
                " the torch backend"
            )
    said = config.model_dump(include=set(ModelArgs.__dataclass_fields__))
    rope = config.rope_parameters.model_dump()
    scaling = None if config.rope_parameters.rope_type == "default" else rope
    arguments_of: Any = ModelArgs  # untyped upstream
    return arguments_of(
        **{**said, "layer_types": list(config.layer_types)}, rope_theta=rope["rope_theta"], rope_scaling=scaling
    )


def turn_as_trained(layer: Any, config: DecoderConfig) -> None:
    """The layer's positions as transformers has them."""
    if config.rope_parameters.rope_type == "yarn":
        layer.self_attn.rope._freqs = mx.array(yarn_periods(config.rope_parameters, config.head_dim))


def padded_ids(batch: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    ids = np.zeros((len(batch), max(map(len, batch))), np.int64)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
    return ids


def loaded(weights: Weights, names: Sequence[str], prefix: str) -> dict[str, mx.array]:
    return {name.removeprefix(prefix): mx.array(weights.f32(name)) for name in names}


def yarn_periods(rope: YarnRope, dims: int) -> npt.NDArray[np.float32]:
    """Reciprocal frequencies `[dims / 2]`, as transformers has them (YaRN, Peng et al. 2023, section 3.2)."""
    base, factor, trained = rope.rope_theta, rope.factor, rope.original_max_position_embeddings

    def dim_of(rotations: float) -> float:
        return float(dims * math.log(trained / (rotations * 2 * math.pi)) / (2 * math.log(base)))

    low, high = dim_of(rope.beta_fast), dim_of(rope.beta_slow)
    if rope.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dims - 1)
    ramp = np.clip((np.arange(dims // 2) - low) / max(high - low, 0.001), 0, 1)
    frequency = base ** (-np.arange(0, dims, 2) / dims)
    mixed: npt.NDArray[np.float32] = (1 / (frequency / factor * ramp + frequency * (1 - ramp))).astype(np.float32)
    return mixed


def converted(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    """transformers' layout to mlx-lm's: gate and up de-interleaved, `[E, in, out]` to `[E, out, in]`."""
    result: dict[str, mx.array] = {}
    for name, value in weights.items():
        if name.endswith("experts.gate_up_proj"):  # [E, H, 2I]
            result[name.replace("gate_up_proj", "gate_proj.weight")] = value[..., ::2].swapaxes(1, 2)
            result[name.replace("gate_up_proj", "up_proj.weight")] = value[..., 1::2].swapaxes(1, 2)
        elif name.endswith("experts.gate_up_proj_bias"):  # [E, 2I]
            result[name.replace("gate_up_proj_bias", "gate_proj.bias")] = value[..., ::2]
            result[name.replace("gate_up_proj_bias", "up_proj.bias")] = value[..., 1::2]
        elif name.endswith("experts.down_proj"):  # [E, I, H]
            result[name + ".weight"] = value.swapaxes(1, 2)
        elif name.endswith("experts.down_proj_bias"):
            result[name.removesuffix("_bias") + ".bias"] = value
        else:
            result[name] = value
    return result
