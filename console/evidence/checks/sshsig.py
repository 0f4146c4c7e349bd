"""SSHSIG as OpenSSH's PROTOCOL.sshsig defines it, for ssh-ed25519 only."""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from console.evidence.checks.signatures import signed_by
from console.evidence.checks.stored import UnreadableError

MAGIC = b"SSHSIG"
BEGIN = "-----BEGIN SSH SIGNATURE-----"
END = "-----END SSH SIGNATURE-----"
LINE_CHARS = 70  # as ssh-keygen wraps
KEY_TYPE = b"ssh-ed25519"
HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}


@dataclass(frozen=True)
class SshSignature:
    """A parsed signature blob. `public_key` is the raw Ed25519 key in hex."""

    public_key: str
    namespace: str
    reserved: bytes
    hash_name: bytes
    signature: str

    def covers(self, message: bytes) -> bool:
        digest = HASHES[self.hash_name](message).digest()
        fields = (self.namespace.encode(), self.reserved, self.hash_name, digest)
        return signed_by(self.public_key, self.signature, MAGIC + b"".join(_string(field) for field in fields))


def armor(blob: bytes) -> bytes:
    """The one spelling of a signature file that is accepted: ssh-keygen's own."""
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + LINE_CHARS] for start in range(0, len(text), LINE_CHARS)]
    return "\n".join([BEGIN, *lines, END, ""]).encode()


def read_sshsig(raw: bytes) -> SshSignature:
    """Raises UnreadableError for anything but one armored ssh-ed25519 signature in ssh-keygen's spelling."""
    blob = _unarmor(raw)
    if blob[:6] != MAGIC or blob[6:10] != struct.pack(">I", 1):
        raise UnreadableError("an SSHSIG of version 1", repr(blob[:10]))
    key, namespace, reserved, hash_name, signature = _strings(blob[10:], 5)
    key_type, public = _strings(key, 2)
    signature_type, value = _strings(signature, 2)
    if (key_type, signature_type, len(public), len(value)) != (KEY_TYPE, KEY_TYPE, 32, 64):
        raise UnreadableError("an ssh-ed25519 key and signature", repr((key_type[:40], signature_type[:40])))
    if hash_name not in HASHES:
        raise UnreadableError("a hash of sha256 or sha512", repr(hash_name[:40]))
    return SshSignature(public.hex(), namespace.decode("ascii", "replace"), reserved, hash_name, value.hex())


def public_key_line(public_hex: str) -> bytes:
    """The key's wire form, as the base64 part of an OpenSSH public key decodes to."""
    return _string(KEY_TYPE) + _string(bytes.fromhex(public_hex))


def _unarmor(raw: bytes) -> bytes:
    try:
        lines = raw.decode("ascii").split("\n")
        if (lines[0], lines[-2:]) != (BEGIN, [END, ""]):
            raise UnreadableError("an armored SSH signature", repr(raw[:40]))
        blob = base64.b64decode("".join(lines[1:-2]), validate=True)
    except (UnicodeDecodeError, binascii.Error, ValueError) as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError("an armored SSH signature", str(error)) from error
    if armor(blob) != raw:
        raise UnreadableError(f"base64 in lines of {LINE_CHARS}", "another spelling")
    return blob


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _strings(data: bytes, count: int) -> list[bytes]:
    """Exactly `count` length-prefixed strings and nothing after them."""
    found, position = [], 0
    for _ in range(count):
        if position + 4 > len(data):
            raise UnreadableError(f"{count} strings", "a blob that ends early")
        (length,) = struct.unpack_from(">I", data, position)
        position += 4
        if position + length > len(data):
            raise UnreadableError(f"a string of {length} bytes", f"{len(data) - position} bytes")
        found.append(data[position : position + length])
        position += length
    if position != len(data):
        raise UnreadableError(f"{count} strings", f"{len(data) - position} bytes more")
    return found
