"""The decoder one layer at a time through transformers, for hosts that can't hold all of it.

Each layer runs inside a one-layer GptOssModel of transformers, so that masks, positions and arithmetic are the
library's own: on the same batches the states are those of the whole model, bit for bit.
"""

import copy
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers
from transformers.models.gpt_oss import modeling_gpt_oss as gpt_oss

from runners.training.decoder_torch import padded
from runners.training.errors import CaptureError
from runners.training.head import F32
from runners.training.weights import EMBEDDING, NORM, Weights


class TorchLayers:
    """Holds one layer in f32 on the CPU. Activations go in and come out as padded batches `[rows, longest, d]`."""

    framework = "transformers"
    framework_version: str = transformers.__version__
    array_library = f"torch@{torch.__version__}"
    device_label = "cpu:0"

    def __init__(self, model_dir: Path, weights: Weights) -> None:
        library: Any = transformers
        try:
            self._config = library.AutoConfig.from_pretrained(model_dir, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise CaptureError(f"{model_dir}: expected a config.json that transformers reads, got: {error}") from error
        self._weights = weights
        self.count = int(self._config.num_hidden_layers)
        self._layer: Any = None
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
        self.threads = torch.get_num_threads()

    def embed(self, batch: Sequence[Sequence[int]]) -> F32:
        ids, _ = padded(batch)
        return self._weights.rows_f32(EMBEDDING, ids.numpy())

    def load(self, index: int) -> None:
        """Layer `index` into memory, in place of the one that was there; with the last one comes the final norm."""
        self._layer = None
        config = copy.deepcopy(self._config)
        config.num_hidden_layers, config.layer_types = 1, [self._config.layer_types[index]]
        if hasattr(config, "quantization_config"):
            del config.quantization_config  # the experts are unpacked by `Weights`
        with torch.device("meta"):
            kind: Any = gpt_oss.GptOssModel
            layer = kind._from_config(
                config, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager"
            )
        layer.rotary_emb = gpt_oss.GptOssRotaryEmbedding(config)  # its frequencies are in no checkpoint
        layer.norm = self._final_norm(layer.norm) if index == self.count - 1 else torch.nn.Identity()
        prefix = f"model.layers.{index}."
        state = {name.removeprefix(prefix): self._tensor(name) for name in self._weights.names(prefix)}
        try:
            layer.layers[0].load_state_dict(state, strict=True, assign=True)
        except RuntimeError as error:
            raise CaptureError(f"layer {index}: expected the tensors of transformers' gpt-oss, got: {error}") from error
        self._layer = layer.eval()

    @torch.no_grad()
    def forward(self, batch: Sequence[Sequence[int]], states: F32) -> F32:
        """Through the loaded layer."""
        _, mask = padded(batch)
        output = self._layer(inputs_embeds=torch.from_numpy(states), attention_mask=mask, use_cache=False)
        result: F32 = output.last_hidden_state.numpy()
        return result

    def _final_norm(self, norm: Any) -> Any:
        norm.load_state_dict({"weight": self._tensor(NORM)}, assign=True)
        return norm

    def _tensor(self, name: str) -> torch.Tensor:
        array: npt.NDArray[np.float32] = self._weights.f32(name)
        return torch.from_numpy(np.ascontiguousarray(array))
