"""The head of any gpt-oss checkpoint is read alone, exactly, and never from outside its folder."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from runners.training.errors import CheckpointError
from runners.training.head import (
    bf16_to_f32,
    f32_to_bf16,
    head_identity,
    load_head,
    model_digest,
    tokenizer_digest,
)

BASE = Path(__file__).parents[2] / "fixtures" / "swarm" / "base"
V, D = 6, 4
VALUES: npt.NDArray[np.float32] = np.arange(V * D, dtype=np.float32).reshape(V, D) / np.float32(8)  # exact in bf16


def write_weights(path: Path, tensors: dict[str, npt.NDArray[Any]]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    position = 0
    for name, array in tensors.items():
        dtype = {"float32": "F32", "uint16": "BF16", "uint8": "U8"}[str(array.dtype)]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [position, position + array.nbytes]}
        position += array.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in tensors.values()))


def checkpoint(folder: Path, tensors: dict[str, npt.NDArray[Any]], **config: Any) -> Path:
    written = {"model_type": "gpt_oss", "vocab_size": V, "hidden_size": D, **config}
    (folder / "config.json").write_text(json.dumps(written))
    write_weights(folder / "model.safetensors", tensors)
    return folder


def sharded(folder: Path, weight_map: dict[str, str]) -> Path:
    checkpoint(folder, {"model.norm.weight": VALUES})
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    write_weights(folder / "model-00002-of-00002.safetensors", {"lm_head.weight": VALUES})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


@pytest.mark.parametrize("dtype", ["F32", "BF16"])
@pytest.mark.parametrize("tied", [False, True])
def test_head_tied_or_untied_in_either_type_has_the_exact_values(tmp_path: Path, dtype: str, tied: bool) -> None:
    stored: npt.NDArray[Any] = VALUES if dtype == "F32" else f32_to_bf16(VALUES)
    other = np.ones((V, D), np.float32)
    names = ("model.embed_tokens.weight", "lm_head.weight") if tied else ("lm_head.weight", "model.embed_tokens.weight")
    head = load_head(checkpoint(tmp_path, {names[1]: other, names[0]: stored}, tie_word_embeddings=tied))

    assert (head.name, head.dtype, head.tied, head.weight.shape) == (names[0], dtype, tied, (V, D))
    assert head.sha256 == hashlib.sha256(stored.tobytes()).hexdigest()
    np.testing.assert_array_equal(head.weight_f32(), VALUES)
    np.testing.assert_array_equal(head.weight_f32(slice(2, 4)), VALUES[2:4])


def test_head_in_the_second_file_of_an_index_is_found(tmp_path: Path) -> None:
    first, second = (f"model-0000{i}-of-00002.safetensors" for i in (1, 2))
    folder = sharded(tmp_path, {"model.norm.weight": first, "lm_head.weight": second})
    np.testing.assert_array_equal(load_head(folder).weight, VALUES)


def test_quantised_neighbours_do_not_disturb(tmp_path: Path) -> None:
    blocks = np.zeros((2, 3), np.uint8)
    folder = checkpoint(tmp_path, {"model.layers.0.mlp.experts.down_proj_blocks": blocks, "lm_head.weight": VALUES})
    assert load_head(folder).hidden_size == D


def test_only_the_bytes_of_the_head_are_read(tmp_path: Path) -> None:
    hole = 64 * 1024**3  # in a sparse file: far more than could be read or held
    size = VALUES.nbytes
    header = {
        "a": {"dtype": "F32", "shape": [hole // 4], "data_offsets": [0, hole]},
        "lm_head.weight": {"dtype": "F32", "shape": [V, D], "data_offsets": [hole, hole + size]},
        "z": {"dtype": "F32", "shape": [hole // 4], "data_offsets": [hole + size, 2 * hole + size]},
    }
    text = json.dumps(header).encode()
    checkpoint(tmp_path, {})
    with (tmp_path / "model.safetensors").open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.seek(hole, 1)
        stream.write(VALUES.tobytes())
        stream.truncate(8 + len(text) + 2 * hole + size)
    np.testing.assert_array_equal(load_head(tmp_path).weight, VALUES)


@pytest.mark.parametrize("target", ["../secret.safetensors", "/etc/hosts", "a/b.safetensors", "", ".hidden", "x\0y"])
def test_index_that_leads_out_of_the_folder_is_refused(tmp_path: Path, target: str) -> None:
    inside = tmp_path / "model"
    inside.mkdir()
    write_weights(tmp_path / "secret.safetensors", {"lm_head.weight": VALUES})
    folder = sharded(inside, {"lm_head.weight": target})
    with pytest.raises(CheckpointError, match="expected plain file names"):
        load_head(folder)


def test_missing_head_is_named_with_what_to_do(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, {"model.embed_tokens.weight": VALUES})
    with pytest.raises(CheckpointError, match=r"expected tensor 'lm_head.weight', got 1 others; the download may be"):
        load_head(folder)


def test_head_missing_from_the_index_is_named(tmp_path: Path) -> None:
    folder = sharded(tmp_path, {"model.norm.weight": "model-00001-of-00002.safetensors"})
    with pytest.raises(CheckpointError, match=r"expected 'lm_head.weight' in weight_map"):
        load_head(folder)


def test_missing_file_of_the_index_is_named(tmp_path: Path) -> None:
    folder = sharded(tmp_path, {"lm_head.weight": "model-00002-of-00002.safetensors"})
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-00002-of-00002.safetensors: expected a readable file"):
        load_head(folder)


def test_cut_off_file_is_refused(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, {"lm_head.weight": VALUES})
    raw = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(raw[:-1])
    with pytest.raises(CheckpointError, match="got a shorter file"):
        load_head(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "llama"}, "expected model_type 'gpt_oss', got 'llama'"),
        ({"vocab_size": V + 1}, r"expected shape \(7, 4\) of config.json, got \(6, 4\)"),
    ],
)
def test_config_that_does_not_fit_is_refused(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        load_head(checkpoint(tmp_path, {"lm_head.weight": VALUES}, **config))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_head_that_is_not_finite_is_refused(tmp_path: Path, bad: float) -> None:
    values = VALUES.copy()
    values[1, 1] = bad
    with pytest.raises(CheckpointError, match="expected finite values"):
        load_head(checkpoint(tmp_path, {"lm_head.weight": values}))


def test_integer_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="expected F32 or BF16"):
        load_head(checkpoint(tmp_path, {"lm_head.weight": np.zeros((V, D), np.uint8)}))


def test_digests_follow_weights_config_and_tokenizer_and_nothing_else(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, {"lm_head.weight": VALUES})
    (folder / "tokenizer.json").write_text("{}")
    model, tokenizer = model_digest(folder), tokenizer_digest(folder)

    (folder / "README.md").write_text("not part of the model")
    assert (model_digest(folder), tokenizer_digest(folder)) == (model, tokenizer)

    (folder / "tokenizer_config.json").write_text("{}")
    assert (model_digest(folder) == model, tokenizer_digest(folder) == tokenizer) == (True, False)

    checkpoint(tmp_path, {"lm_head.weight": VALUES + 1})
    assert model_digest(folder) != model


def test_shipped_base_is_a_bf16_untied_gpt_oss() -> None:
    head = load_head(BASE)
    identity = head_identity(head, BASE)
    assert (head.dtype, head.tied, identity.vocab_size, identity.hidden_size) == ("BF16", False, 2048, 128)
    assert identity.sha256 == hashlib.sha256(head.weight.tobytes()).hexdigest()


def test_rounding_to_bf16_is_to_the_nearest_and_to_even_between_two() -> None:
    # Random bit patterns, so that every exponent but the extreme ones is met.
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint32)
    exact = bits[(bits >> 23 & 0xFF > 1) & (bits >> 23 & 0xFF < 0xFE)].view(np.float32).astype(np.float64)
    ours = f32_to_bf16(exact.astype(np.float32))
    error = np.abs(bf16_to_f32(ours) - exact)
    for neighbour in (ours - np.uint16(1), ours + np.uint16(1)):
        assert np.all(error <= np.abs(bf16_to_f32(neighbour) - exact))
    np.testing.assert_array_equal(f32_to_bf16(bf16_to_f32(ours)), ours)
    halfway = np.array([0x3F808000, 0x3F818000], np.uint32).view(np.float32)
    assert f32_to_bf16(halfway).tolist() == [0x3F80, 0x3F82]
