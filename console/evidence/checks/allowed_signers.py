"""Who may sign: ssh-keygen's ALLOWED SIGNERS file (principals, options, key type, key, comment)."""

import base64
import binascii
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from console.evidence.checks.sshsig import KEY_TYPE, public_key_line
from console.evidence.checks.stored import UnreadableError

MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class AllowedSigner:
    principals: str
    namespaces: tuple[str, ...]  # empty: any
    key: bytes  # wire form


def is_allowed(path: Path, public_hex: str, namespace: str) -> bool:
    """Does the file allow this key to sign in this namespace? Raises UnreadableError, OSError."""
    wanted = public_key_line(public_hex)
    return any(
        signer.key == wanted and _allows(signer.namespaces, namespace)
        for signer in read_allowed_signers(path.read_bytes()[: MAX_FILE_BYTES + 1])
    )


def read_allowed_signers(raw: bytes) -> list[AllowedSigner]:
    """Ed25519 entries without time limits. A line that can't be read is refused, not skipped."""
    if len(raw) > MAX_FILE_BYTES:
        raise UnreadableError(f"at most {MAX_FILE_BYTES} bytes of allowed signers", "more")
    signers = []
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            signers += _signer(line.strip(), number)
    return signers


def _signer(line: str, number: int) -> list[AllowedSigner]:
    fields = _fields(line)
    if len(fields) < 3:
        raise UnreadableError(f"line {number}: principals, key type and key", line[:80])
    options = fields[1].lower() if not _is_key_type(fields[1]) else ""
    key_at = 2 if options else 1
    if len(fields) < key_at + 2 or not _is_key_type(fields[key_at]):
        raise UnreadableError(f"line {number}: a key type and a key", line[:80])
    names = [part for part in _split(fields[1]) if part.lower().startswith("namespaces=")] if options else []
    rest = [part for part in _split(fields[1]) if part not in names] if options else []
    # A certificate authority does not sign bundles itself, and a limit in time would need a trusted time of signing.
    if rest or fields[key_at] != KEY_TYPE.decode():
        return []
    try:
        key = base64.b64decode(fields[key_at + 1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableError(f"line {number}: a key in base64", str(error)) from error
    namespaces = tuple(name for part in names for name in part.split("=", 1)[1].strip('"').split(","))
    return [AllowedSigner(fields[0], namespaces, key)]


def _allows(patterns: tuple[str, ...], namespace: str) -> bool:
    refused = any(fnmatchcase(namespace, name[1:]) for name in patterns if name.startswith("!"))
    return not refused and (not patterns or any(fnmatchcase(namespace, name) for name in patterns))


def _is_key_type(field: str) -> bool:
    return field.startswith(("ssh-", "ecdsa-", "sk-"))


def _fields(line: str) -> list[str]:
    """Split at white space outside double quotes."""
    return _outside_quotes(line, " \t")


def _split(options: str) -> list[str]:
    return _outside_quotes(options, ",")


def _outside_quotes(text: str, separators: str) -> list[str]:
    fields, current, quoted = [], "", False
    for char in text:
        quoted ^= char == '"'
        if char in separators and not quoted:
            fields.append(current)
            current = ""
        else:
            current += char
    return [field for field in [*fields, current] if field]
