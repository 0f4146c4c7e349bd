"""Does a backend label name the device that computed?"""

from collections.abc import Iterator
from typing import Any

from console.evidence.checks.verdict import Mismatch, differs, shown

Body = dict[str, Any]
# The middle of a backend label, and the kind of device that it claims.
LABELS = {
    "mlx.metal": ("mlx", "metal"),
    "mlx.cpu": ("mlx", "cpu"),
    "mlx.cuda": ("mlx", "cuda"),
    "cuda": ("torch", "cuda"),
    "torch.cpu": ("torch", "cpu"),
    "reference.cpu": ("numpy", "cpu"),
}


def framework_of(label: str) -> str | None:
    """The framework that a label claims; None for a label that nobody knows."""
    known = LABELS.get(label.removeprefix("open_adapter_backend.").removesuffix(".gpt_oss_lm_head"))
    return known[0] if known else None


def family_of(label: str) -> str:
    """The library behind a backend label, as a lane names it: mlx, torch or reference; empty for no known one."""
    framework = framework_of(label) or ""
    return {"numpy": "reference"}.get(framework, framework)


def honest(where: str, device: Body, software: Body | None) -> Iterator[Mismatch]:
    """Label against kind, against the framework that ran, and against what that build and platform can do. Every
    product is of f32: a device whose TF32 switch is on rounds to ten bits, whatever it measured with."""
    label = device["backend_label"]
    middle = label.removeprefix("open_adapter_backend.").removesuffix(".gpt_oss_lm_head")
    known = LABELS.get(middle)
    if known is None or label != f"open_adapter_backend.{middle}.gpt_oss_lm_head":
        yield Mismatch(f"{where} backend_label", "a known backend label", shown(label))
        return
    framework, kind = known
    yield from differs(f"{where} device kind of {label}", kind, device["kind"])
    yield from differs(f"{where} device_label", kind, device["device_label"].split(":")[0])
    if device["tf32"]:
        yield Mismatch(f"{where} tf32", "off", "on")
    if software is None:
        return
    build, platform = software["backend"], software["platform"].lower()
    yield from differs(f"{where} software backend", framework, build.split("@")[0])
    if kind == "cuda" and build.endswith("+cpu"):
        yield Mismatch(f"{where} software backend", "a build that can compute on cuda", shown(build))
    if kind == "metal" and not platform.startswith(("macos", "darwin")):
        yield Mismatch(f"{where} software platform", "macOS under a Metal label", shown(software["platform"]))
