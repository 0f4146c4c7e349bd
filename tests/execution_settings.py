"""Execution settings for tests that need some, and care little which."""

from runners.contract.execution import ExecutionSettings, NamedSize

EXECUTION = ExecutionSettings(
    backend="torch@2.13.0+cpu",
    backend_label="open_adapter_backend.torch.cpu.gpt_oss_lm_head",
    device_name="a cpu",
    threads=1,
    blas="mkl@2024.2",
    tf32=False,
    chunk_tokens=64,
    tiles=(NamedSize(name="head_rows", size=1024),),
    runners_sha256="b" * 64,
)
