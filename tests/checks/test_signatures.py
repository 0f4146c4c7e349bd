"""A signature under a point of small order fits every message: OpenSSL takes it, the checker doesn't."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from console.evidence.checks.signatures import SMALL_ORDER, binds, signed_by

NEUTRAL = bytes([1]) + bytes(31)
FITS_ALL = NEUTRAL + bytes(32)


@pytest.mark.parametrize("message", [b"promoted", b"held"])
def test_a_key_under_which_one_signature_fits_every_message_signs_nothing(message: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(NEUTRAL).verify(FITS_ALL, message)  # no exception: this is why

    assert not signed_by(NEUTRAL.hex(), FITS_ALL.hex(), message)


def test_every_such_point_is_known_with_either_sign() -> None:
    assert len(SMALL_ORDER) == 7
    for point in SMALL_ORDER:
        assert not binds(point)
        assert not binds(point[:-1] + bytes([point[-1] | 0x80]))


def test_an_ordinary_key_signs() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = key.public_key().public_bytes_raw().hex()

    assert signed_by(public, key.sign(b"held").hex(), b"held")
    assert not signed_by(public, key.sign(b"held").hex(), b"promoted")
