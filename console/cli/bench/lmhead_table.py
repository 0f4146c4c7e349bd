"""What `swarm bench lmhead` measured, for people: a table per library, and which goals it reaches."""

import json
import statistics
from typing import Any

from runners.contract.jobs import LmHeadBenchResult

# By what they need; the first of each is what the others are measured by.
OF_CPU = ("bare_f32", "peft", "peft_chunked", "ours_torch", "ours_torch_kept")
OF_CUDA = (
    "bare_f32", "bare_bf16", "peft", "peft_bf16", "peft_chunked", "liger", "ours_torch_f32", "ours_torch",
)  # fmt: skip
OF_MLX = ("bare_mlx", "mlx_lm", "ours_mlx")
ABOUT = {
    "bare_f32": "the product h W^T alone, in f32, by torch's library",
    "bare_bf16": "the same of bf16 factors, with an f32 result",
    "peft": "PEFT's LoRA layer, cross-entropy and AdamW over an f32 head",
    "peft_bf16": "the same over a bf16 head: its logits are rounded to bf16",
    "peft_chunked": "peft by chunks of 64 tokens",
    "liger": "Liger's fused loss over a merged head",
    "ours_torch": "our step over the bf16 head",
    "ours_torch_f32": "our step over the same head in f32",
    "ours_torch_kept": "our step from the second epoch on, over kept h W^T",
    "bare_mlx": "the product h W^T alone, in f32, by MLX",
    "mlx_lm": "mlx-lm's LoRA layer, cross-entropy and AdamW in f32",
    "ours_mlx": "our step over the bf16 head",
}
WITHOUT_PRODUCT = frozenset({"ours_torch_kept"})
# At real size, by kind of device: contender, over which other, at most which ratio of seconds.
GOALS = {
    "cpu": (
        ("ours_torch", "bare_f32", 1.0),
        ("ours_torch", "peft", 1 / 1.6),
        ("ours_torch_kept", "peft", 1 / 30),
        ("ours_mlx", "mlx_lm", 1 / 1.5),
    ),
    "cuda": (("ours_torch_f32", "bare_f32", 1 / 0.84), ("ours_torch", "peft", 1 / 4)),
    "metal": (("ours_mlx", "mlx_lm", 1 / 1.5),),
}
PEAK_GOALS_MB = {"cpu": {"ours_torch": 200.0}}
PEAK_RATIO_GOALS = (("ours_mlx", "mlx_lm", 1 / 8),)
# What they were set for; of smaller heads, fewer tokens or rounds a ratio says nothing of it.
JUDGED_SIZES = {"vocab": 201088, "hidden": 2880, "rank": 16}
JUDGED_ROUNDS = 5
JUDGED_TOKENS = {"ours_torch": 2048, "ours_torch_f32": 2048, "ours_torch_kept": 256, "ours_mlx": 512}  # at least


def result_of(row: dict[str, Any]) -> LmHeadBenchResult:
    """Raises ValueError where a process's kept result isn't one."""
    return LmHeadBenchResult.model_validate_json(json.dumps(row["result"]))


def figures(said: dict[str, Any]) -> dict[str, Any]:
    """What the table says, as numbers: of each contender the median of its seconds, its ratios to the bare product of
    its library (of each round, so that a load slows both), TFLOP/s and peak; and each goal of this kind of device. All
    of it follows from `sizes` and the seconds of `processes`. None is what wasn't measured."""
    sizes = said["sizes"]
    flop = 2 * sizes["tokens"] * sizes["vocab"] * sizes["hidden"]  # of one `h W^T`; a step needs one
    results = {name: result_of(row) for name, row in said["processes"].items()}
    peaks = {
        name.removeprefix("memory "): result.peak_bytes / 1e6
        for name, result in results.items()
        if name.startswith("memory ")
    }
    contenders: dict[str, Any] = {}
    goals: list[dict[str, Any]] = []
    for name, result in results.items():
        if name.startswith("memory "):
            continue
        seconds = {each.contender: each.seconds for each in result.times}
        bare = next((seconds[each] for each in (OF_CPU[0], OF_MLX[0]) if each in seconds), None)
        contenders |= {each: _figures(each, seconds[each], bare, flop, peaks.get(each)) for each in seconds}
        goals += _goals(result.device.kind, seconds, peaks, sizes)
    return {"contenders": contenders, "goals": goals}


def _figures(
    name: str, seconds: tuple[float, ...], bare: tuple[float, ...] | None, flop: int, peak_mb: float | None
) -> dict[str, Any]:
    """TFLOP/s: the product's arithmetic over all the time, also of a contender that does more of it."""
    middle = statistics.median(seconds)
    ratios = _ratios(seconds, bare) if bare is not None else []
    over = {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)} if ratios else None
    return {
        "median_seconds": middle,
        "over_bare": over,
        "tflop_per_second": None if name in WITHOUT_PRODUCT else flop / middle / 1e12,
        "peak_mb_above_head": peak_mb,
    }


def table(said: dict[str, Any]) -> str:
    sizes, counted = said["sizes"], figures(said)
    lines = [f"{sizes['tokens']} tokens, {sizes['vocab']} x {sizes['hidden']}, rank {sizes['rank']}, {said['machine']}"]
    for name, row in said["processes"].items():
        if name.startswith("memory "):
            continue
        result = result_of(row)
        device = result.device
        lines += ["", f"{device.name}, {device.threads} threads, {result.library}, {device.blas}"]
        lines += [f"at {row['at']}, load {row['load_before']:.1f} to {row['load_after']:.1f}"]
        lines += [f"{'':<16}{'seconds':>9}{'x bare':>8}{'least, most':>13}{'TFLOP/s':>9}{'MB above head':>15}"]
        lines += [_line(each.contender, counted["contenders"][each.contender]) for each in result.times]
    lines += ["", *map(_goal_line, counted["goals"])]
    if any(goal["reached"] is None for goal in counted["goals"]):
        lines.append(_judged_at())
    return "\n".join(lines)


def _judged_at() -> str:
    of = JUDGED_SIZES
    tokens = ", ".join(f"{name} {least}" for name, least in JUDGED_TOKENS.items())
    return (
        f"goals are judged at V = {of['vocab']}, d = {of['hidden']}, rank {of['rank']}, by at least {JUDGED_ROUNDS}"
        f" rounds, from so many tokens on: {tokens}"
    )


def _line(name: str, has: dict[str, Any]) -> str:
    over, tflop, peak_mb = has["over_bare"], has["tflop_per_second"], has["peak_mb_above_head"]
    ratio, spread = (f"{over['median']:.2f}", f"{over['least']:.2f}, {over['most']:.2f}") if over else ("", "")
    speed = "" if tflop is None else f"{tflop:.3g}"
    peak = "" if peak_mb is None else f"{peak_mb:.0f}"
    return f"{name:<16}{has['median_seconds']:>9.4g}{ratio:>8}{spread:>13}{speed:>9}{peak:>15}"


def _goals(
    kind: str, seconds: dict[str, tuple[float, ...]], peaks: dict[str, float], sizes: dict[str, int]
) -> list[dict[str, Any]]:
    """Of what was measured on this kind of device: whose, what, what came of it, and at most what was wanted."""
    said = [
        (one, f"{one} over {other}, seconds", _median_ratio(seconds[one], seconds[other]), most)
        for one, other, most in GOALS.get(kind, ())
        if one in seconds and other in seconds
    ]
    said += [
        (name, f"{name}, MB above head", peaks[name], most)
        for name, most in PEAK_GOALS_MB.get(kind, {}).items()
        if name in peaks and name in seconds
    ]
    said += [
        (one, f"{one} over {other}, memory", peaks[one] / max(peaks[other], 1e-6), most)
        for one, other, most in PEAK_RATIO_GOALS
        if one in peaks and other in peaks and one in seconds
    ]
    return [
        {"what": what, "got": got, "at_most": most, "reached": got <= most if _is_judged(whose, sizes) else None}
        for whose, what, got, most in said
    ]


def _is_judged(contender: str, sizes: dict[str, int]) -> bool:
    as_set = all(sizes[name] == size for name, size in JUDGED_SIZES.items())
    return as_set and sizes["rounds"] >= JUDGED_ROUNDS and sizes["tokens"] >= JUDGED_TOKENS[contender]


def _goal_line(goal: dict[str, Any]) -> str:
    """Small ratios as people say them."""
    got, most = goal["got"], goal["at_most"]
    told = f"{got:.3g}, at most {most:.3g}" if most >= 1 else f"{1 / got:.3g} x less, at least {1 / most:.3g}"
    verdict = {True: "reached", False: "NOT reached", None: "not judged at these sizes"}[goal["reached"]]
    return f"goal: {goal['what']}: {told}: {verdict}"


def _median_ratio(over: tuple[float, ...], under: tuple[float, ...]) -> float:
    return statistics.median(_ratios(over, under))


def _ratios(over: tuple[float, ...], under: tuple[float, ...]) -> list[float]:
    """Of two contenders' times in the same round."""
    return [one / other for one, other in zip(over, under, strict=True)]
