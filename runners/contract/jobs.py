"""Jobs on the validator's own host: `python -m runners <job>` reads one JSON line and writes JSON lines.

Each job is a fresh process. It writes any number of `Progress` lines, then one result or one `Refusal`.
Paths are absolute paths of this host; they never enter a document.
"""

from typing import Literal

from runners.contract.document import Word
from runners.contract.execution import ExecutionSettings
from runners.contract.names import FileName, Label, Sha256, Text
from runners.contract.plan import Assignment, FileRef
from runners.contract.receipts import Device, HeldOutScore, Software
from runners.contract.shard_manifest import ShardManifest

JOBS = ("capture", "cut", "replay", "score", "smoke", "bench_lmhead")
BackendName = Literal["mlx", "torch", "reference"]


class Progress(Word):
    stage: Label
    done: int
    total: int
    detail: Text = ""


class Counted(Word):
    """What a job will need of memory, and what was free, told before it takes any: a job that the system ends for want
    of memory can't tell any more."""

    counted: Text


class CaptureJob(Word):
    """Run the decoder once per sample. One shard file has `manifest.json`; several have one manifest each, beside it.

    The same job on a folder in which it was cut off goes on there, and ends with the same bytes.
    """

    model_dir: str
    jsonl: str
    out_dir: str
    split: Label
    dataset_ref: str
    batch_size: int
    backend: Literal["torch", "mlx"]
    way: Literal["auto", "whole_model", "by_layer"] = "auto"  # auto: the whole model where it fits in memory
    shard_bytes: int = 2 * 1024**3  # of hidden states in one file


class CaptureResult(Word):
    manifests: tuple[ShardManifest, ...]  # one per shard file, in the order of the data
    way: Literal["whole_model", "by_layer", "found"]  # the same states either way, so no manifest says it


class CutPart(Word):
    name: FileName
    sample_indices: tuple[int, ...]


class CutJob(Word):
    """Cut a capture into slices, and make the initial adapter (A from the seed, B zero)."""

    shards: tuple[str, ...]  # the capture's files in their order: samples are counted through them
    model_dir: str
    parts: tuple[CutPart, ...]
    initial_name: FileName
    seed: int
    rank: int
    out_dir: str


class CutSlice(Word):
    file: FileRef
    tokens: int
    samples: int


class CutResult(Word):
    slices: tuple[CutSlice, ...]  # in the order of `parts`
    initial_adapter: FileRef


class ReplayJob(Word):
    """Do an assignment again, segment by segment. One `SegmentStart` line per segment follows, each of them after
    the answer to the one before: what the process could copy is given to it only when its own bytes lie there."""

    assignment: Assignment
    model_dir: str
    slice_path: str
    initial_adapter_path: str
    backend: BackendName
    out_dir: str


class SegmentStart(Word):
    first_step: int  # counted from 1; the segment ends at the next checkpoint, or with the last step
    checkpoint_path: str | None  # None: the assigned initial adapter


class SegmentResult(Word):
    first_step: int
    last_step: int
    file: FileRef  # in out_dir, written by this process: a checkpoint, or after the last step the adapter
    step_losses: tuple[float, ...]  # of the segment's steps
    seconds: float


class ReplayResult(Word):
    """After the end of its input."""

    device: Device
    software: Software
    execution: ExecutionSettings
    seconds: float


class ScoreSubject(Word):
    subject: Label
    adapter_path: str | None  # None scores the base alone
    alpha: float
    rank: int


class ScoreJob(Word):
    model_dir: str
    head_sha256: Sha256
    held_out_path: str
    subjects: tuple[ScoreSubject, ...]
    backend: BackendName
    threads: int
    chunk_tokens: int


class ScoreResult(Word):
    scores: tuple[HeldOutScore, ...]
    device: Device


class SmokeJob(Word):
    """Load an adapter folder through PEFT on its base, compare its logits with base + delta, and generate."""

    model_dir: str
    adapter_dir: str
    prompts: tuple[Text, ...]
    new_tokens: int
    threads: int


class SmokeResult(Word):
    max_logit_difference: float  # largest |PEFT - (base + s B A h)| over all positions of all prompts
    largest_delta: float  # largest |s B A h|
    positions: int
    generated_tokens: tuple[int, ...]  # greedy, of the first prompt
    peft: Label
    transformers: Label
    torch: Label
    seconds: float


LmHeadContender = Literal[
    "bare_f32", "bare_bf16", "peft", "peft_bf16", "peft_chunked", "liger", "ours_torch", "ours_torch_f32",
    "ours_torch_kept", "bare_mlx", "mlx_lm", "ours_mlx",
]  # fmt: skip


class LmHeadBenchJob(Word):
    """Steps over a random head: `rounds` times each contender, in turns, after one of each to warm up."""

    tokens: int
    vocab_size: int
    hidden_size: int
    rank: int
    threads: int
    chunk_tokens: int
    rounds: int
    contenders: tuple[LmHeadContender, ...]  # of one library


class LmHeadTime(Word):
    contender: Label
    seconds: tuple[float, ...]  # one per round


class LmHeadBenchResult(Word):
    device: Device
    library: Label
    peak_bytes: int  # above what held head and hidden states, on the device or resident; of all contenders together
    times: tuple[LmHeadTime, ...]
