"""The merged adapter as mlx-lm's own files: transposed factors, and a scale instead of alpha."""

import numpy as np

from console.validation.adapter import Adapter, Matrix
from runners.contract.canonical import readable_bytes
from runners.records.tensors import RawTensor, write_tensors


def mlx_adapter_files(adapter: Adapter) -> dict[str, bytes]:
    """mlx-lm computes `scale * (h lora_a) lora_b` with lora_a [d, r] and lora_b [r, V]."""
    tensors = {"lm_head.lora_a": _raw(adapter.a.T), "lm_head.lora_b": _raw(adapter.b.T)}
    config = {
        "fine_tune_type": "lora",
        "num_layers": 0,  # no block is adapted; mlx-lm then looks for `keys` in the whole model
        "lora_parameters": {
            "rank": adapter.rank,
            "scale": adapter.scale,
            "dropout": 0.0,
            "keys": ["lm_head"],
        },
    }
    return {
        "adapters.safetensors": write_tensors(tensors, {"format": "mlx"}),
        "adapter_config.json": readable_bytes(config),
    }


def _raw(matrix: Matrix) -> RawTensor:
    return RawTensor("F32", tuple(matrix.shape), np.ascontiguousarray(matrix, dtype="<f4").tobytes())
