"""The contenders of `swarm bench lmhead`: each does a step, and what each takes is counted."""

import pytest

from runners.contract.jobs import LmHeadBenchJob, LmHeadContender
from runners.training.bench_lmhead import bench_lmhead
from runners.training.errors import InputMismatch


def job(*contenders: LmHeadContender, rounds: int) -> LmHeadBenchJob:
    return LmHeadBenchJob(
        tokens=96, vocab_size=8192, hidden_size=32, rank=4, threads=1, chunk_tokens=8, rounds=rounds,
        contenders=contenders,
    )  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize("contenders", [("bare_f32", "peft", "ours_torch"), ("bare_mlx", "mlx_lm", "ours_mlx")])
def test_contenders_of_a_library_take_turns(contenders: tuple[LmHeadContender, ...]) -> None:
    seen: list[tuple[int, str]] = []
    result = bench_lmhead(job(*contenders, rounds=2), lambda done, what: seen.append((done, what)))
    assert [(each.contender, len(each.seconds)) for each in result.times] == [(name, 2) for name in contenders]
    assert seen == [
        *((0, f"warm up {name}") for name in contenders), *((done, name) for done in (0, 1) for name in contenders),
    ]  # fmt: skip
    assert result.library.startswith("mlx" if "ours_mlx" in contenders else "torch")


def test_our_step_in_mlx_takes_an_eighth_of_the_memory_of_mlx_lms() -> None:
    """96 tokens in chunks of 8, by MLX's own count."""
    peaks = [bench_lmhead(job(name, rounds=0), lambda *_: None).peak_bytes for name in ("mlx_lm", "ours_mlx")]
    assert 8 * peaks[1] < peaks[0]


def test_contenders_of_two_libraries_are_refused() -> None:
    with pytest.raises(InputMismatch, match="expected a contender of MLX, got peft"):
        bench_lmhead(job("ours_mlx", "peft", rounds=1), lambda *_: None)
