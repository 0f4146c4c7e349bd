"""The operator's signature: made by the producer, verified by OpenSSH itself and by the checker's own parser."""

import shutil
import subprocess
from pathlib import Path

import asyncssh
import pytest

from console.evidence.checks.allowed_signers import read_allowed_signers
from console.evidence.checks.real_run import check_real_run
from console.evidence.checks.sshsig import read_sshsig
from console.evidence.checks.stored import UnreadableError
from console.evidence.errors import UnfitOperatorKey
from console.evidence.models import BUNDLE_FILE, SIGNATURE_FILE
from console.evidence.sshsig import allowed_signer, sign_bundle
from tests.checks.resealing import operator_key_file

KEYGEN = shutil.which("ssh-keygen")
needs_keygen = pytest.mark.skipif(KEYGEN is None, reason="OpenSSH's ssh-keygen is not installed")


def _allow(bundle: Path, line: str) -> Path:
    path = bundle.parent / "allowed_signers"
    path.write_text(line)
    return path


def _signer(bundle: Path, line: str) -> str:
    return check_real_run(bundle, allowed_signers=_allow(bundle, line)).signer


def _line(bundle: Path) -> str:
    return allowed_signer("operator@example.org", operator_key_file(bundle.parent))


@needs_keygen
def test_ssh_keygen_verifies_the_signature_over_a_bundle(bundle: Path) -> None:
    allowed = _allow(bundle, _line(bundle))
    command = [str(KEYGEN), "-Y", "verify", "-f", str(allowed), "-I", "operator@example.org", "-n", "swarm-run-bundle"]
    verified = subprocess.run(
        [*command, "-s", str(bundle / SIGNATURE_FILE)], input=(bundle / BUNDLE_FILE).read_bytes(), check=False,
        capture_output=True,
    )  # fmt: skip

    assert verified.returncode == 0, verified.stderr


@needs_keygen
def test_a_signature_made_by_ssh_keygen_is_the_same_to_the_checker(bundle: Path) -> None:
    key = operator_key_file(bundle.parent)
    (bundle / SIGNATURE_FILE).unlink()
    command = [str(KEYGEN), "-q", "-Y", "sign", "-f", str(key), "-n", "swarm-run-bundle", str(bundle / BUNDLE_FILE)]
    subprocess.run(command, check=True, capture_output=True)
    (bundle / f"{BUNDLE_FILE}.sig").rename(bundle / SIGNATURE_FILE)

    assert check_real_run(bundle).consistent


def test_an_allowed_signer_is_trusted(bundle: Path) -> None:
    assert _signer(bundle, f"# operators\n\n{_line(bundle)}") == "trusted"


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace("swarm-run-bundle", "git"),
        lambda line: line.replace('namespaces="swarm-run-bundle"', "cert-authority"),
        lambda line: line.replace('namespaces="', 'valid-before="20200101",namespaces="'),
        lambda line: line.replace("swarm-run-bundle", "!swarm-run-bundle,*"),
        lambda line: "",
        lambda line: "x y",
        lambda line: line.replace("AAAA", "!!!!"),
    ],
    ids=["namespace", "authority", "time_limit", "negated", "empty", "malformed", "no_base64"],
)
def test_a_signer_that_the_file_does_not_allow_for_bundles_is_unknown(bundle: Path, change) -> None:  # type: ignore[no-untyped-def]
    assert _signer(bundle, change(_line(bundle))) == "unknown"


def test_a_signer_without_a_namespace_limit_is_trusted(bundle: Path) -> None:
    assert _signer(bundle, _line(bundle).replace('namespaces="swarm-run-bundle" ', "")) == "trusted"


def test_another_key_in_the_file_is_unknown(bundle: Path) -> None:
    other = bundle.parent / "other.pem"
    other.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())

    assert _signer(bundle, allowed_signer("operator@example.org", other)) == "unknown"


def test_quoted_options_with_spaces_are_one_field() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode().strip()
    (signer,) = read_allowed_signers(f'a@b,"c d" namespaces="one,two" {key} a comment\n'.encode())

    assert signer.namespaces == ("one", "two")


def test_a_signature_by_another_key_is_bad(bundle: Path) -> None:
    other = bundle.parent / "other.pem"
    other.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    (bundle / SIGNATURE_FILE).write_bytes(sign_bundle((bundle / BUNDLE_FILE).read_bytes(), other))
    verdict = check_real_run(bundle)

    assert verdict.signer == "bad"
    assert verdict.findings[0].rule == "bundle_is_signed"


def test_a_signature_for_another_purpose_is_bad(bundle: Path) -> None:
    key = asyncssh.read_private_key(operator_key_file(bundle.parent))
    raw = asyncssh.create_sshsig(key, (bundle / BUNDLE_FILE).read_bytes(), namespace="git", raw=True)
    from console.evidence.checks.sshsig import armor

    (bundle / SIGNATURE_FILE).write_bytes(armor(raw))
    verdict = check_real_run(bundle)

    assert verdict.signer == "bad"
    assert "namespace" in verdict.findings[0].where


def test_a_signature_over_other_bytes_is_bad(bundle: Path) -> None:
    key = operator_key_file(bundle.parent)
    (bundle / SIGNATURE_FILE).write_bytes(sign_bundle(b"something else", key))

    assert check_real_run(bundle).signer == "bad"


@pytest.mark.parametrize("cut", [0, 1, 30, 100, -1])
def test_a_torn_signature_is_named(true_bundle: Path, cut: int) -> None:
    raw = (true_bundle / SIGNATURE_FILE).read_bytes()

    with pytest.raises(UnreadableError):
        read_sshsig(raw[:cut])


def test_a_key_that_is_not_ed25519_cannot_sign(tmp_path: Path) -> None:
    path = tmp_path / "ecdsa.pem"
    path.write_bytes(asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_private_key())

    with pytest.raises(UnfitOperatorKey, match="ssh-ed25519"):
        sign_bundle(b"x", path)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnfitOperatorKey, match="nokey"):
        sign_bundle(b"x", tmp_path / "nokey.pem")
