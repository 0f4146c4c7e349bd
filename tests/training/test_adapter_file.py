"""Adapter files: PEFT's own format, equal bytes for equal weights, and nothing else accepted."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runners.contract.adapter_config import adapter_config_bytes, read_adapter_config
from runners.contract.errors import MalformedBytes
from runners.contract.plan import ADAPTER_CONFIG_FILE, ADAPTER_FILE, TENSOR_A, TENSOR_B
from runners.records.tensors import RawTensor, write_tensors
from runners.training.adapter_file import (
    adapter_bytes,
    initial_adapter,
    read_adapter,
    write_adapter,
    write_adapter_config,
    write_initial,
)
from runners.training.backend import AdapterWeights
from runners.training.errors import AdapterFileError
from tests.training.assignments import BASE

R, D, V = 4, 6, 10
DIGEST = "a" * 64
START_SHA256 = "d15209e85543b1ab3eb8b2b36aeb858d30985c2c9ad0818a6e3ac8eb865add5c"


def weights(rank: int = R, hidden_size: int = D, vocab_size: int = V) -> AdapterWeights:
    random = np.random.default_rng(3)
    return AdapterWeights(
        random.standard_normal((rank, hidden_size)).astype(np.float32),
        random.standard_normal((vocab_size, rank)).astype(np.float32),
    )


def test_what_is_written_is_read_back_with_its_assignment(tmp_path: Path) -> None:
    written = weights()
    file = write_adapter(tmp_path, written, DIGEST)
    stored = read_adapter(tmp_path / ADAPTER_FILE, rank=R, hidden_size=D, vocab_size=V)
    assert np.array_equal(stored.weights.a, written.a)
    assert np.array_equal(stored.weights.b, written.b)
    assert stored.file == file
    assert stored.metadata == {"format": "pt", "swarm_assignment": DIGEST}


def test_equal_weights_give_equal_bytes_whatever_their_memory_order() -> None:
    plain = weights()
    turned = AdapterWeights(np.asfortranarray(plain.a), np.asfortranarray(plain.b))
    assert adapter_bytes(plain, DIGEST) == adapter_bytes(turned, DIGEST)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers by an old name
def test_a_directory_loads_unchanged_through_peft_and_its_logits_are_base_plus_delta(tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32, experts_implementation="eager")
    head = base.lm_head.weight.detach().clone()
    trained = weights(8, head.shape[1], head.shape[0])
    write_adapter(tmp_path, trained, DIGEST)
    write_adapter_config(tmp_path, rank=8, alpha=16.0, base_label="sha256:" + "b" * 64)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    tokens = torch.tensor([[5, 17, 300, 42, 9]])
    with torch.no_grad():
        hidden = base(tokens, output_hidden_states=True).hidden_states[-1]
        model = PeftModel.from_pretrained(base, str(tmp_path))
        got = model(tokens).logits
        delta = 2.0 * torch.from_numpy(trained.b) @ torch.from_numpy(trained.a)
        expected = hidden @ (head + delta).T
    assert (got - expected).abs().max() / expected.abs().max() < 1e-5
    assert (hidden @ delta.T).abs().max() > 1  # the delta isn't lost in the comparison
    read = model.peft_config["default"].to_dict()
    assert (read["r"], read["lora_alpha"]) == (8, 16)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_the_start_is_frozen_and_lies_in_pefts_bounds(tmp_path: Path) -> None:
    """Retained runs name this file's digest, so its bytes may never depend on a library's version."""
    start = initial_adapter(20260324, R, D, V)
    assert np.abs(start.a).max() <= 1 / np.sqrt(D)
    assert not start.b.any()
    assert write_initial(tmp_path / "initial.safetensors", start).sha256 == START_SHA256


def test_the_start_fills_its_range_evenly_and_differs_by_seed() -> None:
    a = initial_adapter(1, 16, 4096, 1).a * np.sqrt(4096)
    assert abs(a.mean()) < 0.01
    assert abs((a**2).mean() - 1 / 3) < 0.01  # variance of U(-1, 1)
    assert not np.array_equal(initial_adapter(2, 16, 4096, 1).a, initial_adapter(1, 16, 4096, 1).a)


def test_a_configuration_is_complete_and_names_no_path(tmp_path: Path) -> None:
    write_adapter_config(tmp_path, rank=R, alpha=16.0, base_label="sha256:" + "b" * 64)
    raw = (tmp_path / ADAPTER_CONFIG_FILE).read_bytes()
    assert read_adapter_config(raw, name=ADAPTER_CONFIG_FILE) == (R, 16.0)
    assert json.loads(raw)["r"] == R
    assert str(tmp_path) not in raw.decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"use_rslora": false', b'"use_rslora": true'),
        (b'"lm_head"', b'"q_proj"'),
        (b'"r": 4', b'"r": 0'),
        (b'"lora_dropout": 0.0', b'"lora_dropout": 0.1'),
        (b"{\n", b"{ \n"),
    ],
)
def test_another_configuration_than_ours_is_refused(old: bytes, new: bytes) -> None:
    raw = adapter_config_bytes(rank=R, alpha=16.0, base_label="sha256:x")
    assert old in raw
    with pytest.raises(MalformedBytes, match="adapter_config"):
        read_adapter_config(raw.replace(old, new, 1), name="adapter_config.json")


def _raw(shape: tuple[int, ...], dtype: str = "F32", fill: float = 0.5) -> RawTensor:
    kind = "<f4" if dtype == "F32" else "<u2"
    return RawTensor(dtype, shape, np.full(shape, fill, dtype=kind).tobytes())


def _file(**changed: RawTensor) -> bytes:
    tensors = {TENSOR_A: _raw((R, D)), TENSOR_B: _raw((V, R))}
    names = {"a": TENSOR_A, "b": TENSOR_B}
    return write_tensors({**tensors, **{names.get(key, key): value for key, value in changed.items()}}, {})


def _with_duplicate_key() -> bytes:
    raw = _file()
    (length,) = struct.unpack("<Q", raw[:8])
    header = raw[8 : 8 + length].rstrip()
    entry = json.dumps({TENSOR_A: json.loads(header)[TENSOR_A]})[1:-1].encode()
    doubled = header[:-1] + b"," + entry + b"}"
    return struct.pack("<Q", len(doubled)) + doubled + raw[8 + length :]


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a third tensor": (lambda: _file(**{"../../x": _raw((1,))}), "expected tensors"),
    "a missing tensor": (lambda: write_tensors({TENSOR_A: _raw((R, D))}, {}), "expected tensors"),
    "another rank": (lambda: _file(a=_raw((R + 1, D))), r"expected F32 \[4, 6\], got F32 \[5, 6\]"),
    "a transposed B": (lambda: _file(b=_raw((R, V))), r"expected F32 \[10, 4\], got F32 \[4, 10\]"),
    "bf16": (lambda: _file(a=_raw((R, D), "BF16", 1)), "got BF16"),
    "NaN": (lambda: _file(b=_raw((V, R), fill=float("nan"))), "expected finite values"),
    "infinity": (lambda: _file(a=_raw((R, D), fill=float("inf"))), "expected finite values"),
    "a duplicate key": (_with_duplicate_key, "twice"),
    "a tail": (lambda: _file() + b"tail", "expected tensors up to byte"),
    "a torn end": (lambda: _file()[:-1], "expected tensors up to byte"),
    "no header": (lambda: b"", "expected an 8-byte length"),
    "a header longer than the file": (lambda: struct.pack("<Q", 1 << 40) + b"{}", "expected a header of at most"),
    "more bytes than an adapter can have": (lambda: _file() + bytes(2 << 20), "expected at most"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_adapter_file_is_refused_with_its_reason(case: str, tmp_path: Path) -> None:
    make, message = HOSTILE[case]
    path = tmp_path / ADAPTER_FILE
    path.write_bytes(make())
    with pytest.raises(AdapterFileError, match=message):
        read_adapter(path, rank=R, hidden_size=D, vocab_size=V)


def test_a_symbolic_link_in_place_of_an_adapter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(_file())
    (tmp_path / ADAPTER_FILE).symlink_to(tmp_path / "real")
    with pytest.raises(AdapterFileError, match="expected a readable regular file"):
        read_adapter(tmp_path / ADAPTER_FILE, rank=R, hidden_size=D, vocab_size=V)
