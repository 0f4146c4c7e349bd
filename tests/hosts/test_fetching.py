import os
from collections.abc import Callable
from pathlib import Path

import pytest

from console.hosts import fetching
from console.hosts.errors import ArtifactDigestMismatch, FetchRefused, FileAbsent
from console.hosts.host import Host
from runners.contract.canonical import sha256_hex
from runners.contract.plan import FileRef
from runners.records.durable import write_all

pytestmark = pytest.mark.ssh

BODY = bytes(range(256)) * 3000  # three chunks
NAME = "outbox/r0/adapter_model.safetensors"
LIMIT = 1 << 20


def ref(data: bytes) -> FileRef:
    return FileRef(name="adapter_model.safetensors", size_bytes=len(data), sha256=sha256_hex(data))


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def source(run_root: Path) -> Path:
    """The file on the host, fresh for each test."""
    path = run_root / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(BODY)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "fetched").mkdir()
    return tmp_path / "fetched" / "adapter_model.safetensors"


async def test_a_journaled_file_is_copied_whole(host: Host, source: Path, target: Path) -> None:
    assert await host.fetch(NAME, ref(BODY), target, limit=LIMIT) == target
    assert target.read_bytes() == BODY
    assert names_in(target.parent) == [target.name]


@pytest.mark.parametrize(
    ("there", "kept"),
    [(BODY[:-1], BODY[:-1]), (b"", b""), (BODY + b"xyz", BODY + b"x"), (b"!" + BODY[1:], b"!" + BODY[1:])],
    ids=["short", "empty", "long", "other_bytes"],
)
async def test_other_bytes_than_the_journaled_ones_are_kept_apart(
    host: Host, source: Path, target: Path, there: bytes, kept: bytes
) -> None:
    source.write_bytes(there)
    with pytest.raises(ArtifactDigestMismatch) as caught:
        await host.fetch(NAME, ref(BODY), target, limit=LIMIT)
    assert caught.value.received.read_bytes() == kept
    assert caught.value.got_bytes == len(kept)
    assert caught.value.got_sha256 == sha256_hex(kept)
    assert not target.exists()


def grow(source: Path) -> None:
    with source.open("ab") as file:
        file.write(b"more")


def shrink(source: Path) -> None:
    os.truncate(source, 300_000)


def change(source: Path) -> None:
    with source.open("r+b") as file:
        file.seek(600_000)
        file.write(b"changed")


@pytest.mark.parametrize("act", [grow, shrink, change])
async def test_a_file_that_changes_while_it_is_read_is_a_mismatch(
    host: Host, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None]
) -> None:
    pending = [act]

    def write_then_change(fd: int, data: bytes) -> None:
        write_all(fd, data)
        if pending:
            pending.pop()(source)

    monkeypatch.setattr(fetching, "write_all", write_then_change)
    with pytest.raises(ArtifactDigestMismatch):
        await host.fetch(NAME, ref(BODY), target, limit=LIMIT)
    assert not target.exists()


async def test_a_file_swapped_by_name_while_it_is_read_stays_the_one_that_was_opened(
    host: Host, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def write_then_swap(fd: int, data: bytes) -> None:
        write_all(fd, data)
        source.unlink(missing_ok=True)

    monkeypatch.setattr(fetching, "write_all", write_then_swap)
    await host.fetch(NAME, ref(BODY), target, limit=LIMIT)
    assert target.read_bytes() == BODY


async def test_a_symlink_in_place_of_the_file_is_refused(host: Host, source: Path, target: Path) -> None:
    moved = source.with_name("moved")
    source.rename(moved)
    source.symlink_to(moved)
    with pytest.raises(FetchRefused):
        await host.fetch(NAME, ref(BODY), target, limit=LIMIT)
    moved.unlink()
    assert names_in(target.parent) == []


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a//b", "a\0b", "x" * 300, ".hidden", "", "a/../b", "ｘ"])
async def test_an_unsafe_name_is_refused_before_the_host_hears_it(host: Host, name: str, target: Path) -> None:
    with pytest.raises(FetchRefused):
        await host.read_at(name, 0, 10)
    with pytest.raises(FetchRefused):
        await host.fetch(name, ref(BODY), target, limit=LIMIT)


async def test_an_announced_size_past_the_limit_is_refused_before_any_read(
    host: Host, source: Path, target: Path
) -> None:
    with pytest.raises(FetchRefused, match="expected at most 1000 bytes"):
        await host.fetch(NAME, ref(BODY), target, limit=1000)
    assert names_in(target.parent) == []


async def test_a_file_that_is_not_there_yet_is_told_as_absent(host: Host, target: Path) -> None:
    with pytest.raises(FileAbsent):
        await host.fetch("outbox/r9/x", ref(BODY), target, limit=LIMIT)


async def test_bytes_are_read_at_an_offset_and_fewer_only_at_the_end(host: Host, source: Path) -> None:
    assert await host.read_at(NAME, 1000, 10) == BODY[1000:1010]
    assert await host.read_at(NAME, 0, LIMIT) == BODY
    assert await host.read_at(NAME, len(BODY) - 3, 10) == BODY[-3:]
    assert await host.read_at(NAME, len(BODY), 10) == b""


async def test_a_full_disk_here_is_not_taken_for_a_lost_link(
    host: Host, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(fd: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetching, "write_all", disk_full)  # a full disk can't be had here
    with pytest.raises(OSError, match="No space left"):
        await host.fetch(NAME, ref(BODY), target, limit=LIMIT)
    assert names_in(target.parent) == []
