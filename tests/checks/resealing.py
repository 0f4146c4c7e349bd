"""Making a changed bundle whole again: new digests, a new listing, a new signature by the fixture's operator."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.evidence.models import BUNDLE_FILE, SIGNATURE_FILE
from console.evidence.sshsig import sign_bundle
from runners.contract.canonical import readable_bytes, sha256_hex
from runners.contract.document import body_digest

Body = dict[str, Any]
BodyEdit = Callable[[Body], None]


def reseal_bundle(bundle: Path, edit: BodyEdit | None = None) -> None:
    """List what lies there now, digest and sign again with the operator's key: a lie by the operator."""
    path = bundle / BUNDLE_FILE
    body = json.loads(path.read_bytes())
    body["files"] = [
        {"path": file.relative_to(bundle).as_posix(), **sized(file.read_bytes())}
        for file in sorted(bundle.rglob("*"), key=lambda file: file.relative_to(bundle).as_posix())
        if file.is_file() and file.name not in (BUNDLE_FILE, SIGNATURE_FILE)
    ]
    if edit:
        edit(body)
    reseal_body(body)
    path.write_bytes(readable_bytes(body))
    (bundle / SIGNATURE_FILE).write_bytes(sign_bundle(path.read_bytes(), operator_key_file(bundle.parent)))


def rewrite(path: Path, edit: BodyEdit) -> None:
    """Change a document of a bundle and give it a new digest; whoever cites the old one now cites another."""
    body = json.loads(path.read_bytes())
    edit(body)
    reseal_body(body)
    path.write_bytes(readable_bytes(body))


def reseal_body(body: Any) -> None:
    """New digests for every document inside, inside out."""
    if isinstance(body, dict):
        for value in body.values():
            reseal_body(value)
        if "digest" in body and "schema_version" in body:
            body["digest"] = body_digest(body)
    elif isinstance(body, list):
        for value in body:
            reseal_body(value)


def operator_key_file(folder: Path) -> Path:
    """The fixture operator's private key as a file, made from its name."""
    path = folder / "operator.pem"
    if not path.exists():
        private = Ed25519PrivateKey.from_private_bytes(sha256(b"operator").digest())
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        path.write_bytes(private.private_bytes(*form))
        path.chmod(0o600)
    return path


def sized(data: bytes) -> Body:
    return {"size_bytes": len(data), "sha256": sha256_hex(data)}
