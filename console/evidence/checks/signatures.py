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

# The points of small order, their sign aside: under such a key one and the same signature fits every message.
SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


def binds(key: bytes) -> bool:
    """Whether a signature under it says anything about who signed."""
    return key[:-1] + bytes([key[-1] & 0x7F]) not in SMALL_ORDER


def signed_by(public_hex: str, signature_hex: str, data: bytes) -> bool:
    """Did the key sign `data`? Hex is lower case: one signature has one spelling."""
    try:
        key, signature = bytes.fromhex(public_hex), bytes.fromhex(signature_hex)
        if key.hex() != public_hex or signature.hex() != signature_hex or not binds(key):
            return False
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def without(body: dict[str, Any], *names: str) -> bytes:
    """Canonical bytes of a body without the fields that depend on the signature."""
    return canonical({name: value for name, value in body.items() if name not in names})
