"""The tokenizer contract, read from the publisher's own checkpoint folder."""

import json
from pathlib import Path
from typing import Any

from console.evidence.errors import PublicationRefused
from console.evidence.outcomes.publication import TokenizerContract, TokenizerFile
from runners.contract.canonical import canonical_bytes, parse_strict, sha256_hex
from runners.contract.errors import MalformedBytes
from runners.contract.plan import TOKENIZER_FILES


def tokenizer_contract(model_dir: Path, vocab_size: int) -> TokenizerContract:
    """Raises PublicationRefused where the checkpoint has no tokenizer or no configuration that can be read."""
    files = {
        name: sha256_hex((model_dir / name).read_bytes()) for name in TOKENIZER_FILES if (model_dir / name).is_file()
    }
    if TOKENIZER_FILES[0] not in files:
        raise PublicationRefused(
            f"{model_dir}: expected {TOKENIZER_FILES[0]}, got no tokenizer; use the checkpoint of the run"
        )
    config = _read(model_dir / "config.json")
    eos = config.get("eos_token_id")
    return TokenizerContract.seal(
        tokenizer_digest=sha256_hex(canonical_bytes({"files": files})),
        files=tuple(TokenizerFile(name=name, sha256=digest) for name, digest in sorted(files.items())),
        vocab_size=vocab_size,
        bos_token_id=config.get("bos_token_id"),
        eos_token_ids=tuple(eos if isinstance(eos, list) else [] if eos is None else [eos]),
        pad_token_id=config.get("pad_token_id"),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        body = parse_strict(path.read_bytes())
    except (OSError, MalformedBytes) as error:
        raise PublicationRefused(f"{path}: expected the checkpoint's configuration, got {error}") from error
    if not isinstance(body, dict):
        raise PublicationRefused(f"{path}: expected a JSON object, got {json.dumps(body):.60}")
    return body
