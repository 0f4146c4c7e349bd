"""PyTorch on CUDA or the CPU: which device, how it is set, and what is brought to it."""

import re

import torch

from runners.contract.execution import NamedSize
from runners.contract.jobs import BackendName
from runners.contract.names import Label, as_label
from runners.contract.receipts import Device
from runners.training.backend import TrainingJob
from runners.training.hardware import cpu_name, memory_total_bytes
from runners.training.head import Head
from runners.training.memory import BASE_LOGITS_BYTES
from runners.training.shards import Shard
from runners.training.steps import Placement, SteppingBackend, Work
from runners.training.system_blas import blas_of, preferred_blas
from runners.training.torch_head import BLOCK_ROWS, CAST_ROWS, TorchHead, has_onednn
from runners.training.torch_logits import ComputedLogits, RememberedLogits
from runners.training.torch_placement import TorchPlacement, kernel_sizes
from runners.training.torch_threads import BlockThreads


class TorchBackend(SteppingBackend):
    name: BackendName = "torch"

    def __init__(self, *, threads: int, chunk_tokens: int) -> None:
        super().__init__(threads=threads, chunk_tokens=chunk_tokens)
        self._device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
        self.tiles = (
            NamedSize(name="head_rows", size=CAST_ROWS),
            NamedSize(name="block_rows", size=BLOCK_ROWS),
            *(NamedSize(name=name, size=size) for name, size in kernel_sizes(self._device).items()),
        )
        # A card is told what to do by one thread, in order.
        self._block_threads = BlockThreads(threads if self._device.type == "cpu" else 1)
        self._head: tuple[str, TorchHead] | None = None
        self._kept: tuple[Shard, RememberedLogits] | None = None
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

    def place(self, job: TrainingJob) -> Placement:
        """For whoever drives single steps, as a benchmark does. Base logits aren't kept: each step is a whole one."""
        self._place_head(job.head)
        assert self._head is not None
        head = self._head[1]
        work = Work(job.shard, job.initial, job.scale, job.recipe)
        return TorchPlacement(head, work, self.chunk_tokens, ComputedLogits(head), self._block_threads)

    def _place_head(self, head: Head) -> None:
        self._settle()
        if self._head is None or self._head[0] != head.sha256:
            self._head, self._kept = (head.sha256, TorchHead(head, self._device)), None

    def _place(self, work: Work) -> Placement:
        assert self._head is not None
        head = self._head[1]
        return TorchPlacement(head, work, self.chunk_tokens, self._logits(head, work.shard), self._block_threads)

    def _logits(self, head: TorchHead, shard: Shard) -> ComputedLogits | RememberedLogits:
        """Remembered for as long as the same shard is trained on or scored."""
        if self._device.type != "cpu" or not has_onednn() or shard.tokens * head.vocab_size * 4 > BASE_LOGITS_BYTES:
            return ComputedLogits(head)
        if self._kept is None or self._kept[0] is not shard:
            self._kept = (shard, RememberedLogits(head, shard.tokens))
        return self._kept[1]


def _blas(*, cuda: bool) -> Label:
    if cuda:
        return as_label(f"cublas@{torch.version.cuda}")
    shown = torch.__config__.show()
    mkl = re.search(r"Math Kernel Library Version (\S+?)-", shown)
    info = re.search(r"BLAS_INFO=(\w+)", shown)
    own = f"mkl@{mkl[1]}" if mkl else (info[1] if info else "unknown")
    rest = own if preferred_blas() is None else blas_of("libtorch_cpu.so")  # of the products of rank r
    onednn = re.search(r"MKL-DNN v(\S+)", shown)
    return as_label(f"onednn@{onednn[1]}+{rest}" if has_onednn() and onednn else rest)
