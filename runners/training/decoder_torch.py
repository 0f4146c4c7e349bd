"""The whole decoder through transformers, in f32 on the CPU: the reference path of capture."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from runners.training.decoder_config import DecoderConfig
from runners.training.errors import CaptureError
from runners.training.head import F32


class TorchDecoder:
    """Final hidden states (after the last norm) of right-padded batches."""

    framework = "transformers"
    framework_version: str = transformers.__version__
    array_library = f"torch@{torch.__version__}"

    device_label = "cpu:0"

    def __init__(self, model_dir: Path, config: DecoderConfig) -> None:
        library: Any = transformers  # partly typed, so its calls are not checked
        library.utils.logging.disable_progress_bar()  # progress is the caller's to tell
        library.utils.logging.set_verbosity_error()  # or it reports at length that the head was left out
        try:
            model, loading = library.AutoModel.from_pretrained(  # without the head
                model_dir,
                output_loading_info=True,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                attn_implementation="eager",  # the other kinds refuse attention sinks on a CPU
                experts_implementation="eager",  # the grouped product wants sizes that are multiples of 8
                **_unpacking(library, config),
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise CaptureError(f"{model_dir}: expected a checkpoint that transformers loads, got: {error}") from error
        # The library fills what it doesn't find with random values, and only warns.
        if missing := sorted(loading["missing_keys"]):
            raise CaptureError(
                f"{model_dir}: expected every tensor of the decoder, got none for {missing[0]} and {len(missing) - 1} "
                "others; the download may be incomplete"
            )
        # Some versions leave what they unpacked in bf16. Its values are exact in f32, and f32 is what is computed in.
        self._decoder = model.float().eval()
        # Half the cores: with all of them, any other process on the machine makes OpenMP's threads wait for each other.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
        self.threads = torch.get_num_threads()

    @torch.no_grad()
    def hidden_states(self, batch: Sequence[Sequence[int]]) -> list[F32]:
        """One `[tokens, d]` per row of the batch."""
        ids, mask = padded(batch)
        output = self._decoder(input_ids=ids, attention_mask=mask, use_cache=False)
        hidden: F32 = output.last_hidden_state.numpy()
        return [np.ascontiguousarray(hidden[row, : len(tokens)]) for row, tokens in enumerate(batch)]


def padded(batch: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """(ids, mask) `[rows, longest]`, padded on the right with token 0."""
    ids = torch.zeros((len(batch), max(map(len, batch))), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
    return ids, mask


def _unpacking(library: Any, config: DecoderConfig) -> dict[str, Any]:
    """MXFP4 experts become f32 like everything else. By default the library may compute in MXFP4, where it finds
    kernels for it, or else unpack: the states would depend on what is installed."""
    return {} if config.quantization_config is None else {"quantization_config": library.Mxfp4Config(dequantize=True)}
