"""The contenders of `swarm bench lmhead`: each does a step, and what each takes is counted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from console.cli.bench.lmhead import CONTENDERS
from console.cli.bench.lmhead_table import ABOUT, figures, table
from console.cli.main import main
from runners.contract.jobs import BackendName, LmHeadBenchJob, LmHeadBenchResult, LmHeadContender, LmHeadTime
from runners.training.backend import ignore_step
from runners.training.backends import load
from runners.training.bench_lmhead import bench_lmhead, bench_of, problem
from runners.training.errors import InputMismatch
from tests.training.problems import relative_difference


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
    turns = ["warming up", "round 1 of 2", "round 2 of 2"]
    assert seen == list(enumerate(f"{name}, {turn}" for turn in turns for name in contenders))
    assert result.library.startswith("mlx" if "ours_mlx" in contenders else "torch")


def test_our_step_in_mlx_takes_an_eighth_of_the_memory_of_mlx_lms() -> None:
    """96 tokens in chunks of 8, by MLX's own count."""
    peaks = [bench_lmhead(job(name, rounds=0), lambda *_: None).peak_bytes for name in ("mlx_lm", "ours_mlx")]
    assert 8 * peaks[1] < peaks[0]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("library", "name"),
    [
        ("torch", "peft"),
        ("torch", "peft_chunked"),
        ("torch", "ours_torch"),
        ("torch", "ours_torch_kept"),
        ("mlx", "mlx_lm"),
        ("mlx", "ours_mlx"),
    ],
)
def test_every_contender_that_trains_does_the_same_work(library: BackendName, name: LmHeadContender) -> None:
    """Three steps, against the same in float64; leaving one out would be a third of the way off."""
    asked = job(name, rounds=1)
    bench = bench_of(library, asked)
    step = bench.step(name)
    for _ in range(3):
        step()
    work = problem(asked)
    again = replace(work, batches=((0,),) * 3, recipe=work.recipe.model_copy(update={"steps": 3}))
    expected = load("reference", threads=1, chunk_tokens=96).train(again, ignore_step).adapter
    assert relative_difference(bench.trained(name), expected) < 1e-4


@pytest.mark.torch
def test_kept_logits_give_the_bits_of_computed_ones() -> None:
    bench = bench_of("torch", job("ours_torch", "ours_torch_kept", rounds=1))
    for step in [bench.step(name) for name in ("ours_torch", "ours_torch_kept")]:
        for _ in range(3):
            step()
    computed, kept = bench.trained("ours_torch"), bench.trained("ours_torch_kept")
    assert (computed.a.tobytes(), computed.b.tobytes()) == (kept.a.tobytes(), kept.b.tobytes())


REAL = {"tokens": 2048, "vocab": 201088, "hidden": 2880, "rank": 16, "rounds": 5}


def said_of(sizes: dict[str, int]) -> dict[str, Any]:
    """A document of those sizes: kept logits take a fortieth of PEFT's time, and ours twice the bare product's."""
    device = load("reference", threads=1, chunk_tokens=8).device()
    times = {
        "bare_f32": (1.0, 1.0, 1.0), "peft": (2.0, 3.0, 4.0), "ours_torch": (2.0, 2.0, 2.0),
        "ours_torch_kept": (0.05, 0.1, 0.1),
    }  # fmt: skip
    result = LmHeadBenchResult(
        device=device, library="torch@2", peak_bytes=1,
        times=tuple(LmHeadTime(contender=name, seconds=seconds) for name, seconds in times.items()),
    )  # fmt: skip
    row = {"at": "now", "load_before": 0.0, "load_after": 0.0, "result": result.to_json()}
    return {"sizes": sizes, "machine": "here", "processes": {"times": row}}


def test_ratios_are_said_as_people_say_them_and_kept_logits_have_no_products_speed() -> None:
    document = said_of(REAL)
    said = table(document)
    assert "peft                    3    3.00   2.00, 4.00" in said
    assert ["ours_torch_kept", "0.1", "0.10", "0.05,", "0.10"] in [line.split() for line in said.splitlines()]
    assert "goal: ours_torch_kept over peft, seconds: 40 x less, at least 30: reached" in said
    assert "goal: ours_torch over bare_f32, seconds: 2, at most 1: NOT reached" in said
    assert "judged" not in said
    counted = figures(document)
    assert counted["contenders"]["peft"] == {
        "median_seconds": 3.0, "over_bare": {"median": 3.0, "least": 2.0, "most": 4.0},
        "tflop_per_second": 2 * 2048 * 201088 * 2880 / 3 / 1e12, "peak_mb_above_head": None,
    }  # fmt: skip
    assert counted["goals"][-1] == {
        "what": "ours_torch_kept over peft, seconds", "got": 0.025, "at_most": 1 / 30, "reached": True,
    }  # fmt: skip
    assert set(ABOUT) == set(CONTENDERS) == set(get_args(LmHeadContender))


@pytest.mark.parametrize("other", [{"vocab": 20000}, {"hidden": 512}, {"rank": 8}, {"rounds": 4}, {"tokens": 128}])
def test_goals_are_not_judged_by_sizes_that_they_were_not_set_for(other: dict[str, int]) -> None:
    document = said_of(REAL | other)
    assert {goal["reached"] for goal in figures(document)["goals"]} == {None}
    said = table(document)
    assert "goal: ours_torch_kept over peft, seconds: 40 x less, at least 30: not judged at these sizes" in said
    assert "goals are judged at V = 201088, d = 2880, rank 16, by at least 5 rounds" in said.splitlines()[-1]


def test_a_goal_of_a_full_step_is_not_judged_by_a_short_one_and_that_of_kept_logits_is() -> None:
    goals = {goal["what"]: goal["reached"] for goal in figures(said_of(REAL | {"tokens": 256}))["goals"]}
    assert goals["ours_torch over peft, seconds"] is None
    assert goals["ours_torch_kept over peft, seconds"] is True


def test_contenders_of_two_libraries_are_refused() -> None:
    with pytest.raises(InputMismatch, match="expected a contender of MLX, got peft"):
        bench_lmhead(job("ours_mlx", "peft", rounds=1), lambda *_: None)


def test_a_bench_that_was_stopped_goes_on_from_its_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A process that ended is not run again; another size, or another document, is refused."""
    ran: list[str] = []

    def measured(_options: object, contenders: tuple[str, ...], rounds: int, _show: object) -> LmHeadBenchResult:
        ran.append(f"{rounds} {','.join(contenders)}")
        if len(ran) == 2:
            raise KeyboardInterrupt
        times = tuple(LmHeadTime(contender=name, seconds=(2.0,) * rounds) for name in contenders if rounds)
        return LmHeadBenchResult(
            device=load("reference", threads=1, chunk_tokens=8).device(),
            library="torch@2",
            peak_bytes=10**8,
            times=times,
        )

    monkeypatch.setattr("console.cli.bench.lmhead._run", measured)
    kept = tmp_path / "kept.json"
    words = ["bench", "lmhead", "--only", "bare_f32,ours_torch", "--json", str(kept)]
    assert main(words) == 130
    assert main(words) == 0
    assert ran == ["5 bare_f32,ours_torch", "0 bare_f32", "0 bare_f32", "0 ours_torch"]
    said = capsys.readouterr().out
    document = json.loads(kept.read_bytes())
    assert document["figures"] == figures(document)
    assert document["figures"]["contenders"]["ours_torch"]["peak_mb_above_head"] == 100.0
    assert "ours_torch              2    1.00   1.00, 1.00     1.19            100" in said
    assert "goal: ours_torch over bare_f32, seconds: 1, at most 1: reached" in said
    assert main([*words[:-1], str(tmp_path / "nowhere" / "kept.json")]) == 2
    assert main([*words, "--tokens", "256"]) == main([*words, "--rounds", "6"]) == 2
    kept.write_text('{"sizes": {}, "processes": {"times x": {"result": {}}}}')
    assert main(words) == 2
    assert len(ran) == 4


@pytest.mark.torch
@pytest.mark.parametrize("name", ["bare_bf16", "peft_bf16", "liger"])
def test_what_needs_cuda_is_refused_elsewhere(name: LmHeadContender) -> None:
    if load("torch", threads=1, chunk_tokens=8).device().kind == "cuda":
        pytest.skip("there is a CUDA device")
    with pytest.raises(InputMismatch, match=f"{name}: expected a CUDA device, got "):
        bench_lmhead(job(name, rounds=1), lambda *_: None)
