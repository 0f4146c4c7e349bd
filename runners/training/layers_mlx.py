"""The decoder one layer at a time through mlx-lm, for hosts that can't hold all of it."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import mlx.core as mx
import mlx.nn as nn  # noqa: PLR0402 - mypy finds no attribute of `from mlx import nn`
import numpy as np
from mlx_lm.models.base import create_attention_mask
from mlx_lm.models.gpt_oss import TransformerBlock

from runners.training.decoder_config import DecoderConfig
from runners.training.decoder_mlx import converted, loaded, model_arguments, padded_ids, prepare_device, turn_as_trained
from runners.training.errors import CaptureError
from runners.training.head import F32
from runners.training.weights import EMBEDDING, NORM, Weights


class MlxLayers:
    """Holds one layer in f32. Activations go in and come out as padded batches `[rows, longest, d]`."""

    framework = "mlx-lm"
    framework_version = version("mlx-lm")

    def __init__(self, config: DecoderConfig, weights: Weights) -> None:
        self._arguments = model_arguments(config)
        self.device_label, self.array_library, self.threads = prepare_device()
        self._config, self._weights = config, weights
        self.count = config.num_hidden_layers
        self._layer: Any = None
        self._norm: Any = None
        self._window: int | None = None

    def embed(self, batch: Sequence[Sequence[int]]) -> F32:
        return self._weights.rows_f32(EMBEDDING, padded_ids(batch))

    def load(self, index: int) -> None:
        """Layer `index` into memory, in place of the one that was there; with the last one comes the final norm."""
        self._layer = None
        mx.clear_cache()
        prefix = f"model.layers.{index}."
        layer: Any = TransformerBlock(self._arguments)
        tensors = converted(loaded(self._weights, self._weights.names(prefix), prefix))
        try:
            layer.load_weights(list(tensors.items()), strict=True)
        except ValueError as error:
            raise CaptureError(f"layer {index}: expected the tensors of mlx-lm's gpt-oss, got: {error}") from error
        turn_as_trained(layer, self._config)
        mx.eval(layer.parameters())
        self._layer = layer
        sliding = self._config.layer_types[index] == "sliding_attention"
        self._window = self._config.sliding_window if sliding else None
        if index == self.count - 1:
            layers: Any = nn  # untyped upstream
            norm = layers.RMSNorm(self._config.hidden_size, self._config.rms_norm_eps)
            norm.load_weights([("weight", mx.array(self._weights.f32(NORM)))])
            self._norm = norm

    def forward(self, batch: Sequence[Sequence[int]], states: F32) -> F32:  # noqa: ARG002 - the mask is causal
        """Through the loaded layer."""
        inside = mx.array(states)
        outside = self._layer(inside, create_attention_mask(inside, None, window_size=self._window), None)
        return np.array(outside if self._norm is None else self._norm(outside), dtype=np.float32)
