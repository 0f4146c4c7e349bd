"""A scoring that this machine has no room for: the machine's matter, told with its figures before anything is read."""

import errno
import json
from pathlib import Path

import pytest

from console.coordination.job import run_job
from runners.contract.jobs import Progress, ScoreJob, ScoreResult, ScoreSubject
from runners.training.shards import write_shard
from tests.training.problems import shard

VOCABULARY, HIDDEN = 1 << 21, 1 << 17  # half a tebibyte in bf16: a hole in a file


def huge_head(folder: Path) -> None:
    config = {"model_type": "gpt_oss", "vocab_size": VOCABULARY, "hidden_size": HIDDEN}
    (folder / "config.json").write_text(json.dumps(config))
    size = VOCABULARY * HIDDEN * 2
    header = json.dumps({"lm_head.weight": {"dtype": "BF16", "shape": [VOCABULARY, HIDDEN], "data_offsets": [0, size]}})
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header.encode())
        file.truncate(8 + len(header) + size)


async def test_a_scoring_without_room_is_refused_by_the_machine_with_both_figures(tmp_path: Path) -> None:
    huge_head(tmp_path)
    write_shard(tmp_path / "held_out.safetensors", shard())
    job = ScoreJob(
        model_dir=str(tmp_path), head_sha256="0" * 64, held_out_path=str(tmp_path / "held_out.safetensors"),
        subjects=(ScoreSubject(subject="base", adapter_path=None, alpha=8.0, rank=4),),
        backend="torch", threads=1, chunk_tokens=64,
    )  # fmt: skip

    def ignore(_: Progress) -> None:
        pass

    said = r"score: chunks of 16 tokens; host: \d+ MiB needed \(head 524288, .*\), \d+ MiB free; end what else holds"
    with pytest.raises(OSError, match=said) as caught:
        await run_job("score", job, ScoreResult, ignore, log=tmp_path / "log.txt")
    assert caught.value.errno == errno.ENOMEM
