"""`receive`: exactly what was announced, or nothing."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from runners.contract.plan import FileRef
from runners.contract.requests import ReceiveRequest
from runners.process.errors import Refused
from runners.process.receive import check_size
from tests.process.inputs import NODE, RUN, shipment, tar_of
from tests.process.node import Node

FILES = {"a.bin": b"first" * 100, "b.bin": b"second"}


def ref(name: str, data: bytes) -> FileRef:
    return FileRef(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def request(archive: bytes, files: dict[str, bytes] = FILES) -> ReceiveRequest:
    members = tuple(ref(name, data) for name, data in files.items())
    return ReceiveRequest(run_id=RUN, node_id=NODE, archive=ref("inputs.tar", archive), members=members)


def with_entry(name: str, kind: bytes, link: str = "") -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:") as tar:
        for good, data in FILES.items():
            info = tarfile.TarInfo(good)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        odd = tarfile.TarInfo(name)
        odd.type, odd.linkname = kind, link
        tar.addfile(odd)
    return sink.getvalue()


def left_behind(node: Node) -> list[str]:
    return sorted(path.name for path in node.root.received.iterdir())


def test_an_archive_arrives_whole_under_its_digest(node: Node) -> None:
    sent = shipment(node.lane)
    code, lines = node.ask("receive", sent.request(), tail=sent.archive)
    assert (code, lines[-1]["reused"]) == (0, False)
    assert lines[-1]["free_bytes"] > 0
    folder = node.root.archive(sent.sha256)
    assert {path.name for path in folder.iterdir()} == {member.name for member in sent.members}
    assert (folder / "assignment.json").read_bytes() == sent.assignment.to_bytes()
    assert left_behind(node) == [sent.sha256]


def test_an_archive_that_is_here_is_reused_and_its_bytes_need_not_be_sent(node: Node) -> None:
    archive = tar_of(FILES)
    node.ask_here("receive", request(archive), tail=archive)
    assert node.ask_here("receive", request(archive), tail=archive)[1]["reused"] is True
    assert node.ask_here("receive", request(archive))[1]["reused"] is True


def test_a_copy_that_was_changed_on_disk_is_replaced(node: Node) -> None:
    archive = tar_of(FILES)
    node.ask_here("receive", request(archive), tail=archive)
    changed = node.root.archive(hashlib.sha256(archive).hexdigest()) / "b.bin"
    changed.write_bytes(b"Second")
    code, line = node.ask_here("receive", request(archive), tail=archive)
    assert (code, line["reused"]) == (0, False)
    assert changed.read_bytes() == b"second"


GOOD = tar_of(FILES)
HOSTILE: dict[str, tuple[ReceiveRequest, bytes, str]] = {
    "parent_path": (request(bad := with_entry("../x", tarfile.REGTYPE)), bad, "archive_member_refused"),
    "absolute_path": (request(bad := with_entry("/tmp/x", tarfile.REGTYPE)), bad, "archive_member_refused"),
    "symlink": (request(bad := with_entry("c.bin", tarfile.SYMTYPE, "/etc/passwd")), bad, "archive_member_refused"),
    "hardlink": (request(bad := with_entry("c.bin", tarfile.LNKTYPE, "a.bin")), bad, "archive_member_refused"),
    "device": (request(bad := with_entry("c.bin", tarfile.CHRTYPE)), bad, "archive_member_refused"),
    "fifo": (request(bad := with_entry("c.bin", tarfile.FIFOTYPE)), bad, "archive_member_refused"),
    "folder": (request(bad := with_entry("c", tarfile.DIRTYPE)), bad, "archive_member_refused"),
    "extra_member": (request(bad := with_entry("c.bin", tarfile.REGTYPE)), bad, "archive_member_refused"),
    "second_copy": (request(bad := with_entry("a.bin", tarfile.REGTYPE)), bad, "archive_member_refused"),
    "missing_member": (request(bad := tar_of({"a.bin": FILES["a.bin"]})), bad, "archive_member_missing"),
    "other_bytes": (request(bad := tar_of({**FILES, "b.bin": b"sEcond"})), bad, "archive_member_mismatch"),
    "other_size": (request(bad := tar_of({**FILES, "b.bin": b"seconds"})), bad, "archive_member_mismatch"),
    "no_tar": (request(bad := b"x" * 10240), bad, "archive_malformed"),
    "hidden_tail": (request(bad := GOOD + b"hidden" * 100), bad, "archive_malformed"),
    "short": (request(GOOD), GOOD[:-1], "archive_short"),
    "long": (request(GOOD), GOOD + b"x", "archive_long"),
    "another_archive": (request(GOOD), GOOD.replace(b"second", b"Second"), "archive_digest_mismatch"),
    "no_members": (request(GOOD, {}), GOOD, "archive_malformed"),
}


@pytest.mark.parametrize(("asked", "sent", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    node: Node, asked: ReceiveRequest, sent: bytes, reason: str
) -> None:
    code, line = node.ask_here("receive", asked, tail=sent)
    assert (code, line["refused"]) == (1, reason)
    assert left_behind(node) == []
    assert not (node.folder / "x").exists()


def test_an_archive_larger_than_the_free_disk_is_refused_before_a_byte_is_read() -> None:
    with pytest.raises(Refused, match="free bytes") as caught:
        check_size(request(GOOD), free_bytes=1000)
    assert caught.value.reason == "disk_full"


def test_a_link_in_place_of_a_received_file_is_not_reused(node: Node, tmp_path: Path) -> None:
    node.ask_here("receive", request(GOOD), tail=GOOD)
    member = node.root.archive(hashlib.sha256(GOOD).hexdigest()) / "b.bin"
    member.rename(tmp_path / "b.bin")
    member.symlink_to(tmp_path / "b.bin")
    assert node.ask_here("receive", request(GOOD), tail=GOOD)[1]["reused"] is False
    assert not member.is_symlink()


def test_a_stranger_beside_the_received_files_is_not_kept(node: Node) -> None:
    node.ask_here("receive", request(GOOD), tail=GOOD)
    folder = node.root.archive(hashlib.sha256(GOOD).hexdigest())
    (folder / "c.bin").write_bytes(b"")
    assert node.ask_here("receive", request(GOOD), tail=GOOD)[1]["reused"] is False
    assert {path.name for path in folder.iterdir()} == set(FILES)
