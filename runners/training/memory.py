"""What a training needs of memory, part by part, and the largest chunk of tokens that a device has room for.

Arithmetic over sizes alone: what is free is measured by whoever asks. The sums are meant to lie above what is measured
(docs/performance.md has both); sizes are those of the backends' own arrays, and follow them when they change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from runners.contract.bringup import MemoryNeed
from runners.contract.execution import NamedSize
from runners.contract.plan import Assignment

MIB = 1024 * 1024
F32, F64, INT64 = 4, 8, 8
F32_HEAD_BYTES = 256 * MIB  # a bf16 head that is no larger in f32 is kept as f32
BASE_LOGITS_BYTES = 256 * MIB  # a shard whose base logits fit is multiplied by W once, not once per epoch
CUDA_HOST_BYTES = 512 * MIB  # of the machine's memory: what CUDA's libraries and Triton's compiler take as they begin
SMALLEST_CHUNK = 16  # tokens; below that a product is no faster than as many single rows
SPARE_BYTES: Mapping[str, int] = {"host": 128 * MIB, "device": 256 * MIB}  # of libraries: workspaces, fragments

Place = Literal["torch.cpu", "torch.cuda", "mlx.cpu", "mlx.metal", "reference.cpu"]
Where = Literal["host", "device"]
Parts = dict[str, int]  # bytes by name


@dataclass(frozen=True)
class Workload:
    """The sizes of one contributor's training, or of a scoring."""

    vocab_size: int  # V
    hidden_size: int  # d
    rank: int  # r
    head_item: Literal[2, 4]  # bytes of one value of W as the checkpoint has it
    tokens: int  # N of the shard
    shard_item: Literal[2, 4] = 2
    trains: bool = True  # else its losses are asked for alone

    @property
    def head(self) -> int:
        return self.vocab_size * self.hidden_size * self.head_item

    @property
    def f32_head(self) -> int:
        """Of a bf16 head that is small enough to be kept as f32 too."""
        size = self.vocab_size * self.hidden_size * F32
        return size if self.head_item == 2 and size <= F32_HEAD_BYTES else 0

    @property
    def adapter(self) -> int:
        """A and B in f32."""
        return F32 * self.rank * (self.vocab_size + self.hidden_size)

    @property
    def shard(self) -> int:
        return self.tokens * (self.hidden_size * self.shard_item + INT64)

    @property
    def base_logits(self) -> int:
        size = F32 * self.tokens * self.vocab_size
        return size if size <= BASE_LOGITS_BYTES else 0

    def logits(self, chunk_tokens: int, item: int = F32) -> int:
        return item * chunk_tokens * self.vocab_size

    def rows(self, chunk_tokens: int) -> int:
        """Hidden states of a chunk in f32, and what a loss takes in f64: they, W's rows, and their products."""
        return (F32 + 3 * F64) * chunk_tokens * self.hidden_size

    def pairs(self, chunk_tokens: int) -> int:
        """Which targets of a chunk are the same word, [n, n]: as truth values and as f32."""
        return (1 + F32) * chunk_tokens * chunk_tokens

    def partial(self, chunk_tokens: int, words: int) -> int:
        """The softmax of `words` at a time: maximum, sum and product with B, and each times its decay."""
        return 2 * F32 * chunk_tokens * -(-self.vocab_size // words) * (self.rank + 2)


def workload_of(assignment: Assignment) -> Workload:
    head = assignment.head
    return Workload(
        vocab_size=head.vocab_size,
        hidden_size=head.hidden_size,
        rank=assignment.adapter.rank,
        head_item=item_of(head.dtype),
        tokens=assignment.slice.tokens,
    )


def item_of(dtype: str) -> Literal[2, 4]:
    """Bytes of one value."""
    return 4 if dtype == "F32" else 2


def place_of(backend: str, kind: str) -> Place:
    """Raises ValueError for a backend that doesn't compute there."""
    for place in ("torch.cpu", "torch.cuda", "mlx.cpu", "mlx.metal", "reference.cpu"):
        if place == f"{backend}.{kind}":
            return place
    raise ValueError(f"expected a backend on its own kind of device, got {backend} on {kind}")


@dataclass(frozen=True)
class Tiling:
    """How a backend cuts its work. Rows are of the vocabulary; 0 for a backend that doesn't cut it."""

    head_rows: int  # of W per product
    block_rows: int  # of logits that are worked on at once, by each thread
    threads: int = 1  # that have such pieces of their own


def tiling(tiles: tuple[NamedSize, ...], threads: int) -> Tiling:
    sizes = {tile.name: tile.size for tile in tiles}
    rows = sizes.get("head_rows", 0)
    if "softmax_tiles" in sizes:  # of a kernel's programs
        return Tiling(rows, sizes["softmax_columns"] * sizes["softmax_tiles"])
    return Tiling(rows, sizes["block_rows"], threads) if "block_rows" in sizes else Tiling(rows, rows)


def needed(place: Place, work: Workload, chunk_tokens: int, tiles: Tiling) -> dict[Where, Parts]:
    """Parts of `device` and `host`; a processor, and Metal, compute from the machine's own memory, the host's.

    The state is what a checkpoint is written from.
    """
    rows_at_once = min(tiles.block_rows, work.vocab_size)
    threads = min(tiles.threads, -(-work.vocab_size // max(rows_at_once, 1)))
    block = threads * F32 * tiles.head_rows * work.hidden_size
    pieces = threads * 4 * F32 * chunk_tokens * rows_at_once
    state = 6 * work.adapter if work.trains else 0
    adapters = 8 if work.trains else 4  # a file, what was read of it, what lies on the device, moments and gradients
    rows = work.rows(chunk_tokens) + work.pairs(chunk_tokens)
    if place.startswith("torch."):
        rows += work.partial(chunk_tokens, tiles.block_rows)
    if place == "torch.cuda":
        exact = work.head_item == 4 or work.shard_item == 2  # else the library has no such product: a copy by blocks
        chunk = work.logits(chunk_tokens) * (1 if exact else 2) + rows
        device = {"head": work.head, "shard": work.shard, "adapter": (adapters - 1) * work.adapter, "chunk": chunk}
        host = {
            "head": work.head,
            "shard": work.shard,
            "adapter": work.adapter,
            "state": state,
            "cuda": CUDA_HOST_BYTES,
        }
        return {"device": device, "host": host}
    if place == "reference.cpu":
        values = work.vocab_size * work.hidden_size * (F64 + F32)
        chunk = 3 * work.logits(chunk_tokens, F64) + 2 * rows
        parts = {
            "head": work.head + values,
            "shard": work.shard,
            "adapter": 2 * adapters * work.adapter,
            "state": state,
        }
        return {"host": {**parts, "chunk": chunk}}
    whole = work.trains or place != "torch.cpu"  # there a loss needs no more logits than the pieces
    chunk = (work.logits(chunk_tokens) if whole else 0) + pieces + rows
    kept = {"base_logits": work.base_logits, "state": state, "chunk": chunk}
    if place == "torch.cpu":
        cast = 0 if work.head_item == 4 or work.f32_head else block
        host = {"head": work.head, "f32_head": work.f32_head, "head_block": cast}
        return {"host": {**host, "shard": work.shard, "adapter": adapters * work.adapter, **kept}}
    # MLX computes from where the head was read; of a shard it has an array of its own.
    host = {"head": work.head, "f32_head": work.f32_head, "head_block": 2 * block}
    return {"host": {**host, "shard": 2 * work.shard, "adapter": (adapters - 1) * work.adapter, **kept}}


def plan(
    place: Place, work: Workload, most_tokens: int, tiles: Tiling, free: Mapping[Where, int]
) -> tuple[int, tuple[MemoryNeed, ...]]:
    """The largest chunk that fits, of `most_tokens` and its halves, and what it needs where; where none fits, the
    smallest one, whose need is then more than what is free. `free`: bytes by `host` and `device`."""
    chunk = most_tokens
    while True:
        needs = needs_of(needed(place, work, chunk, tiles), free)
        if fits(needs) or chunk // 2 < SMALLEST_CHUNK:
            return chunk, needs
        chunk //= 2


def needs_of(parts: Mapping[Where, Parts], free: Mapping[Where, int]) -> tuple[MemoryNeed, ...]:
    return tuple(_need(where, {**sizes, "spare": SPARE_BYTES[where]}, free[where]) for where, sizes in parts.items())


def fits(needs: tuple[MemoryNeed, ...]) -> bool:
    return all(need.needed_bytes <= need.free_bytes for need in needs)


def _need(where: Where, sizes: Parts, free: int) -> MemoryNeed:
    parts = tuple(NamedSize(name=name, size=size) for name, size in sizes.items() if size)
    return MemoryNeed(where=where, needed_bytes=sum(sizes.values()), free_bytes=free, parts=parts)


def sentence(needs: tuple[MemoryNeed, ...], chunk_tokens: int) -> str:
    """What is needed where, out of what is free, the largest parts first."""
    return f"chunks of {chunk_tokens} tokens; " + "; ".join(_told(need) for need in needs)


def _told(need: MemoryNeed) -> str:
    largest = sorted(need.parts, key=lambda part: -part.size)[:4]
    parts = ", ".join(f"{part.name} {part.size // MIB}" for part in largest)
    return f"{need.where}: {need.needed_bytes // MIB} MiB needed ({parts}, ...), {need.free_bytes // MIB} MiB free"
