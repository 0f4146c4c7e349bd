"""`admit`: the node's side of the mutual proof, and the receipt that it leaves."""

import os
import stat
from pathlib import Path

from runners.contract.requests import AdmitChallenge, AdmitConfirmation, AdmitResponse, TokenLine
from runners.process.errors import Refused
from runners.process.run_root import RunRoot
from runners.process.settings import HostSettings
from runners.process.wire import Wire
from runners.records.admission import answer, check_token, receipt_of, sign_receipt, verify_confirmation
from runners.records.durable import read_regular
from runners.records.keys import SigningKey

MAX_TOKEN_BYTES = 256
TOKEN_FILE = "admission_token"  # noqa: S105 - of the host's owner, beside its keys


def admit(settings: HostSettings, wire: Wire) -> AdmitResponse:
    """Line by line as in `runners.contract.requests`. Raises Refused, AdmissionRefused."""
    asked = wire.read(AdmitChallenge)
    root = RunRoot(settings.make_run_root())
    check_host_key(settings, asked)
    check_contract(settings, root, asked)
    key = _node_key(settings, asked.node_id)
    secret = _secret(settings, asked, wire)
    given = answer(secret, asked, key.public_hex)
    wire.write(given)
    confirmed = wire.read(AdmitConfirmation)
    verify_confirmation(secret, asked, given, confirmed)
    receipt = receipt_of(asked, given, confirmed)
    signature = sign_receipt(receipt, key)
    root.keep_admission(receipt, signature)
    return AdmitResponse(receipt=receipt, signature=signature)


def check_host_key(settings: HostSettings, asked: AdmitChallenge) -> None:
    """The key that the coordinator saw is this host's: else somebody sits between the two."""
    if asked.host_key_fingerprint not in settings.host_key_fingerprints:
        raise Refused(
            "host_key_mismatch",
            f"{asked.node_id}: expected one of {list(settings.host_key_fingerprints)}, "
            f"got {asked.host_key_fingerprint}; pin the host's real key",
        )


def check_contract(settings: HostSettings, root: RunRoot, asked: AdmitChallenge) -> None:
    """One contract per run: the pinned one, and the one that this host was brought up under."""
    report = root.last_bringup()
    if report is not None and (report.run_id, report.node_id) != (asked.run_id, asked.node_id):
        raise Refused(
            "another_run",
            f"{root.folder.name}: expected {report.node_id} of run {report.run_id}, "
            f"got {asked.node_id} of run {asked.run_id}",
        )
    for expected in (settings.contract_digest, report.contract_digest if report else None):
        require_contract(expected, asked.contract_digest)


def require_contract(expected: str | None, got: str) -> None:
    """`None` expects nothing. Raises Refused."""
    if expected is not None and expected != got:
        raise Refused("contract_digest_mismatch", f"expected contract {expected}, got {got}; freeze the lane again")


def _node_key(settings: HostSettings, node_id: str) -> SigningKey:
    path = settings.key_path(node_id)
    if not path.exists():
        raise Refused("not_brought_up", f"{node_id}: expected a node key on this host, got none; run `bringup` first")
    return SigningKey.load_or_create(path)


def _secret(settings: HostSettings, asked: AdmitChallenge, wire: Wire) -> bytes:
    """The token's bytes: from the host's own pipe or file, or from the coordinator's where it says so."""
    if asked.token_custody == "handed_over":  # noqa: S105 - a word of the contract
        return check_token(wire.read_secret(TokenLine).token)
    if settings.token_fd is None:
        return check_token(_from_file(settings.home / TOKEN_FILE, asked.node_id))
    with os.fdopen(settings.token_fd, "rb") as pipe:
        return check_token(pipe.read(MAX_TOKEN_BYTES).decode("ascii", errors="replace"))


def _from_file(path: Path, node_id: str) -> str:
    """Its owner put it there, for this host alone. Raises Refused."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.getuid():
            raise Refused(
                "admission_token_exposed",
                f"{node_id}: expected {path.name} to be a file that only its owner can read (0600), got "
                f"{stat.filemode(status.st_mode)} of user {status.st_uid}; chmod 600, and a new token if others saw it",
            )
        return read_regular(path, limit=MAX_TOKEN_BYTES).decode("ascii", errors="replace")
    except FileNotFoundError as error:
        raise Refused(
            "admission_token_missing",
            f"{node_id}: expected this host's own admission token, got none; with our agent export "
            f"PSIONIC_SWARM_ADMISSION_TOKEN before it starts, else put it into {path.name} beside the keys, mode 0600",
        ) from error
