"""The SSH keys that the coordinator holds: its own, and the pinned one of a host."""

from pathlib import Path

import asyncssh

from runners.records.keys import SigningKey


def client_key(path: Path) -> asyncssh.SSHKey:
    """Our Ed25519 client key in `path` (PEM, PKCS8, 0600), made on first use. Raises KeyFileError."""
    SigningKey.load_or_create(path)
    return asyncssh.import_private_key(path.read_bytes())


def public_line(key: asyncssh.SSHKey) -> str:
    """ "ssh-ed25519 AAAA...", as `--authorized-key` takes it."""
    return key.export_public_key().decode().strip()


def pinned_key(line: str) -> asyncssh.SSHKey:
    """The host key of an announcement. Raises asyncssh.KeyImportError."""
    return asyncssh.import_public_key(line)
