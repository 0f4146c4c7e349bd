"""Which base a lane trains for: digests of its checkpoint folder and of the LM head in it, without loading either."""

import json
import struct
from pathlib import Path
from typing import Any

from console.coordination.file_digest import file_sha256
from console.evidence.checkpoint_head import MAX_HEADER_BYTES, SINGLE_FILE, head_sha256
from console.evidence.errors import LaneSourceError
from runners.contract.canonical import canonical_bytes, sha256_hex
from runners.contract.plan import TOKENIZER_FILES, HeadIdentity

CONFIG, INDEX = "config.json", "model.safetensors.index.json"
UNTIED, TIED = "lm_head.weight", "model.embed_tokens.weight"


def head_of(model_dir: Path) -> HeadIdentity:
    """The head as a run's plan will name it, so that drift is seen. Raises LaneSourceError."""
    try:
        config = json.loads((model_dir / CONFIG).read_bytes())
        tied = config.get("tie_word_embeddings", False) is True
        tensor = TIED if tied else UNTIED
        weights = _weight_files(model_dir)
        entry = _entry(model_dir / _file_of(model_dir, tensor), tensor)
        return HeadIdentity(
            model_digest=_digest(model_dir, (CONFIG, *_index(model_dir), *weights)),
            tokenizer_digest=_digest(model_dir, tuple(n for n in TOKENIZER_FILES if (model_dir / n).exists())),
            tensor=tensor,
            dtype=entry["dtype"],
            vocab_size=entry["shape"][0],
            hidden_size=entry["shape"][1],
            sha256=head_sha256(model_dir, tensor),
            tied=tied,
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError, struct.error) as error:
        raise LaneSourceError(f"{model_dir}: expected a gpt-oss checkpoint folder, got {error!r}") from error


def _index(model_dir: Path) -> tuple[str, ...]:
    return (INDEX,) if (model_dir / INDEX).exists() else ()


def _weight_map(model_dir: Path) -> dict[str, str]:
    body: dict[str, dict[str, str]] = json.loads((model_dir / INDEX).read_bytes())
    return body["weight_map"]


def _weight_files(model_dir: Path) -> tuple[str, ...]:
    return tuple(sorted(set(_weight_map(model_dir).values()))) if _index(model_dir) else (SINGLE_FILE,)


def _file_of(model_dir: Path, tensor: str) -> str:
    return _weight_map(model_dir)[tensor] if _index(model_dir) else SINGLE_FILE


def _entry(path: Path, tensor: str) -> dict[str, Any]:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > MAX_HEADER_BYTES:
            raise ValueError(f"header of {length} bytes")
        entry: dict[str, Any] = json.loads(file.read(length))[tensor]
        return entry


def _digest(folder: Path, names: tuple[str, ...]) -> str:
    files = {name: file_sha256(folder / name) for name in names}
    return sha256_hex(canonical_bytes({"files": files}))
