"""The operator's SSHSIG over a bundle, as `ssh-keygen -Y verify` checks it."""

import base64
from pathlib import Path

import asyncssh

from console.evidence.errors import UnfitOperatorKey
from console.evidence.models import SIGNATURE_NAMESPACE

ALGORITHM = "ssh-ed25519"
LINE_CHARS = 70  # as ssh-keygen wraps it: a signature file has one spelling, so no byte of it can change unseen


def sign_bundle(data: bytes, key_file: Path) -> bytes:
    """Armored signature over `data`; `key_file` is the operator's Ed25519 key, 0600. Raises UnfitOperatorKey."""
    blob = asyncssh.create_sshsig(_read_key(key_file), data, namespace=SIGNATURE_NAMESPACE, raw=True)
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + LINE_CHARS] for start in range(0, len(text), LINE_CHARS)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()


def allowed_signer(principal: str, key_file: Path) -> str:
    """The line for an allowed-signers file. It names the namespace: some verifiers check none by themselves."""
    key_type, key, *_ = _read_key(key_file).export_public_key("openssh").decode().split()
    return f'{principal} namespaces="{SIGNATURE_NAMESPACE}" {key_type} {key}\n'


def _read_key(key_file: Path) -> asyncssh.SSHKey:
    try:
        key = asyncssh.import_private_key(key_file.read_bytes())
    except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise UnfitOperatorKey(f"{key_file}: expected an operator key that can be read, got {error}") from error
    if key.get_algorithm() != ALGORITHM:
        raise UnfitOperatorKey(f"{key_file}: expected an {ALGORITHM} key, got {key.get_algorithm()}")
    return key
