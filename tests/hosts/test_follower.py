import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.hosts import mirror
from console.hosts.follower import JournalFollower
from console.hosts.host import Host
from console.hosts.local_host import LocalHost
from runners.contract.errors import BadSignature, BrokenChain, ContractError, MalformedBytes
from runners.contract.journal import Writer
from runners.contract.node_records import Log
from runners.records.journal_file import JournalFile
from runners.records.keys import SigningKey
from runners.records.verb_process import VerbEnvironment
from tests.agent.rig import AgentRig
from tests.hosts.conftest import connected
from tests.patience import PATIENCE_S

KEY = SigningKey.generate()
WRITER = Writer(run_id="run-1", node_id="linux", role="contributor", revision=0, epoch=0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def here(root: Path) -> Host:
    return LocalHost("linux", VerbEnvironment(root / "home", root, root / "model", "mlx"))


@contextmanager
def writing(root: Path, *, writer: Writer = WRITER, key: SigningKey = KEY) -> Iterator[Callable[[str], bytes]]:
    """A function that appends one record and gives its line."""
    journal = JournalFile(root / WRITER.file_name, writer, key)
    try:
        yield lambda text: journal.append("log", Log(level="info", text=text)).raw + b"\n"
    finally:
        journal.close()


@contextmanager
def following(host: Host, root: Path) -> Iterator[JournalFollower]:
    follower = JournalFollower(host, WRITER, KEY.public_hex, mirror_of(root))
    try:
        yield follower
    finally:
        follower.close()


def mirror_of(root: Path) -> Path:
    return root.parent / WRITER.file_name


def journal_of(root: Path) -> Path:
    return root / WRITER.file_name


async def texts(follower: JournalFollower) -> list[str]:
    return [line.record.body["text"] for line in await follower.poll()]


async def test_lines_are_told_once_in_order_and_lie_in_the_mirror(here: Host, root: Path) -> None:
    with writing(root) as write, following(here, root) as follower:
        assert await follower.poll() == []
        first = write("one") + write("two")
        assert await texts(follower) == ["one", "two"]
        assert mirror_of(root).read_bytes() == first
        assert await texts(follower) == []
        third = write("three")
        assert await texts(follower) == ["three"]
        assert mirror_of(root).read_bytes() == first + third
        assert follower.head.offset == len(first + third)


async def test_a_journal_that_is_not_there_yet_tells_nothing(here: Host, root: Path) -> None:
    with following(here, root) as follower:
        assert await follower.poll() == []


async def test_many_lines_are_told_over_several_polls(here: Host, root: Path) -> None:
    with writing(root) as write, following(here, root) as follower:
        size = sum(len(write("x" * 3900)) for _ in range(300))
        assert size > 1_200_000
        first = await follower.poll()
        told = first + [line for _ in range(4) for line in await follower.poll()]
        assert len(first) < 300
        assert [line.record.seq for line in told] == list(range(300))
        assert mirror_of(root).read_bytes() == journal_of(root).read_bytes()


async def test_a_line_still_being_written_is_told_when_it_is_whole(here: Host, root: Path) -> None:
    with writing(root) as write:
        whole = write("one") + write("two")
    journal_of(root).write_bytes(whole[:-20])
    with following(here, root) as follower:
        assert await texts(follower) == ["one"]
        journal_of(root).write_bytes(whole[:-1])
        assert await texts(follower) == []
        journal_of(root).write_bytes(whole)
        assert await texts(follower) == ["two"]


async def test_a_torn_tail_that_its_writer_cuts_leaves_nothing_behind(here: Host, root: Path) -> None:
    with writing(root) as write:
        write("one")
    with journal_of(root).open("ab") as file:
        file.write(b'{"torn":')
    with following(here, root) as follower:
        assert await texts(follower) == ["one"]
        with writing(root) as write:
            write("two")
        assert await texts(follower) == ["two"]


async def test_a_restart_goes_on_from_the_mirror_with_nothing_lost_or_doubled(here: Host, root: Path) -> None:
    with writing(root) as write:
        write("one")
        with following(here, root) as follower:
            assert await texts(follower) == ["one"]
        write("two")
        with following(here, root) as follower:
            assert [line.record.body["text"] for line in follower.restored] == ["one"]
            assert await texts(follower) == ["two"]


async def test_a_mirror_torn_by_a_crash_is_cut_and_read_again(here: Host, root: Path) -> None:
    with writing(root) as write:
        one, two = write("one"), write("two")
    mirror_of(root).write_bytes(one + two[:30])
    with following(here, root) as follower:
        assert len(follower.restored) == 1
        assert await texts(follower) == ["two"]
    assert mirror_of(root).read_bytes() == one + two


async def test_a_changed_byte_in_the_mirror_is_found_at_the_start(here: Host, root: Path) -> None:
    with writing(root) as write:
        write("one")
    with following(here, root) as follower:
        await follower.poll()
    mirror_of(root).write_bytes(mirror_of(root).read_bytes().replace(b'"one"', b'"two"'))
    with pytest.raises(BadSignature), following(here, root):
        pass


async def broken(follower: JournalFollower, kind: type[ContractError], match: str | None = None) -> None:
    """It stays broken, for good."""
    for _ in range(2):
        with pytest.raises(kind, match=match):
            await follower.poll()


async def test_a_truncated_journal_is_a_broken_chain_and_the_mirror_keeps_it_all(here: Host, root: Path) -> None:
    with writing(root) as write, following(here, root) as follower:
        whole = write("one") + write("two")
        await follower.poll()
        os.truncate(journal_of(root), len(whole) - 5)
        await broken(follower, BrokenChain, "stay as it was, got a shorter file")
        assert follower.head.offset == len(whole)
        assert mirror_of(root).read_bytes() == whole


async def test_a_journal_that_vanishes_is_a_broken_chain(here: Host, root: Path) -> None:
    with writing(root) as write, following(here, root) as follower:
        write("one")
        await follower.poll()
        journal_of(root).unlink()
        await broken(follower, BrokenChain, "got a shorter file")


async def test_a_rewritten_tail_is_a_broken_chain(here: Host, root: Path) -> None:
    with writing(root) as write:
        one, _ = write("one"), write("two")
    with following(here, root) as follower:
        await follower.poll()
        journal_of(root).write_bytes(one)
        with writing(root) as write:
            write("2wo")
        await broken(follower, BrokenChain, "got other bytes")


async def test_a_fork_from_an_earlier_line_is_a_broken_chain(here: Host, root: Path) -> None:
    with writing(root) as write:
        one, two = write("one"), write("two")
    journal_of(root).write_bytes(one)
    with writing(root) as write:
        write("other")
        after_fork = write("three")
    journal_of(root).write_bytes(one + two)
    with following(here, root) as follower:
        await follower.poll()
        journal_of(root).write_bytes(one + two + after_fork)
        await broken(follower, BrokenChain, r"seq 2|expected prev")


def swapped(lines: list[bytes]) -> bytes:
    return b"".join([lines[0], lines[2], lines[1]])


def skipped(lines: list[bytes]) -> bytes:
    return b"".join([lines[0], lines[2]])


def doubled(lines: list[bytes]) -> bytes:
    return b"".join([lines[0], lines[1], lines[1]])


def crlf(lines: list[bytes]) -> bytes:
    return lines[0] + lines[1][:-1] + b"\r\n"


def respelled(lines: list[bytes]) -> bytes:
    return lines[0] + lines[1].replace(b'"seq":1', b'"seq": 1')


def nul(lines: list[bytes]) -> bytes:
    return lines[0] + b"\0" * 100 + b"\n"


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (swapped, BrokenChain),
        (skipped, BrokenChain),
        (doubled, BrokenChain),
        (crlf, MalformedBytes),
        (respelled, MalformedBytes),
        (nul, MalformedBytes),
    ],
)
async def test_good_lines_before_a_bad_one_are_told_and_mirrored_first(
    here: Host, root: Path, damage: Callable[[list[bytes]], bytes], kind: type[ContractError]
) -> None:
    with writing(root) as write:
        lines = [write("one"), write("two"), write("three")]
    journal_of(root).write_bytes(damage(lines))
    with following(here, root) as follower:
        told = await texts(follower)
        assert told[0] == "one"
        await broken(follower, kind)
        assert mirror_of(root).read_bytes() == b"".join(lines[: len(told)])


async def test_the_right_chain_with_another_key_is_refused(here: Host, root: Path) -> None:
    with writing(root, key=SigningKey.generate()) as write:
        write("one")
    with following(here, root) as follower:
        await broken(follower, BadSignature)
    assert mirror_of(root).read_bytes() == b""


async def test_a_record_of_another_run_is_refused(here: Host, root: Path) -> None:
    with writing(root, writer=WRITER.model_copy(update={"run_id": "run-2"})) as write:
        write("one")
    with following(here, root) as follower:
        await broken(follower, BrokenChain, "run-2")


async def test_ten_megabytes_without_a_newline_are_refused_after_the_first_read(here: Host, root: Path) -> None:
    journal_of(root).write_bytes(b"x" * 10_000_000)
    with following(here, root) as follower:
        await broken(follower, MalformedBytes, "a line of at most 65536 bytes, got 262144 without a newline")


async def test_a_full_disk_here_loses_no_line(here: Host, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(root) as write:
        write("one")
    with following(here, root) as follower:
        with monkeypatch.context() as patch:

            def half_then_full(fd: int, data: bytes) -> None:
                os.write(fd, data[:20])
                raise OSError(errno.ENOSPC, "No space left on device")

            patch.setattr(mirror, "write_all", half_then_full)  # a full disk can't be had here
            with pytest.raises(OSError, match="No space left"):
                await follower.poll()
            assert mirror_of(root).read_bytes() == b""
        assert await texts(follower) == ["one"]


async def test_lines_are_followed_as_they_come(here: Host, root: Path) -> None:
    with writing(root) as write, following(here, root) as follower:
        lines = follower.follow(every_s=0.01)
        write("one")
        assert (await anext(lines)).record.body["text"] == "one"
        later = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        write("two")
        assert (await later).record.body["text"] == "two"
        await lines.aclose()


@pytest.mark.ssh
async def test_a_follower_over_ssh_waits_out_a_lost_link_and_misses_nothing(own_agent: AgentRig) -> None:
    root = own_agent.run_root
    async with connected(own_agent) as host:
        with writing(root) as write, following(host, root) as follower:
            write("one")
            assert await texts(follower) == ["one"]
            own_agent.kill()
            write("two")
            assert await texts(follower) == []
            own_agent.start()
            async with asyncio.timeout(PATIENCE_S):
                while not (told := await texts(follower)):
                    await asyncio.sleep(0.02)
            assert told == ["two"]
            assert mirror_of(root).read_bytes() == journal_of(root).read_bytes()
