"""Shards keep every byte, and a file that is not a shard is refused with what was wrong."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.records.tensors import RawTensor, read_tensors, write_tensors
from runners.training.errors import ShardError
from runners.training.head import f32_to_bf16
from runners.training.shards import Shard, cut, parse_shard, read_shard, shard_bytes, write_shard


def make_shard(lengths: list[int], *, bf16: bool = True) -> Shard:
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((sum(lengths), 3), dtype=np.float32)
    targets = rng.integers(0, 50, sum(lengths), dtype=np.int32)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return Shard("BF16" if bf16 else "F32", f32_to_bf16(hidden) if bf16 else hidden, targets, offsets)


SHARD = make_shard([2, 1, 4])


@pytest.mark.parametrize("bf16", [True, False])
def test_written_shard_reads_back_bit_for_bit(tmp_path: Path, bf16: bool) -> None:
    shard = make_shard([3, 2], bf16=bf16)
    file = write_shard(tmp_path / "s.safetensors", shard)
    again = read_shard(tmp_path / "s.safetensors", vocab_size=50, expected_sha256=file.sha256)
    assert shard_bytes(again) == shard_bytes(shard)
    assert again.hidden_f32().dtype == np.float32
    assert file.size_bytes == (tmp_path / "s.safetensors").stat().st_size


@given(st.data())
def test_cut_keeps_the_bytes_of_each_sample_in_the_order_asked(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=8))
    shard = make_shard(lengths, bf16=data.draw(st.booleans()))
    wanted = data.draw(st.lists(st.sampled_from(range(len(lengths))), min_size=1, unique=True))
    part = parse_shard(shard_bytes(cut(shard, wanted)), name="part")
    assert part.samples == len(wanted)
    for new, old in enumerate(wanted):
        assert part.hidden[part.rows_of(new)].tobytes() == shard.hidden[shard.rows_of(old)].tobytes()
        assert part.targets[part.rows_of(new)].tobytes() == shard.targets[shard.rows_of(old)].tobytes()


@pytest.mark.parametrize("indices", [[], [3], [-1], [0, 0]])
def test_cut_of_samples_that_are_not_there_is_refused(indices: list[int]) -> None:
    with pytest.raises(ShardError, match="cut: expected"):
        cut(SHARD, indices)


def with_nan(shard: Shard) -> Shard:
    hidden = shard.hidden.copy()
    hidden[1, 1] = 0x7FC0
    return replace(shard, hidden=hidden)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: replace(s, targets=s.targets[:-1]), r"expected shapes"),
        (lambda s: replace(s, offsets=np.array([0, 2, 3, 6])), "expected offsets growing from 0 to 7"),
        (lambda s: replace(s, offsets=np.array([0, 3, 2, 7])), "expected offsets growing"),
        (lambda s: replace(s, offsets=np.array([1, 2, 7])), "expected offsets growing"),
        (lambda s: replace(s, offsets=np.array([0, 0, 7])), "sample without rows"),
        (lambda s: replace(s, targets=s.targets - 50), r"expected targets in \[0, V\)"),
        (with_nan, "expected finite hidden states"),
    ],
)
def test_damaged_shard_is_not_written(tmp_path: Path, damage: Callable[[Shard], Shard], message: str) -> None:
    with pytest.raises(ShardError, match=message):
        write_shard(tmp_path / "s.safetensors", damage(SHARD))
    assert list(tmp_path.iterdir()) == []


def test_target_beyond_the_vocabulary_is_refused() -> None:
    with pytest.raises(ShardError, match=r"expected targets in \[0, 10\)"):
        parse_shard(shard_bytes(SHARD), name="s", vocab_size=10)


def test_changed_byte_is_refused_by_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    digest = write_shard(path, SHARD).sha256
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ShardError, match=f"expected sha256 {digest}"):
        read_shard(path, expected_sha256=digest)


def test_additional_tensor_is_refused() -> None:
    tensors, metadata = read_tensors(shard_bytes(SHARD), name="s")
    raw = write_tensors({**tensors, "../../x": RawTensor("F32", (1,), b"\0" * 4)}, metadata)
    with pytest.raises(ShardError, match="expected hidden_states, target_ids, sample_offsets"):
        parse_shard(raw, name="s")


def test_targets_of_another_type_are_refused() -> None:
    tensors, metadata = read_tensors(shard_bytes(SHARD), name="s")
    wide = RawTensor("I64", (7,), SHARD.targets.astype(np.int64).tobytes())
    with pytest.raises(ShardError, match="expected dtypes"):
        parse_shard(write_tensors({**tensors, "target_ids": wide}, metadata), name="s")


def test_symlink_in_place_of_a_shard_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path / "real", SHARD)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ShardError, match="expected a readable regular file"):
        read_shard(tmp_path / "link")
