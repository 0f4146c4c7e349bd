"""PyTorch on CUDA or the CPU, with gradients by hand: no autograd graph, one large product per step.

Per chunk of n tokens, with row maximum m: `E = exp(h W^T + s u B^T - m)` and `Z = sum E`. Subtracting Z at each row's
target turns E into `Z (P - Y)`, so one product with `s u / (N Z)` is all of dB, and no row of dB is scattered to:
nothing depends on the order of atomics.
"""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from runners.contract.execution import NamedSize
from runners.contract.jobs import BackendName
from runners.contract.lane import RecipeContract
from runners.contract.names import Label, as_label
from runners.contract.receipts import Device
from runners.training.adamw import AdamW
from runners.training.backend import AdapterWeights, Moments, Rows
from runners.training.hardware import cpu_name, memory_total_bytes
from runners.training.head import Head
from runners.training.steps import Placement, SteppingBackend, Work

F32_HEAD_BYTES = 256 * 1024 * 1024  # a larger bf16 head stays bf16 and is cast block by block
BLOCK_ROWS = 16384  # rows of W per cast


class TorchBackend(SteppingBackend):
    name: BackendName = "torch"
    tiles = (NamedSize(name="head_rows", size=BLOCK_ROWS), NamedSize(name="f32_head_bytes", size=F32_HEAD_BYTES))

    def __init__(self, *, threads: int, chunk_tokens: int) -> None:
        super().__init__(threads=threads, chunk_tokens=chunk_tokens)
        self._device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
        self._head: tuple[str, TorchHead] | None = None
        self._settle()

    def _settle(self) -> None:
        """Settings that decide the last bits. They are the process's, so they are set again before each use."""
        torch.set_num_threads(self.threads)
        torch.set_float32_matmul_precision("highest")
        torch.backends.cuda.matmul.allow_tf32 = False

    def version(self) -> Label:
        return as_label(f"torch@{torch.__version__}")

    def device(self) -> Device:
        cuda = self._device.type == "cuda"
        card = torch.cuda.get_device_properties(self._device) if cuda else None
        kind = "cuda" if card else "cpu"
        return Device(
            # The frozen lane's own words: `cuda` names framework and device at once.
            backend_label=f"open_adapter_backend.{'cuda' if card else 'torch.cpu'}.gpt_oss_lm_head",
            kind="cuda" if card else "cpu",
            device_label=f"{kind}:0",
            name=card.name if card else cpu_name(),
            memory_total_bytes=int(card.total_memory) if card else memory_total_bytes(),
            threads=torch.get_num_threads(),
            blas=_blas(cuda=cuda),
            tf32=torch.backends.cuda.matmul.allow_tf32 or torch.get_float32_matmul_precision() != "highest",
        )

    def _place_head(self, head: Head) -> None:
        self._settle()
        if self._head is None or self._head[0] != head.sha256:
            self._head = (head.sha256, TorchHead(head, self._device))

    def _place(self, work: Work) -> Placement:
        assert self._head is not None
        return TorchPlacement(self._head[1], work, self.chunk_tokens)


class TorchHead:
    """W [V, d] on the device."""

    def __init__(self, head: Head, device: torch.device) -> None:
        self.vocab_size, self.hidden_size, self.device = head.vocab_size, head.hidden_size, device
        weight = _to_device(head.weight, device)
        small = head.vocab_size * head.hidden_size * 4 <= F32_HEAD_BYTES
        self._weight = weight.float() if small or device.type == "cuda" else weight

    def logits_into(self, h: Tensor, out: Tensor) -> None:
        """`out [n, V] = h W^T`; f32 in, f32 out, W cast exactly."""
        if self._weight.dtype == torch.float32:
            torch.mm(h, self._weight.T, out=out)
            return
        for start in range(0, self.vocab_size, BLOCK_ROWS):
            block = self._weight[start : start + BLOCK_ROWS].float()
            out[:, start : start + BLOCK_ROWS] = h @ block.T


class TorchPlacement:
    """Adapter and moments in f32 on the device; the shard in the dtype that it was captured in."""

    def __init__(self, head: TorchHead, work: Work, chunk_tokens: int) -> None:
        device = head.device
        self._head, self._scale, self._chunk_tokens = head, work.scale, chunk_tokens
        self._hidden = _to_device(work.shard.hidden, device)
        self._targets = torch.from_numpy(work.shard.targets.astype(np.int64)).to(device)
        self._adapted = work.adapter is not None
        start = work.weights((head.vocab_size, head.hidden_size))
        self._a = torch.tensor(start.a, device=device)  # copies: the job's own start never moves
        self._b = torch.tensor(start.b, device=device)
        self._buffer = torch.empty((min(chunk_tokens, work.shard.tokens), head.vocab_size), device=device)
        self._adam = None if work.recipe is None else _moments(self._a, self._b, work, work.recipe)

    def warm_up(self, rows: Rows) -> None:
        self._gradients(rows)

    def step(self, rows: Rows) -> float:
        assert self._adam is not None
        loss, grad_a, grad_b = self._gradients(rows)
        self._a = self._adam[0].update(self._a, grad_a)
        self._b = self._adam[1].update(self._b, grad_b)
        return loss

    def summed_loss(self, rows: Rows) -> float:
        return sum(float(self._exponentials(part)[4]) for part in self._chunks(rows))

    def state(self) -> tuple[AdapterWeights, Moments]:
        assert self._adam is not None
        of_a, of_b = self._adam
        moments = Moments(*(_to_host(each) for each in (of_a.mean, of_a.square, of_b.mean, of_b.square)))
        return AdapterWeights(_to_host(self._a), _to_host(self._b)), moments

    def _chunks(self, rows: Rows) -> tuple[Tensor, ...]:
        return torch.split(torch.from_numpy(rows).to(self._head.device), self._chunk_tokens)

    def _exponentials(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """h [n, d], u [n, r], E [n, V] in the buffer, Z [n, 1], and the summed loss in f64."""
        h = self._hidden[rows].float()
        u = h @ self._a.T
        e = self._buffer[: len(rows)]
        self._head.logits_into(h, e)
        if self._adapted:
            e.addmm_(u, self._b.T, alpha=self._scale)
        e.sub_(e.amax(dim=1, keepdim=True))
        target_logits = e.gather(1, self._targets[rows, None])
        total = e.exp_().sum(dim=1, keepdim=True)
        return h, u, e, total, (total.log() - target_logits).sum(dtype=torch.float64)

    def _gradients(self, rows: Rows) -> tuple[float, Tensor, Tensor]:
        """Mean loss, dA [r, d] and dB [V, r] of one step."""
        grad_a, grad_b = torch.zeros_like(self._a), torch.zeros_like(self._b)
        losses = []
        for part in self._chunks(rows):
            h, u, e, total, loss = self._exponentials(part)
            e[torch.arange(len(part), device=e.device), self._targets[part]] -= total[:, 0]
            weight = self._scale / (len(rows) * total)
            grad_b.addmm_(e.T, u * weight)
            grad_a.addmm_(((e @ self._b) * weight).T, h)
            losses.append(loss)
        return float(torch.stack(losses).sum()) / len(rows), grad_a, grad_b


def _moments(a: Tensor, b: Tensor, work: Work, recipe: RecipeContract) -> tuple[AdamW, AdamW]:
    """Not torch.optim: making one imports torch's compiler, which takes as long as importing torch."""
    kept = work.moments
    if kept is None:
        starts = [torch.zeros_like(each) for each in (a, a, b, b)]
    else:
        starts = [
            torch.tensor(each, device=a.device) for each in (kept.mean_a, kept.square_a, kept.mean_b, kept.square_b)
        ]
    return (
        AdamW(starts[0], starts[1], work.steps_done, recipe, torch.sqrt),
        AdamW(starts[2], starts[3], work.steps_done, recipe, torch.sqrt),
    )


def _to_host(values: Tensor) -> npt.NDArray[np.float32]:
    copy: npt.NDArray[np.float32] = values.cpu().numpy().copy()
    return copy


def _to_device(values: npt.NDArray[Any], device: torch.device) -> Tensor:
    """f32, or bf16 whose bits NumPy holds as uint16."""
    if values.dtype == np.uint16:
        return torch.tensor(values.view(np.int16), device=device).view(torch.bfloat16)
    return torch.tensor(values, device=device)


def _blas(*, cuda: bool) -> Label:
    if cuda:
        return as_label(f"cublas@{torch.version.cuda}")
    shown = torch.__config__.show()
    mkl = re.search(r"Math Kernel Library Version (\S+?)-", shown)
    if mkl:
        return as_label(f"mkl@{mkl[1]}")
    info = re.search(r"BLAS_INFO=(\w+)", shown)
    return as_label(info[1] if info else "unknown")
