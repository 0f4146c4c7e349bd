"""What a training needs, predicted from sizes, against what it takes; and which chunk a device has room for."""

import subprocess
import sys

import pytest

from runners.training.memory import (
    MIB,
    SMALLEST_CHUNK,
    Tiling,
    Workload,
    fits,
    needed,
    needs_of,
    place_of,
    plan,
    sentence,
)
from tests.live.rig import ROOT
from tests.training.problems import RANK

GIB = 1024 * MIB
REAL = Workload(vocab_size=201_088, hidden_size=2880, rank=16, head_item=2, tokens=16 * 512)
TORCH, MLX, METAL = Tiling(256, 2816, threads=2), Tiling(1024, 1024), Tiling(8192, 8192)


@pytest.mark.parametrize("most", [512, 2048])
def test_a_16_gb_rtx_4080_trains_the_real_head_in_whole_chunks(most: int) -> None:
    """15.6 GiB are on the card, and a desktop takes some; the host has 16 GiB of which half are free."""
    chunk, needs = plan("torch.cuda", REAL, most, TORCH, {"device": 14 * GIB, "host": 8 * GIB})
    assert chunk == most
    assert fits(needs)


def test_a_16_gb_m2_pro_trains_the_real_head_in_whole_chunks() -> None:
    """Metal recommends to use at most 10.7 GiB of 16 at once; 6 GiB are what a Mac with a browser has left."""
    chunk, needs = plan("mlx.metal", REAL, 512, METAL, {"host": 6 * GIB})
    assert chunk == 512
    assert fits(needs)


def test_less_room_means_smaller_chunks_and_then_a_refusal_with_the_figures() -> None:
    chosen = [plan("mlx.metal", REAL, 512, METAL, {"host": size * MIB}) for size in (6000, 1960, 1700, 900)]
    chunks = [chunk for chunk, _ in chosen]
    assert chunks[0] == 512 and 512 > chunks[1] > chunks[2] >= SMALLEST_CHUNK == chunks[3]
    assert [fits(needs) for _, needs in chosen] == [True, True, True, False]
    said = sentence(chosen[3][1], chunks[3])
    assert "chunks of 16 tokens; host: " in said and "900 MiB free" in said and "head 1104" in said


def test_a_chunk_that_fits_is_the_largest_that_does() -> None:
    free = {"host": 1700 * MIB}
    chunk, needs = plan("torch.cpu", REAL, 2048, TORCH, {"host": 1700 * MIB})
    assert fits(needs)
    twice = needs_of(needed("torch.cpu", REAL, 2 * chunk, TORCH), {"host": free["host"]})
    assert not fits(twice)


def test_the_parts_are_the_need() -> None:
    for place in ("torch.cpu", "torch.cuda", "mlx.cpu", "mlx.metal", "reference.cpu"):
        for need in needs_of(needed(place, REAL, 512, TORCH), {"host": 1, "device": 1}):
            assert need.needed_bytes == sum(part.size for part in need.parts)


def test_a_backend_computes_only_where_it_does() -> None:
    assert place_of("torch", "cuda") == "torch.cuda"
    with pytest.raises(ValueError, match="mlx on cuda"):
        place_of("mlx", "cuda")


# For the suite a head that is just past what is kept as f32; then the real one, and a small one in large chunks.
SIZES = ((201_088, 2880, 128), (201_088, 2880, 512), (2048, 64, 8192))
TAKEN = [
    ("torch", TORCH, (70_000, 1024, 128)),
    ("mlx", MLX, (70_000, 1024, 32)),  # where the BLAS is the wheel's own, four times the tokens take a minute
    *(pytest.param("torch", TORCH, size, marks=pytest.mark.soak) for size in SIZES),
    *(pytest.param("mlx", MLX, size, marks=pytest.mark.soak) for size in SIZES),
]


@pytest.mark.usefixtures("on_the_processor")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "tiles", "size"), TAKEN)
def test_what_a_training_takes_is_within_what_it_is_said_to_need(
    name: str, tiles: Tiling, size: tuple[int, int, int]
) -> None:
    vocab_size, hidden_size, chunk = size
    argv = [sys.executable, "-m", "tests.training.peak_of_training", name, *map(str, size)]
    taken = int(subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    work = Workload(vocab_size, hidden_size, RANK, head_item=2, tokens=16 * chunk)
    (need,) = needs_of(needed(place_of(name, "cpu"), work, chunk, tiles), {"host": 0})
    assert need.needed_bytes / 2 < taken <= need.needed_bytes, f"{taken / MIB:.0f} of {need.needed_bytes / MIB:.0f} MiB"
