"""The pure halves of admission: every word that is trusted afterwards is under the MAC."""

import pytest

from runners.contract.requests import AdmitChallenge, AdmitResponse
from runners.records.admission import (
    answer,
    challenge,
    check_token,
    confirmation,
    coordinator_mac,
    new_token,
    node_mac,
    receipt_of,
    sign_receipt,
    verify_answer,
    verify_confirmation,
    verify_receipt,
)
from runners.records.errors import AdmissionRefused
from runners.records.keys import SigningKey

SECRET = bytes(range(32))
NODE_KEY = SigningKey.generate()


def asked(**changes: str) -> AdmitChallenge:
    fresh = challenge(
        run_id="run-1",
        node_id="linux",
        contract_digest="c" * 64,
        coordinator_public_key="d" * 64,
        host_key_fingerprint="SHA256:abc",
        handed_over=False,
    )
    return fresh.model_copy(update=changes)


def test_a_new_token_is_accepted_and_two_are_different() -> None:
    first, second = new_token(), new_token()
    assert len(check_token(first)) == 32
    assert check_token(first) != check_token(second)


def damaged(token: str) -> list[str]:
    prefix, body, checksum = token.split("-")
    other = "b" if body[0] == "a" else "a"
    # The 260 bits of 52 characters hold 256: the same bytes have other spellings, which are refused.
    respelled = body[:-1] + ("b" if body[-1] == "a" else "r" if body[-1] == "q" else "z")
    return [
        "",
        "secret",
        body,
        f"swarm2-{body}-{checksum}",
        f"{prefix}-{other}{body[1:]}-{checksum}",
        f"{prefix}-{body}-{'0' * 8}",
        f"{prefix}-{body}",
        f"{prefix}-{body.upper()}-{checksum}",
        f"{prefix}-{respelled}-{checksum}",
        f"{prefix}-{body[:-8]}-{checksum}",
        f"{prefix}-{'é' * 52}-{checksum}",
    ]


@pytest.mark.parametrize("text", damaged(new_token()), ids=range(11))
def test_anything_but_a_token_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(AdmissionRefused) as caught:
        check_token(text)
    assert caught.value.reason == "admission_token_malformed"
    assert not text or text not in str(caught.value)


def test_both_sides_with_the_same_token_agree_on_one_receipt() -> None:
    question = asked()
    given = answer(SECRET, question, NODE_KEY.public_hex)
    verify_answer(SECRET, question, given, expected_node_key=NODE_KEY.public_hex)
    confirmed = confirmation(SECRET, question, given, admitted_wall_ms=5)
    verify_confirmation(SECRET, question, given, confirmed)
    receipt = receipt_of(question, given, confirmed)
    response = AdmitResponse(receipt=receipt, signature=sign_receipt(receipt, NODE_KEY))
    assert verify_receipt(question, given, confirmed, response) == receipt
    text = receipt.to_bytes().decode()
    assert given.mac not in text
    assert confirmed.mac not in text


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": "run-2"},
        {"node_id": "mac"},
        {"contract_digest": "e" * 64},
        {"coordinator_public_key": "e" * 64},
        {"host_key_fingerprint": "SHA256:other"},
        {"coordinator_nonce": "e" * 64},
        {"token_custody": "handed_over"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_answer_to_another_challenge_is_refused(change: dict[str, str]) -> None:
    question = asked()
    replayed = answer(SECRET, question, NODE_KEY.public_hex)
    with pytest.raises(AdmissionRefused) as caught:
        verify_answer(SECRET, question.model_copy(update=change), replayed, expected_node_key=NODE_KEY.public_hex)
    assert caught.value.reason == "admission_mac_mismatch"


def test_the_same_answer_is_refused_by_the_next_challenge_of_the_same_run() -> None:
    replayed = answer(SECRET, asked(), NODE_KEY.public_hex)
    with pytest.raises(AdmissionRefused):
        verify_answer(SECRET, asked(), replayed, expected_node_key=NODE_KEY.public_hex)


def test_an_answer_with_another_token_is_refused() -> None:
    question = asked()
    given = answer(bytes(32), question, NODE_KEY.public_hex)
    with pytest.raises(AdmissionRefused) as caught:
        verify_answer(SECRET, question, given, expected_node_key=NODE_KEY.public_hex)
    assert caught.value.reason == "admission_mac_mismatch"


def test_a_node_key_other_than_the_reported_one_is_refused_even_with_the_token() -> None:
    question = asked()
    given = answer(SECRET, question, SigningKey.generate().public_hex)
    with pytest.raises(AdmissionRefused) as caught:
        verify_answer(SECRET, question, given, expected_node_key=NODE_KEY.public_hex)
    assert caught.value.reason == "node_key_mismatch"


def test_the_nodes_own_mac_is_no_confirmation() -> None:
    """A coordinator without the token could otherwise reflect what it was sent."""
    question = asked()
    given = answer(SECRET, question, NODE_KEY.public_hex)
    reflected = confirmation(SECRET, question, given, admitted_wall_ms=5).model_copy(update={"mac": given.mac})
    with pytest.raises(AdmissionRefused):
        verify_confirmation(SECRET, question, given, reflected)
    assert node_mac(SECRET, question, node_public_key=given.node_public_key, node_nonce=given.node_nonce) == given.mac
    assert coordinator_mac(SECRET, question, given, admitted_wall_ms=5) != given.mac


def test_a_confirmation_with_another_time_is_refused() -> None:
    question = asked()
    given = answer(SECRET, question, NODE_KEY.public_hex)
    confirmed = confirmation(SECRET, question, given, admitted_wall_ms=5)
    with pytest.raises(AdmissionRefused):
        verify_confirmation(SECRET, question, given, confirmed.model_copy(update={"admitted_wall_ms": 6}))


def test_a_receipt_of_something_else_than_was_agreed_is_refused() -> None:
    question = asked()
    given = answer(SECRET, question, NODE_KEY.public_hex)
    confirmed = confirmation(SECRET, question, given, admitted_wall_ms=5)
    other = receipt_of(question.model_copy(update={"contract_digest": "e" * 64}), given, confirmed)
    response = AdmitResponse(receipt=other, signature=sign_receipt(other, NODE_KEY))
    with pytest.raises(AdmissionRefused) as caught:
        verify_receipt(question, given, confirmed, response)
    assert caught.value.reason == "admission_receipt_mismatch"
