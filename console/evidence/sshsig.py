"""The operator's SSHSIG over a bundle, as `ssh-keygen -Y verify` checks it."""

from pathlib import Path

import asyncssh

from console.evidence.models import SIGNATURE_NAMESPACE


def sign_bundle(data: bytes, key_file: Path) -> bytes:
    """Armored signature over `data`; `key_file` is the operator's Ed25519 key, 0600."""
    key = asyncssh.import_private_key(key_file.read_bytes())
    signature: bytes = asyncssh.create_sshsig(key, data, namespace=SIGNATURE_NAMESPACE)
    return signature


def allowed_signer(principal: str, key_file: Path) -> str:
    """The line for an allowed-signers file. It names the namespace: some verifiers check none by themselves."""
    key = asyncssh.import_private_key(key_file.read_bytes())
    return f'{principal} namespaces="{SIGNATURE_NAMESPACE}" {key.export_public_key().decode().strip()}\n'
