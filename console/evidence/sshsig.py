"""The operator's signature over a bundle, in the form that `ssh-keygen -Y verify` checks."""

import base64
from pathlib import Path

import asyncssh

from console.evidence.models import BUNDLE_FILE, SIGNATURE_FILE, SIGNATURE_NAMESPACE
from runners.records.durable import write_durable

LINE_CHARS = 70  # as ssh-keygen wraps; the checker accepts this one spelling
ALGORITHM = "ssh-ed25519"


class UnfitOperatorKeyError(Exception):
    """The operator's key can't sign a bundle."""


def load_operator_key(path: Path, passphrase: str | None = None) -> asyncssh.SSHKey:
    """An OpenSSH or PEM private key. Raises UnfitOperatorKeyError for any other algorithm or an unreadable file."""
    try:
        key = asyncssh.read_private_key(path, passphrase)
    except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise UnfitOperatorKeyError(f"{path}: expected an operator key that can be read, got {error}") from error
    if key.get_algorithm() != ALGORITHM:
        raise UnfitOperatorKeyError(f"{path}: expected an {ALGORITHM} key, got {key.get_algorithm()}")
    return key


def public_hex(key: asyncssh.SSHKey) -> str:
    """The raw Ed25519 public key, as `operator_public_key` spells it."""
    # Wire form: two length-prefixed strings, the algorithm's name and the 32 raw bytes.
    return key.public_data[-32:].hex()


def allowed_signers_line(key: asyncssh.SSHKey, principal: str) -> str:
    """What others put into their allowed-signers file to trust this operator, for bundles and nothing else."""
    exported = key.export_public_key("openssh").decode().split()
    return f'{principal} namespaces="{SIGNATURE_NAMESPACE}" {exported[0]} {exported[1]}'


def signature_over(message: bytes, key: asyncssh.SSHKey) -> bytes:
    """The armored SSHSIG in the namespace of run bundles."""
    blob = asyncssh.create_sshsig(key, message, namespace=SIGNATURE_NAMESPACE, raw=True)
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + LINE_CHARS] for start in range(0, len(text), LINE_CHARS)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()


def sign_bundle(bundle_dir: Path, key: asyncssh.SSHKey) -> Path:
    """Sign the bundle's document as it lies there; the signature's path."""
    path = bundle_dir / SIGNATURE_FILE
    write_durable(path, signature_over((bundle_dir / BUNDLE_FILE).read_bytes(), key))
    return path
