"""A node's own Ed25519 key, made on the node and never sent anywhere."""

import contextlib
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from runners.contract.canonical import sha256_hex
from runners.contract.errors import BadSignature
from runners.records.durable import create_once
from runners.records.errors import KeyFileError


class SigningKey:
    """Signs; its public half and fingerprint are hex."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_hex: str = private.public_key().public_bytes_raw().hex()

    def sign(self, data: bytes) -> str:
        return self._private.sign(data).hex()

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.public_hex)

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load_or_create(cls, path: Path) -> "SigningKey":
        """The key in `path` (PEM, PKCS8, 0600), made on first use. Raises KeyFileError."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            pem = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            # Another process of this node may be first: then its key is the node's key.
            with contextlib.suppress(FileExistsError):
                create_once(path, pem, mode=0o600)
        return cls(_load(path))


def _load(path: Path) -> Ed25519PrivateKey:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyFileError(f"{path}: expected a private key that only its owner can read (0600), got {mode:04o}")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, OSError) as error:
        raise KeyFileError(f"{path}: expected an Ed25519 key in PEM, got {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: expected an Ed25519 key, got {type(key).__name__}")
    if path.stat().st_uid != os.getuid():
        raise KeyFileError(f"{path}: expected a key owned by user {os.getuid()}, got {path.stat().st_uid}")
    return key


def fingerprint(public_hex: str) -> str:
    """First 16 hex digits of sha256 over the raw public key: for eyes; machines compare whole keys."""
    return sha256_hex(bytes.fromhex(public_hex))[:16]


def verify(public_hex: str, signature_hex: str, data: bytes) -> None:
    """Raises BadSignature. OpenSSL refuses non-canonical encodings of a signature."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex))
        key.verify(bytes.fromhex(signature_hex), data)
    except (InvalidSignature, ValueError) as error:
        raise BadSignature(f"expected a signature by key {fingerprint(public_hex)}, got another") from error
