"""Admission: both sides prove that they hold the token, over everything that they are about to trust.

Key per direction: HKDF-SHA256 with the token's 32 bytes as input, both nonces as salt and the direction as info.
MAC: HMAC-SHA256 over canonical JSON. Neither the token nor a MAC ever enters a receipt.
"""

import base64
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runners.contract.canonical import canonical_bytes
from runners.contract.receipts import AdmissionReceipt
from runners.contract.requests import AdmitAnswer, AdmitChallenge, AdmitConfirmation, AdmitResponse
from runners.records.errors import AdmissionRefused
from runners.records.keys import SigningKey, verify

ROLE = "contributor"
TOKEN_PREFIX = "swarm1"  # noqa: S105 - a format name
TOKEN_BYTES = 32
RECEIPT_PREFIX = b"swarm.admission_receipt.v1\0"


def new_token() -> str:
    """`swarm1-<52 characters of base32>-<8 hex digits of checksum>`."""
    return _spell(secrets.token_bytes(TOKEN_BYTES))


def check_token(text: str) -> bytes:
    """The token's 32 bytes. Raises AdmissionRefused, which never repeats what was given."""
    parts = text.strip().split("-")
    try:
        secret = base64.b32decode(parts[1].upper() + "====") if len(parts) == 3 else b""
    except ValueError:
        secret = b""
    if len(secret) != TOKEN_BYTES or not hmac.compare_digest(_spell(secret).encode(), text.strip().encode()):
        raise AdmissionRefused(
            "admission_token_malformed",
            "expected an admission token as `swarm token new` makes it, got something else (not shown)",
        )
    return secret


def _spell(secret: bytes) -> str:
    checksum = hashlib.sha256(b"swarm.admission_token.v1\0" + secret).hexdigest()[:8]
    return f"{TOKEN_PREFIX}-{base64.b32encode(secret).decode().rstrip('=').lower()}-{checksum}"


def challenge(
    *,
    run_id: str,
    node_id: str,
    contract_digest: str,
    coordinator_public_key: str,
    host_key_fingerprint: str,
    handed_over: bool,
) -> AdmitChallenge:
    """The coordinator's first line, with a fresh nonce."""
    return AdmitChallenge(
        run_id=run_id,
        node_id=node_id,
        contract_digest=contract_digest,
        coordinator_public_key=coordinator_public_key,
        host_key_fingerprint=host_key_fingerprint,
        coordinator_nonce=secrets.token_hex(32),
        token_custody="handed_over" if handed_over else "proved",
    )


def answer(secret: bytes, asked: AdmitChallenge, node_public_key: str) -> AdmitAnswer:
    """The node's proof, with a fresh nonce."""
    node_nonce = secrets.token_hex(32)
    return AdmitAnswer(
        node_public_key=node_public_key,
        node_nonce=node_nonce,
        mac=node_mac(secret, asked, node_public_key=node_public_key, node_nonce=node_nonce),
    )


def verify_answer(secret: bytes, asked: AdmitChallenge, given: AdmitAnswer, *, expected_node_key: str) -> None:
    """Coordinator's side; `expected_node_key` is the one of the bring-up report. Raises AdmissionRefused."""
    expected = node_mac(secret, asked, node_public_key=given.node_public_key, node_nonce=given.node_nonce)
    _compare(expected, given.mac, asked.node_id)
    if given.node_public_key != expected_node_key:
        raise AdmissionRefused(
            "node_key_mismatch",
            f"{asked.node_id}: expected the node key of its bring-up report, got another; bring it up again",
        )


def confirmation(
    secret: bytes, asked: AdmitChallenge, given: AdmitAnswer, *, admitted_wall_ms: int
) -> AdmitConfirmation:
    """The coordinator's proof, after `verify_answer`."""
    mac = coordinator_mac(secret, asked, given, admitted_wall_ms=admitted_wall_ms)
    return AdmitConfirmation(mac=mac, admitted_wall_ms=admitted_wall_ms)


def verify_confirmation(secret: bytes, asked: AdmitChallenge, given: AdmitAnswer, confirmed: AdmitConfirmation) -> None:
    """The node's side. Raises AdmissionRefused."""
    expected = coordinator_mac(secret, asked, given, admitted_wall_ms=confirmed.admitted_wall_ms)
    _compare(expected, confirmed.mac, "the coordinator")


def node_mac(secret: bytes, asked: AdmitChallenge, *, node_public_key: str, node_nonce: str) -> str:
    said = {**asked.to_json(), "role": ROLE, "node_public_key": node_public_key, "node_nonce": node_nonce}
    return _mac(secret, "node_to_coordinator", said)


def coordinator_mac(secret: bytes, asked: AdmitChallenge, given: AdmitAnswer, *, admitted_wall_ms: int) -> str:
    said = {
        **asked.to_json(),
        "role": ROLE,
        "node_public_key": given.node_public_key,
        "node_nonce": given.node_nonce,
        "admitted_wall_ms": admitted_wall_ms,
    }
    return _mac(secret, "coordinator_to_node", said)


def receipt_of(asked: AdmitChallenge, given: AdmitAnswer, confirmed: AdmitConfirmation) -> AdmissionReceipt:
    """What both sides can keep. Two sides that agreed make the same bytes."""
    return AdmissionReceipt.seal(
        **asked.to_json(),
        role=ROLE,
        node_public_key=given.node_public_key,
        node_nonce=given.node_nonce,
        admitted_wall_ms=confirmed.admitted_wall_ms,
    )


def sign_receipt(receipt: AdmissionReceipt, key: SigningKey) -> str:
    return key.sign(RECEIPT_PREFIX + bytes.fromhex(receipt.digest))


def verify_receipt(
    asked: AdmitChallenge, given: AdmitAnswer, confirmed: AdmitConfirmation, response: AdmitResponse
) -> AdmissionReceipt:
    """Coordinator's side: what was agreed, signed by the node. Raises AdmissionRefused, BadSignature."""
    expected = receipt_of(asked, given, confirmed)
    if response.receipt != expected:
        raise AdmissionRefused(
            "admission_receipt_mismatch",
            f"{asked.node_id}: expected admission receipt {expected.digest}, got {response.receipt.digest}",
        )
    verify(given.node_public_key, response.signature, RECEIPT_PREFIX + bytes.fromhex(expected.digest))
    return expected


def _mac(secret: bytes, direction: str, said: dict[str, object]) -> str:
    salt = bytes.fromhex(str(said["coordinator_nonce"])) + bytes.fromhex(str(said["node_nonce"]))
    info = b"swarm.admission.v1\0" + direction.encode()
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(secret)
    return hmac.new(key, info + b"\0" + canonical_bytes(said), hashlib.sha256).hexdigest()


def _compare(expected: str, got: str, who: str) -> None:
    if not hmac.compare_digest(expected, got):
        raise AdmissionRefused(
            "admission_mac_mismatch",
            f"{who}: expected proof of this run's admission token, got another; "
            "export the same PSIONIC_SWARM_ADMISSION_TOKEN on both sides",
        )
