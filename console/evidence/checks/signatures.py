"""Ed25519 over the byte strings that docs/layout.md names."""

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from console.evidence.checks.stored import canonical

JOURNAL_PREFIX = b"swarm.journal_record.v1\0"
BRINGUP_PREFIX = b"swarm.bringup_report.v1\0"
GATE_PREFIX = b"swarm.gate_receipt.v1\0"
ADMISSION_PREFIX = b"swarm.admission_receipt.v1\0"
BEGIN_PREFIX = b"swarm.begin.v1\0"
COMMAND_PREFIX = b"swarm.operator_command.v1\0"


def signed_by(public_hex: str, signature_hex: str, data: bytes) -> bool:
    """Did the key sign `data`? Hex is lower case: one signature has one spelling."""
    try:
        key, signature = bytes.fromhex(public_hex), bytes.fromhex(signature_hex)
        if key.hex() != public_hex or signature.hex() != signature_hex:
            return False
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def without(body: dict[str, Any], *names: str) -> bytes:
    """Canonical bytes of a body without the fields that depend on the signature."""
    return canonical({name: value for name, value in body.items() if name not in names})
