"""Under which settings a training's bits hold."""

from runners.contract.document import Word
from runners.contract.figures import Count
from runners.contract.names import Label, Sha256, Text


class NamedSize(Word):
    name: Label
    size: Count


class ExecutionSettings(Word):
    """All on a host that decides the last bits of a training. Equal settings give equal bits; others needn't."""

    backend: Label  # library and version: "torch@2.13.0+cpu"
    backend_label: Label  # open_adapter_backend.torch.cpu.gpt_oss_lm_head
    device_name: Text
    threads: Count
    blas: Label
    tf32: bool
    chunk_tokens: Count  # rows of hidden states per product; what the host has room for, at most the recipe's
    tiles: tuple[NamedSize, ...]  # blocks of the backend's own kernels, by name
    runners_sha256: Sha256  # the code


def differences(planned: ExecutionSettings, got: ExecutionSettings) -> tuple[str, ...]:
    """One sentence per setting that isn't as planned."""
    pairs = ((name, getattr(planned, name), getattr(got, name)) for name in ExecutionSettings.model_fields)
    return tuple(f"{name}: planned {_shown(one)}, got {_shown(other)}" for name, one, other in pairs if one != other)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(f"{item.name}={item.size}" for item in value) or "none"
    return str(value)[:80]
