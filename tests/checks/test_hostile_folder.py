"""Whatever lies in a folder from a stranger becomes a finding: never an exception, never a hang."""

import json
import os
import shutil
import socket
import stat
from pathlib import Path

import pytest

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.folder import FileRead
from console.evidence.checks.real_run import check_real_run
from console.evidence.checks.rule import run_rule
from console.evidence.checks.shared_file import shared_with
from console.evidence.checks.stored import UnreadableError, sha256_hex
from console.evidence.checks.verdict import Mismatch
from console.evidence.kept_file import open_kept
from console.evidence.models import BUNDLE_FILE
from runners.contract.canonical import readable_bytes
from runners.records.errors import UnsafePath
from tests.checks.resealing import reseal_bundle

SCORE = "receipts/score.json"
UNREADABLE = "evidence that this rule can read"


def _first(bundle: Path) -> tuple[str, str]:
    finding = check_real_run(bundle).findings[0]
    return finding.rule, finding.where


def test_an_empty_folder_has_no_bundle(tmp_path: Path) -> None:
    verdict = check_real_run(tmp_path)

    assert (verdict.consistent, verdict.signer) == (False, "missing")
    assert [finding.rule for finding in verdict.findings] == ["bundle_document_is_readable"]


def test_a_folder_that_does_not_exist_has_no_bundle(tmp_path: Path) -> None:
    assert _first(tmp_path / "nowhere")[0] == "bundle_document_is_readable"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"null\n",
        b"[]\n",
        b"{}\n",
        b'{"a": 1, "a": 2}\n',
        b'{"a": NaN}\n',
        b'{"a": 1e999}\n',
        b'{"a": 123456789012345678901234567890}\n',
        b'{"a": "\\ud800"}\n',
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b"\0" * 100,
    ],
    ids=range(13),
)
def test_a_bundle_document_that_is_no_document_is_named(bundle: Path, raw: bytes) -> None:
    (bundle / BUNDLE_FILE).write_bytes(raw)

    assert _first(bundle) == ("bundle_document_is_readable", BUNDLE_FILE)


def test_a_bundle_document_past_the_limit_is_not_parsed(bundle: Path) -> None:
    (bundle / BUNDLE_FILE).write_bytes(b" " * (17 * 1024 * 1024))

    assert _first(bundle)[0] == "bundle_document_is_readable"


def test_a_symlink_in_place_of_a_file_is_not_followed(bundle: Path) -> None:
    kept = bundle.parent / "kept.json"
    (bundle / SCORE).rename(kept)
    (bundle / SCORE).symlink_to(kept)

    assert _first(bundle) == ("only_plain_files", SCORE)


def test_a_symlink_in_place_of_a_folder_is_not_followed(bundle: Path) -> None:
    kept = bundle.parent / "kept"
    (bundle / "receipts").rename(kept)
    (bundle / "receipts").symlink_to(kept, target_is_directory=True)

    assert _first(bundle) == ("only_plain_files", "receipts")


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_hard_link_is_a_file_that_somebody_else_can_change(bundle: Path, mode: int) -> None:
    os.link(bundle / SCORE, bundle.parent / "second.json")
    (bundle / SCORE).chmod(mode)

    assert _first(bundle) == ("only_plain_files", SCORE)
    with pytest.raises(UnsafePath, match=r"2 links, and .* may write it"):
        open_kept(bundle / SCORE)


def test_hard_links_of_files_that_only_their_owner_writes_are_as_good_as_files(bundle: Path, tmp_path: Path) -> None:
    """As uv, Nix and `cp -al` install: this is how the shipped runs may lie on a disk."""
    linked = tmp_path / "linked"
    shutil.copytree(bundle, linked, copy_function=os.link)

    assert check_real_run(linked) == check_real_run(bundle)
    os.close(open_kept(linked / SCORE))


OURS, ROOT, OTHER = 1000, 0, 1001


@pytest.mark.parametrize(
    ("links", "owner", "mode", "why"),
    [
        (1, OTHER, 0o666, ""),  # nobody has another way to it than we
        (2, OURS, 0o644, ""),
        (2, ROOT, 0o444, ""),
        (3, OURS, 0o664, "3 links, and its group may write it"),
        (2, ROOT, 0o646, "2 links, and everybody may write it"),
        (2, OTHER, 0o400, "2 links, and user 1001 owns it"),
    ],
)
def test_a_second_name_matters_where_somebody_else_may_write(
    links: int, owner: int, mode: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: OURS)
    found = os.stat_result((stat.S_IFREG | mode, 1, 1, links, owner, 0, 0, 0, 0, 0))

    assert shared_with(found) == why


def test_a_fifo_does_not_hang_the_check(bundle: Path) -> None:
    (bundle / SCORE).unlink()
    os.mkfifo(bundle / SCORE)

    assert _first(bundle) == ("only_plain_files", SCORE)


def test_a_socket_is_no_evidence(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundle)  # a socket's path may have 107 bytes only
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert _first(bundle) == ("only_plain_files", "s")


def test_a_claim_of_ten_gigabytes_costs_nothing(bundle: Path) -> None:
    reseal_bundle(bundle, lambda body: body["files"][-1].update(size_bytes=10 * 1024**3))

    assert _first(bundle)[0] == "listed_bytes_are_there"


def test_a_sparse_file_of_ten_gigabytes_is_not_read(bundle: Path) -> None:
    with (bundle / SCORE).open("ab") as file:
        file.truncate(10 * 1024**3)

    assert _first(bundle) == ("only_plain_files", SCORE)


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a//b", "receipts/../audit.md", "./audit.md", "a\0b"])
def test_a_path_that_leads_out_of_the_bundle_is_never_opened(bundle: Path, path: str) -> None:
    reseal_bundle(bundle, lambda body: body["files"][0].update(path=path))
    finding = check_real_run(bundle).findings[0]

    assert (finding.rule, finding.where) == ("bundle_document_is_readable", f"{BUNDLE_FILE}.files[0].path")


def test_a_file_name_that_is_no_text_is_shown_without_its_bytes(bundle: Path) -> None:
    try:
        (Path(os.fsdecode(os.fsencode(bundle) + b"/\xff\x1b[31m"))).write_bytes(b"x")
    except OSError as error:  # EILSEQ
        pytest.skip(f"this file system takes only text as a name: {error.strerror}")
    findings = check_real_run(bundle).findings

    assert [finding.rule for finding in findings] == ["nothing_unlisted"]
    assert findings[0].where.isprintable()


@pytest.mark.parametrize("name", [".DS_Store", "receipts/.DS_Store", "._audit.md"])
def test_what_macos_leaves_in_a_folder_is_refused_with_what_to_do_about_it(bundle: Path, name: str) -> None:
    """Finder was only asked to show the folder: whoever did that isn't told that somebody lied."""
    (bundle / name).write_bytes(b"\0\0\0\1Bud1")
    (finding,) = check_real_run(bundle).findings

    assert (finding.rule, finding.where) == ("nothing_unlisted", name)
    assert finding.got.endswith("macOS leaves such files: remove it, and check again")
    (bundle / name).unlink()
    assert check_real_run(bundle).findings == ()


def test_folders_nested_past_the_layout_are_not_walked(bundle: Path) -> None:
    (bundle / "/".join("abcdefghij")).mkdir(parents=True)

    assert _first(bundle)[0] == "only_plain_files"


def test_files_past_every_limit_end_in_one_finding_of_each_kind(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.evidence.checks.folder.MAX_ENTRIES", 400)
    for number in range(500):
        (bundle / f"x{number}").touch()
    findings = check_real_run(bundle).findings

    assert {finding.rule for finding in findings} >= {"only_plain_files", "nothing_unlisted"}
    assert len(findings) < 200


def test_a_file_that_may_not_be_read_is_named(bundle: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (bundle / SCORE).chmod(0)

    assert _first(bundle) == ("listed_bytes_are_there", SCORE)


@pytest.mark.parametrize(
    "header",
    [
        b"\xff" * 8,
        b"\x02\0\0\0\0\0\0\0{}",
        b"\x05\0\0\0\0\0\0\0[1,2]",
        b'\x24\0\0\0\0\0\0\0{"a":{"dtype":[],"shape":1,"data_o":0}}'[:44],
        b"",
    ],
    ids=range(5),
)
def test_an_adapter_with_a_hostile_header_is_named(bundle: Path, header: bytes) -> None:
    path = "retained_artifacts/merged/adapter_model.safetensors"
    (bundle / path).write_bytes(header)
    reseal_bundle(bundle)

    assert _first(bundle) == ("documents_have_their_form", path)


def test_an_adapter_with_a_nan_is_named(bundle: Path) -> None:
    path = "retained_artifacts/merged/adapter_model.safetensors"
    data = (bundle / path).read_bytes()
    (bundle / path).write_bytes(data[:-4] + b"\0\0\xc0\x7f")
    reseal_bundle(bundle)

    assert _first(bundle) == ("documents_have_their_form", path)


@pytest.mark.parametrize("value", [None, [None], {"a": 1}, -1, "\x1b[31m"], ids=range(5))
def test_a_field_of_another_type_is_refused_before_any_rule_relies_on_it(bundle: Path, value: object) -> None:
    """In every document the first list or object, or else its first field; the net under the rules stays empty."""
    for path in sorted(bundle.rglob("*.json")):
        before = path.read_bytes()
        body = json.loads(before)
        names = [name for name in body if name not in ("digest", "schema_version")]
        name = next((name for name in names if isinstance(body[name], list | dict)), names[0])
        path.write_bytes(readable_bytes({**body, name: value}))
        findings = check_real_run(bundle).findings
        path.write_bytes(before)

        assert findings
        assert not [finding for finding in findings if finding.expected == UNREADABLE]


def test_training_states_do_not_stay_in_memory_and_one_that_changes_between_two_readings_is_named(bundle: Path) -> None:
    """A long run keeps hundreds of them: read one at a time, and each is still the one whose digest was taken."""
    evidence = Evidence(bundle)
    state = min(evidence.states)
    read = evidence.folder.read(state)
    assert isinstance(read, FileRead)
    assert (read.head, read.size, read.sha256) == (b"", *_of((bundle / state).read_bytes()))
    assert evidence.content(state) == (bundle / state).read_bytes()
    (bundle / state).write_bytes((bundle / state).read_bytes()[:-1] + b"\x01")
    with pytest.raises(UnreadableError, match="another one at the second reading"):
        evidence.content(state)


def _of(raw: bytes) -> tuple[int, str]:
    return len(raw), sha256_hex(raw)


def test_a_rule_that_trips_refuses_the_bundle(true_bundle: Path) -> None:
    def trips(_: Evidence):  # type: ignore[no-untyped-def]
        yield Mismatch("a", "b", "c")
        raise KeyError("x")

    findings = run_rule(trips, Evidence(true_bundle), "bundle")

    assert [(finding.rule, finding.where) for finding in findings] == [("trips", "a"), ("trips", "bundle")]
