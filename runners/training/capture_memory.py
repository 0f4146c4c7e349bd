"""Does the whole decoder fit into this host's memory, or one layer at a time? Computed before anything is loaded."""

import errno
import os
from dataclasses import dataclass
from typing import Literal

from runners.training.decoder_config import DecoderConfig
from runners.training.errors import CaptureError
from runners.training.weights import Weights

Way = Literal["whole_model", "by_layer"]
Wish = Literal["auto", "whole_model", "by_layer"]
MIB = 2**20
LIBRARIES_BYTES = 256 * MIB  # taken as a decoder is loaded: 170 to 230 were measured with transformers, 20 with mlx-lm
ROOM = 0.9  # of what is free; the rest is for whatever else runs


@dataclass(frozen=True)
class Needs:
    """Peaks in bytes, above what is held as they are counted."""

    whole_model: int
    by_layer: int

    def of(self, way: Way) -> int:
        return self.whole_model if way == "whole_model" else self.by_layer


def needs(weights: Weights, config: DecoderConfig, rows: int, longest: int) -> Needs:
    """For batches of up to `rows` samples of up to `longest` tokens."""
    work = LIBRARIES_BYTES + _work(config, rows, longest)
    layers = (weights.f32_bytes(f"model.layers.{layer}.") for layer in range(config.num_hidden_layers))
    # While a layer is unpacked, the bytes that it is unpacked from are there too: at most a quarter of it in MXFP4,
    # a half of its largest tensor in bf16.
    return Needs(weights.f32_bytes("model.") + work, max(layers) * 5 // 4 + work)


def _work(config: DecoderConfig, rows: int, longest: int) -> int:
    """Activations of one forward: four copies of the attention scores, the widths of the streams, the experts' own."""
    heads = config.num_attention_heads
    widths = 8 * config.hidden_size + 4 * heads * config.head_dim + 6 * config.intermediate_size
    return 4 * rows * longest * (4 * heads * longest + widths)


def choose(wish: Wish, needed: Needs, free_bytes: int) -> Way:
    """The whole model where it fits, because it is read once; else by layer. Raises CaptureError with the figures, as
    the machine's matter."""
    ways: tuple[Way, ...] = ("whole_model", "by_layer") if wish == "auto" else (wish,)
    for way in ways:
        if needed.of(way) <= ROOM * free_bytes:
            return way
    told = f"{sentence(ways[-1], needed, free_bytes)}, of which at most {ROOM:.0%} are taken"
    if ways[-1] == "whole_model" and needed.by_layer <= ROOM * free_bytes:
        step = f"--by-layer needs {needed.by_layer // MIB} MiB"
    else:
        step = "take a smaller --batch, end what else holds memory here, or take another host"
    raise CaptureError(f"{told}; {step}") from OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def sentence(way: Way, needed: Needs, free_bytes: int) -> str:
    """What is needed, out of what is free."""
    return (
        f"the decoder {way.replace('_', ' ')} needs {needed.of(way) // MIB} MiB of memory, {free_bytes // MIB} are free"
    )
