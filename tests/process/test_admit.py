"""`admit` as a process: the conversation, its refusals, and where the token may not be found."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from runners.contract.canonical import canonical_bytes
from runners.contract.document import Word
from runners.contract.receipts import AdmissionReceipt
from runners.contract.requests import AdmitAnswer, AdmitChallenge, AdmitResponse, TokenLine
from runners.records.admission import challenge, check_token, confirmation, new_token, verify_answer, verify_receipt
from runners.records.errors import AdmissionRefused
from tests.patience import PATIENCE_S
from tests.process.inputs import NODE, RUN
from tests.process.node import Node


class Conversation:
    """The coordinator's end of one `admit`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self.stdin, self.stdout = process.stdin, process.stdout

    def say(self, word: Word) -> None:
        self.stdin.write(canonical_bytes(word.to_json()) + b"\n")
        self.stdin.flush()

    def hear(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.stdout.readline())
        return line

    def end(self) -> int:
        self.stdin.close()
        return self.process.wait(timeout=PATIENCE_S)


@contextmanager
def admitting(node: Node, *, token: str | None = None, **environment: str) -> Iterator[Conversation]:
    """With `token`, the host has its own one and gets it by an inherited pipe."""
    node.key  # noqa: B018 - made at bring-up, which came before
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as pipe:
        pipe.write((token or "").encode())
    if token is not None:
        environment["SWARM_TOKEN_FD"] = str(read_end)
    process = subprocess.Popen(
        [sys.executable, "-m", "runners", "admit"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=node.environment(**environment),
        pass_fds=(read_end,),
    )
    os.close(read_end)
    with process:
        try:
            yield Conversation(process)
        finally:
            process.kill()


def question(node: Node, *, handed_over: bool, **changes: str) -> AdmitChallenge:
    asked = challenge(
        run_id=RUN,
        node_id=NODE,
        contract_digest=node.lane.digest,
        coordinator_public_key=node.coordinator.public_hex,
        host_key_fingerprint="local",
        handed_over=handed_over,
    )
    return asked.model_copy(update=changes)


def as_answer(line: dict[str, Any]) -> AdmitAnswer:
    return AdmitAnswer.model_validate_json(json.dumps(line))


@pytest.mark.parametrize("handed_over", [True, False], ids=["handed_over", "proved"])
def test_two_sides_with_one_token_leave_a_signed_receipt_and_no_token(node: Node, handed_over: bool) -> None:
    token = new_token()
    asked = question(node, handed_over=handed_over)
    with admitting(node, token=None if handed_over else token) as talk:
        talk.say(asked)
        if handed_over:
            talk.say(TokenLine(token=token))
        given = as_answer(talk.hear())
        verb = psutil.Process(talk.process.pid)
        assert token not in " ".join([*verb.cmdline(), *verb.environ().values()])
        verify_answer(check_token(token), asked, given, expected_node_key=node.key.public_hex)
        confirmed = confirmation(check_token(token), asked, given, admitted_wall_ms=7)
        talk.say(confirmed)
        response = AdmitResponse.model_validate_json(json.dumps(talk.hear()))
        assert talk.end() == 0
    receipt = verify_receipt(asked, given, confirmed, response)
    assert receipt.token_custody == ("handed_over" if handed_over else "proved")
    assert AdmissionReceipt.read(node.root.admission.read_bytes()) == receipt
    assert node.root.admitted(node.key.public_hex) == receipt
    kept = b"".join(path.read_bytes() for path in node.folder.rglob("*") if path.is_file())
    assert not [secret for secret in (token, given.mac, confirmed.mac) if secret.encode() in kept]


def test_a_token_file_of_the_hosts_owner_proves_as_a_pipe_does(node: Node) -> None:
    """For a host with a system sshd: nobody starts an agent there that could inherit the token."""
    token = new_token()
    node.settings.home.mkdir(exist_ok=True)
    file = node.settings.home / "admission_token"
    file.write_text(token + "\n")
    file.chmod(0o600)
    asked = question(node, handed_over=False)
    with admitting(node) as talk:
        talk.say(asked)
        given = as_answer(talk.hear())
        verify_answer(check_token(token), asked, given, expected_node_key=node.key.public_hex)
        talk.say(confirmation(check_token(token), asked, given, admitted_wall_ms=7))
        response = AdmitResponse.model_validate_json(json.dumps(talk.hear()))
        assert talk.end() == 0
    assert response.receipt.token_custody == "proved"


@pytest.mark.parametrize("exposed", ["mode", "link"])
def test_a_token_file_that_others_could_read_is_refused_unread(node: Node, exposed: str) -> None:
    token = new_token()
    node.settings.home.mkdir(exist_ok=True)
    file = node.settings.home / "admission_token"
    other = file.with_name("elsewhere")
    (other if exposed == "link" else file).write_text(token)
    (other if exposed == "link" else file).chmod(0o600 if exposed == "link" else 0o640)
    if exposed == "link":
        file.symlink_to(other)
    with admitting(node) as talk:
        talk.say(question(node, handed_over=False))
        refusal = talk.hear()
        assert talk.end() == 1
    assert refusal["refused"] == "admission_token_exposed"
    assert token not in refusal["detail"]


def test_a_host_with_another_token_gives_a_proof_that_the_coordinator_refuses(node: Node) -> None:
    asked = question(node, handed_over=False)
    with admitting(node, token=new_token()) as talk:
        talk.say(asked)
        given = as_answer(talk.hear())
        with pytest.raises(AdmissionRefused, match="admission token"):
            verify_answer(check_token(new_token()), asked, given, expected_node_key=node.key.public_hex)
        talk.stdin.close()  # the coordinator says nothing more to it
        assert talk.hear()["refused"] == "stream_ended"
        assert talk.process.wait(timeout=PATIENCE_S) == 1
    assert not node.root.admission.exists()


def test_a_coordinator_with_another_token_is_refused_by_the_host(node: Node) -> None:
    asked = question(node, handed_over=False)
    with admitting(node, token=new_token()) as talk:
        talk.say(asked)
        given = as_answer(talk.hear())
        talk.say(confirmation(check_token(new_token()), asked, given, admitted_wall_ms=7))
        assert talk.hear()["refused"] == "admission_mac_mismatch"
        assert talk.end() == 1
    assert not node.root.admission.exists()


@pytest.mark.parametrize(
    ("change", "pinned", "reason"),
    [
        ({"host_key_fingerprint": "SHA256:somebody"}, {}, "host_key_mismatch"),
        ({}, {"SWARM_HOST_KEY_FINGERPRINT": "SHA256:mine"}, "host_key_mismatch"),
        ({"contract_digest": "e" * 64}, {"SWARM_CONTRACT_DIGEST": "f" * 64}, "contract_digest_mismatch"),
        ({"token_custody": "proved"}, {}, "admission_token_missing"),
        ({"node_id": "another-node"}, {}, "not_brought_up"),
    ],
    ids=["host_key", "pinned_host_key", "contract", "no_token", "no_key"],
)
def test_a_challenge_that_does_not_fit_this_host_is_refused(
    node: Node, change: dict[str, str], pinned: dict[str, str], reason: str
) -> None:
    with admitting(node, **pinned) as talk:
        talk.say(question(node, handed_over=True, **change))
        assert talk.hear()["refused"] == reason
        assert talk.end() == 1
    assert not node.root.admission.exists()


def test_a_malformed_token_is_refused_without_being_repeated(node: Node) -> None:
    with admitting(node) as talk:
        talk.say(question(node, handed_over=True))
        talk.stdin.write(b'{"tokenn":"swarm1-almost-secret"}\n')
        talk.stdin.flush()
        refusal = talk.hear()
        _, narration = talk.process.communicate(timeout=PATIENCE_S)
    assert refusal["refused"] == "malformed_bytes"
    assert "almost-secret" not in refusal["detail"]
    assert b"almost-secret" not in narration
