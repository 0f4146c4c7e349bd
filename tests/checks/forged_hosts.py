"""The two hosts of every forged run, and small names that stand for what they would have measured."""

from runners.contract.canonical import sha256_hex
from runners.contract.execution import ExecutionSettings, NamedSize
from runners.contract.receipts import Device, Software

MAC, LINUX = "swarm-mac-a", "swarm-linux-a"
NODES = (MAC, LINUX)
STEPS, CHECKPOINT_STEPS = 4, 2
CHUNK_TOKENS = 128
RUN_ID = "forged-run-1"


def device_of(node: str) -> Device:
    framework = "mlx" if node == MAC else "torch"
    return Device(
        backend_label=f"open_adapter_backend.{framework}.cpu.gpt_oss_lm_head", kind="cpu", device_label="cpu:0",
        name="forged CPU", memory_total_bytes=8 << 30, threads=1, blas="openblas@0.3", tf32=False,
    )  # fmt: skip


def software_of(node: str) -> Software:
    backend = "mlx@0.32.4" if node == MAC else "torch@2.13.0+cpu"
    return Software(python="3.11.9", platform="Linux-6.1", backend=backend, runners_sha256=hash_of("runners"))


def execution_of(device: Device, software: Software) -> ExecutionSettings:
    return ExecutionSettings(
        backend=software.backend, backend_label=device.backend_label, device_name=device.name, threads=device.threads,
        blas=device.blas, tf32=device.tf32, chunk_tokens=CHUNK_TOKENS, tiles=(NamedSize(name="head_rows", size=32),),
        runners_sha256=software.runners_sha256,
    )  # fmt: skip


def endpoint_of(node: str) -> str:
    return "local" if node == MAC else "127.0.0.1:40101"


def hash_of(text: str) -> str:
    return sha256_hex(text.encode())
