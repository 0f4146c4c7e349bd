"""`python -m tests.training.peak_of_training BACKEND V d CHUNK [STEP]`: a short training in a process of its own, in
steps of so many tokens (of one chunk), and the most memory that it took beside the libraries, in bytes; on CUDA also
what left the card. Linux only."""

import hashlib
import sys
from pathlib import Path
from typing import cast

import numpy as np

from runners.contract.jobs import BackendName
from runners.process.probes.accelerator import free_bytes
from runners.training.backends import load
from runners.training.head import Head, Memory, f32_to_bf16
from runners.training.throughput import measure_throughput
from tests.training.problems import adapter_contract, recipe

ROWS = 1024  # of W at a time, so that making it takes less than having it


def made_head(vocab_size: int, hidden_size: int, memory: Memory) -> Head:
    random = np.random.default_rng(1)
    weight = memory((vocab_size, hidden_size), np.dtype(np.uint16))
    for start in range(0, vocab_size, ROWS):
        rows = weight[start : start + ROWS]
        rows[:] = f32_to_bf16(random.standard_normal(rows.shape, dtype=np.float32) * np.float32(0.02))
    return Head("lm_head.weight", "BF16", weight, hashlib.sha256(weight.data).hexdigest(), tied=False)


def resident(name: str) -> int:
    """`VmRSS` now, `VmHWM` the most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def peak(name: BackendName, vocab_size: int, hidden_size: int, chunk_tokens: int, step_tokens: int = 0) -> list[int]:
    backend = load(name, threads=2, chunk_tokens=chunk_tokens)
    device = backend.device()
    before, on_card = resident("VmRSS"), free_bytes(device) if device.kind == "cuda" else None
    free = on_card() if on_card is not None else 0
    how = recipe(2, batch_samples=2).model_copy(update={"chunk_tokens": step_tokens or chunk_tokens})
    head = made_head(vocab_size, hidden_size, backend.head_memory)
    measure_throughput(backend, head, how, adapter_contract(), lambda: None)
    taken = [resident("VmHWM") - before]
    return taken if on_card is None else [*taken, free - on_card()]  # torch gives nothing back before its process ends


if __name__ == "__main__":
    name, *sizes = sys.argv[1:]
    print(*peak(cast("BackendName", name), *(int(size) for size in sizes)))
