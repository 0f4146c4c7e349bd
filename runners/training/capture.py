"""Hidden states once, for every later step: the decoder is frozen, so it runs once per sample.

1. Read and check the pairs, tokenize each, and lay out the shard files: their shapes follow from the tokens.
2. Run the decoder in batches of a fixed size, in the order of the data; the whole of it, or one layer after the other.
3. Put the rows whose next token is a response token into the files, rounded to bf16.
4. Write `manifest.json`, which names the files' digests. It comes last: with it the capture is complete.

Nothing is held but one batch. What was done is noted on the way, so the same call goes on where an earlier one ended.
"""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runners.contract.canonical import sha256_hex
from runners.contract.jobs import CaptureJob, CaptureResult, Progress
from runners.contract.plan import HeadIdentity
from runners.contract.shard_manifest import CaptureRecord, ShardManifest
from runners.records.durable import write_durable
from runners.records.host_memory import free_bytes
from runners.training.capture_memory import Way, choose, needs, sentence
from runners.training.capture_passes import LayeredDecoder, Passes, WholeDecoder, run_by_layer, run_whole
from runners.training.capture_state import STATE_FILE, CaptureState, MadeOf, Part
from runners.training.checkpoint import model_bytes
from runners.training.decoder_config import DecoderConfig, read_decoder, require_decoder
from runners.training.errors import CaptureError
from runners.training.head import find_head, identify_head
from runners.training.samples import PairEncoder, TokenRow, load_tokenizer, prompt_template, read_pairs
from runners.training.shard_files import SINGLE_FILE, ShardFiles, lay_out
from runners.training.spill import Spill
from runners.training.system_blas import prefer_openblas
from runners.training.weights import Weights

MANIFEST_FILE = "manifest.json"
SAVE_EVERY_S = 2.0  # what a kill can cost
FRAMEWORKS = {"torch": "transformers", "mlx": "mlx-lm"}
OnProgress = Callable[[Progress], None]
OnCounted = Callable[[str], None]  # what was counted of memory and what is free, in words


@dataclass(frozen=True)
class Source:
    """What a capture is made of, read and checked before any decoder is loaded."""

    head: HeadIdentity
    dataset_sha256: str
    prompt_template: str
    rows: tuple[TokenRow, ...]
    config: DecoderConfig
    weights: Weights


def ignore_progress(_progress: Progress) -> None:
    """For callers that show none."""


def ignore_counted(_told: str) -> None:
    """For callers that need no figures."""


def capture(
    job: CaptureJob,
    on_progress: OnProgress = ignore_progress,
    *,
    on_counted: OnCounted = ignore_counted,
    save_every_s: float = SAVE_EVERY_S,
) -> CaptureResult:
    """Shards and manifests in the job's `out_dir`. Raises CaptureError or CheckpointError; what was done stays."""
    if job.batch_size < 1:
        raise CaptureError(f"capture: expected a batch size of at least 1, got {job.batch_size}")
    if job.backend == "mlx":
        prefer_openblas()  # before the tokenizer, with which torch comes; torch multiplies nothing here
    out = Path(job.out_dir)
    source = _read(job, on_progress)
    out.mkdir(parents=True, exist_ok=True)
    state = CaptureState(out, save_every_s)
    with state.alone(lambda: on_progress(Progress(stage="wait", done=0, total=1, detail="for another capture here"))):
        if kept := _kept(out, job, source):
            state.forget()
            return kept
        result = _captured(job, source, state, on_progress, on_counted)
        for manifest in result.manifests:
            write_durable(out / manifest_file(manifest.file.name), manifest.to_bytes())
        state.forget()
    return result


def manifest_file(shard_file: str) -> str:
    """`manifest.json` where there is one shard, else `shard-00001-of-00003.json`."""
    return MANIFEST_FILE if shard_file == SINGLE_FILE else f"{Path(shard_file).stem}.json"


def _read(job: CaptureJob, on_progress: OnProgress) -> Source:
    model, data = Path(job.model_dir), Path(job.jsonl)
    try:
        raw = data.read_bytes()
    except OSError as error:
        raise CaptureError(f"{data}: expected a readable JSONL file, got {error.strerror}") from error
    pairs = read_pairs(raw, name=data.name)
    config, weights = read_decoder(model), Weights(model)
    require_decoder(weights, config, model)
    tokenizer = load_tokenizer(model)
    encoder = PairEncoder(tokenizer, vocab_size=config.vocab_size, limit=config.max_position_embeddings)
    rows = []
    for done, pair in enumerate(pairs):
        if done % 1000 == 0:
            on_progress(Progress(stage="tokenize", done=done, total=len(pairs)))
        rows.append(encoder.encode(pair))
    return Source(
        head=identify_head(model, _Digesting(model, on_progress)),
        dataset_sha256=sha256_hex(raw),
        prompt_template=prompt_template(tokenizer),
        rows=tuple(rows),
        config=config,
        weights=weights,
    )


class _Digesting:
    """Progress of reading the head and then every file of the model."""

    def __init__(self, model_dir: Path, on_progress: OnProgress) -> None:
        self._total = max(1, (model_bytes(model_dir) + find_head(model_dir)[0].size_bytes) >> 20)
        self._read, self._on_progress = 0, on_progress

    def __call__(self, count: int) -> None:
        before, self._read = self._read, self._read + count
        if before >> 26 != self._read >> 26:  # every 64 MiB
            done = min(self._read >> 20, self._total)
            self._on_progress(Progress(stage="digest", done=done, total=self._total, detail="MiB of the checkpoint"))


def _captured(
    job: CaptureJob, source: Source, state: CaptureState, on_progress: OnProgress, on_counted: OnCounted
) -> CaptureResult:
    model, out = Path(job.model_dir), Path(job.out_dir)
    way = _way(job, source, state.way, on_counted)
    _require_disk(out, job, source, way)
    on_progress(Progress(stage="load", done=0, total=1, detail=way.replace("_", " ")))
    decoder = open_decoder(model, source.config, source.weights, job.backend, way)
    record = CaptureRecord(
        framework=decoder.framework,
        framework_version=decoder.framework_version,
        array_library=decoder.array_library,
        device_label=decoder.device_label,
        compute_dtype="f32",
        stored_dtype="BF16",
        batch_size=job.batch_size,
        threads=decoder.threads,
    )
    state.begin(way, _made_of(job, source, record, way))
    files = ShardFiles(out, source.rows, source.head.hidden_size, job.shard_bytes)
    try:
        passes = Passes(source.rows, job.batch_size, files, state, on_progress)
        if isinstance(decoder, LayeredDecoder):
            run_by_layer(passes, decoder, Spill(out, passes.shapes(source.head.hidden_size)))
        else:
            run_whole(passes, decoder)
        references = files.finish()
    finally:
        files.close()
    manifests = (
        ShardManifest.seal(
            split=job.split,
            dataset_ref=job.dataset_ref,
            dataset_sha256=source.dataset_sha256,
            head=source.head,
            sample_ids=tuple(row.sample_id for row in source.rows[layout.begin : layout.end]),
            tokens=layout.rows,
            prompt_template=source.prompt_template,
            capture=record,
            file=reference,
        )
        for layout, reference in zip(files.layouts, references, strict=True)
    )
    return CaptureResult(manifests=tuple(manifests), way=way)


def _way(job: CaptureJob, source: Source, begun: Way | None, on_counted: OnCounted) -> Way:
    """The one that was asked for, in which the capture began here, or for which there is room. Raises CaptureError."""
    longest, free = max(len(row.ids) for row in source.rows), free_bytes()
    needed = needs(source.weights, source.config, min(job.batch_size, len(source.rows)), longest)
    way = choose(begun if begun and job.way == "auto" else job.way, needed, free)
    on_counted(sentence(way, needed, free))
    return way


def open_decoder(
    model_dir: Path, config: DecoderConfig, weights: Weights, backend: str, way: Way
) -> WholeDecoder | LayeredDecoder:
    """Imports only the chosen framework. Raises CaptureError."""
    try:
        if backend == "torch" and way == "whole_model":
            from runners.training.decoder_torch import TorchDecoder

            return TorchDecoder(model_dir, config)
        if backend == "torch":
            from runners.training.layers_torch import TorchLayers

            return TorchLayers(model_dir, weights)
        if way == "whole_model":
            from runners.training.decoder_mlx import MlxDecoder

            return MlxDecoder(model_dir, config, weights)
        from runners.training.layers_mlx import MlxLayers

        return MlxLayers(config, weights)
    except ImportError as error:
        raise CaptureError(f"capture: backend {backend!r} needs {error.name}, which is not installed here") from error


def _made_of(job: CaptureJob, source: Source, record: CaptureRecord, way: Way) -> MadeOf:
    parts = {
        "model": source.head.model_digest,
        "tokenizer": source.head.tokenizer_digest,
        "data": source.dataset_sha256,
        "template": source.prompt_template,
        "way": way,
        "shard_bytes": job.shard_bytes,
        **record.to_json(),
    }
    return tuple(Part(name=name, value=str(value)) for name, value in parts.items())


def _require_disk(out: Path, job: CaptureJob, source: Source, way: Way) -> None:
    """Before anything is written. What an earlier try left behind is counted as free: it will be written over."""
    tokens = sum(len(row.targets) for row in source.rows)
    needed = tokens * (2 * source.head.hidden_size + 4)
    if way == "by_layer":
        batches = [source.rows[at : at + job.batch_size] for at in range(0, len(source.rows), job.batch_size)]
        held = sum(len(batch) * max(len(row.ids) for row in batch) for batch in batches)
        needed += 2 * 4 * held * source.head.hidden_size  # into a layer and out of it
    free = shutil.disk_usage(out).free + sum(path.stat().st_size for path in out.glob(".*") if path.is_file())
    if needed > free:
        raise CaptureError(
            f"{out}: expected {needed / 2**20:.1f} MiB of free disk for this capture {way.replace('_', ' ')}, got"
            f" {free / 2**20:.1f}; make room, or choose another folder"
        ) from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # met before the first byte, but the same


def _kept(out: Path, job: CaptureJob, source: Source) -> CaptureResult | None:
    """The complete capture that lies there, if it is of the same data, model and batch. Raises CaptureError."""
    counts = [len(row.targets) for row in source.rows]
    names = [layout.name for layout in lay_out(counts, source.head.hidden_size, job.shard_bytes)]
    paths = [out / manifest_file(name) for name in names]
    if (out / STATE_FILE).exists() or not any(out.glob("*.json")):
        return None
    manifests = tuple(ShardManifest.read(path.read_bytes()) for path in paths if path.exists())
    for got in manifests:
        for name, asked, has in (
            ("model", source.head, got.head),
            ("data", source.dataset_sha256, got.dataset_sha256),
            ("data set's name", job.dataset_ref, got.dataset_ref),
            ("template", source.prompt_template, got.prompt_template),
            ("split", job.split, got.split),
            ("batch", job.batch_size, got.capture.batch_size),
            ("framework", FRAMEWORKS[job.backend], got.capture.framework),
        ):
            if asked != has:
                raise CaptureError(f"{out}: expected a new folder, got a complete capture with another {name}")
    if len(manifests) != len(paths):
        raise CaptureError(f"{out}: expected a new folder, got a capture in other files")
    return CaptureResult(manifests=manifests, way="found")
