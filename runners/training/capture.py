"""Hidden states once, for every later step: the decoder is frozen, so it runs once per sample.

1. Read and check the pairs, and tokenize each (prompt, response, end token).
2. Run the decoder in batches of a fixed size, in the order of the data.
3. Keep the rows whose next token is a response token, rounded to bf16.
4. Write `shard.safetensors`, then the `manifest.json` that names its digest.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from runners.contract.canonical import sha256_hex
from runners.contract.shard_manifest import CaptureRecord, ShardManifest
from runners.records.durable import write_durable
from runners.training.checkpoint import read_config
from runners.training.errors import CaptureError
from runners.training.head import F32, f32_to_bf16, head_identity, load_head
from runners.training.samples import TokenRow, load_tokenizer, prompt_template, read_pairs, tokenize
from runners.training.shards import Shard, write_shard

SHARD_FILE, MANIFEST_FILE = "shard.safetensors", "manifest.json"
DATASET_REF = "dataset://openagents/swarm/open_adapter_sft@2026.03.24"
Backend = Literal["torch", "mlx"]
OnProgress = Callable[[int, int], None]  # samples done, samples in all


class Decoder(Protocol):
    """A loaded decoder and what it says about itself."""

    framework: str
    framework_version: str
    array_library: str
    device_label: str
    threads: int

    def hidden_states(self, batch: Sequence[Sequence[int]]) -> list[F32]: ...


def capture(
    model_dir: Path | str,
    jsonl: Path | str,
    out_dir: Path | str,
    *,
    split: str,
    dataset_ref: str = DATASET_REF,
    batch_size: int = 16,
    backend: Backend = "torch",
    on_progress: OnProgress | None = None,
) -> ShardManifest:
    """Writes the shard and its manifest into `out_dir`. Raises CaptureError or CheckpointError."""
    if batch_size < 1:
        raise CaptureError(f"capture: expected a batch size of at least 1, got {batch_size}")
    model, data, out = Path(model_dir), Path(jsonl), Path(out_dir)
    head, limit = load_head(model), int(read_config(model).get("max_position_embeddings", 131072))
    raw = _read(data)
    tokenizer = load_tokenizer(model)
    rows = [
        tokenize(tokenizer, pair, vocab_size=head.vocab_size, limit=limit) for pair in read_pairs(raw, name=data.name)
    ]
    out.mkdir(parents=True, exist_ok=True)
    decoder = open_decoder(model, backend)
    shard = _shard(list(_response_states(decoder, rows, batch_size, on_progress)), rows)
    manifest = ShardManifest.seal(
        split=split,
        dataset_ref=dataset_ref,
        dataset_sha256=sha256_hex(raw),
        head=head_identity(head, model),
        sample_ids=tuple(row.sample_id for row in rows),
        tokens=shard.tokens,
        prompt_template=prompt_template(tokenizer),
        capture=CaptureRecord(
            framework=decoder.framework,
            framework_version=decoder.framework_version,
            array_library=decoder.array_library,
            device_label=decoder.device_label,
            compute_dtype="f32",
            stored_dtype=shard.dtype,
            batch_size=batch_size,
            threads=decoder.threads,
        ),
        file=write_shard(out / SHARD_FILE, shard),
    )
    write_durable(out / MANIFEST_FILE, manifest.to_bytes())
    return manifest


def open_decoder(model_dir: Path, backend: Backend) -> Decoder:
    """Imports only the chosen framework. Raises CaptureError."""
    try:
        if backend == "torch":
            from runners.training.decoder_torch import TorchDecoder

            return TorchDecoder(model_dir)
        if backend == "mlx":
            from runners.training.decoder_mlx import MlxDecoder

            return MlxDecoder(model_dir)
    except ImportError as error:
        raise CaptureError(f"capture: backend {backend!r} needs {error.name}, which is not installed here") from error
    raise CaptureError(f"capture: expected backend 'torch' or 'mlx', got {backend!r}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CaptureError(f"{path}: expected a readable JSONL file, got {error.strerror}") from error


def _response_states(
    decoder: Decoder, rows: Sequence[TokenRow], batch_size: int, on_progress: OnProgress | None
) -> Iterator[F32]:
    """Per sample the states that predict its response: position t predicts token t + 1."""
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        for row, hidden in zip(batch, decoder.hidden_states([row.ids for row in batch]), strict=True):
            yield hidden[row.response_begin - 1 : -1]
        if on_progress is not None:
            on_progress(start + len(batch), len(rows))


def _shard(states: Sequence[F32], rows: Sequence[TokenRow]) -> Shard:
    lengths = [len(row.targets) for row in rows]
    return Shard(
        dtype="BF16",  # costs nothing in loss, and products with a bf16 head stay exact in f32
        hidden=f32_to_bf16(np.concatenate(states)),
        targets=np.concatenate([np.asarray(row.targets, dtype=np.int32) for row in rows]),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
    )
