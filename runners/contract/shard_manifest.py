"""What a captured shard is and where it came from."""

from typing import Literal

from runners.contract.document import Document, Word
from runners.contract.names import Label, Sha256, Text
from runners.contract.plan import FileRef, HeadIdentity


class CaptureRecord(Word):
    """How the decoder was run. Not bit-reproducible across batch sizes, so the size is part of the record."""

    framework: Label  # transformers, mlx-lm
    framework_version: Label
    array_library: Label  # torch@2.13.0+cpu, mlx@0.32.4/openblas@0.3.21+Zen
    device_label: Label
    compute_dtype: Literal["f32"]
    stored_dtype: Literal["BF16", "F32"]
    batch_size: int
    threads: int  # of its products; 0 on Metal


class ShardManifest(Document):
    """One split of one dataset, seen through one decoder; `sample_ids[i]` owns sample i of the shard."""

    schema_version: Literal["swarm.shard_manifest.v1"] = "swarm.shard_manifest.v1"
    split: Label
    dataset_ref: Text
    dataset_sha256: Sha256  # over the JSONL file
    head: HeadIdentity
    sample_ids: tuple[Label, ...]
    tokens: int  # rows of hidden states, i.e. response tokens with the end of each response
    prompt_template: Text
    capture: CaptureRecord
    file: FileRef
