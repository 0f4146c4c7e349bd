import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncssh
import pytest

from tests.agent.rig import AgentRig, running
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.ssh


@pytest.fixture(scope="module", autouse=True)
def planted(agent: AgentRig) -> None:
    """A run root with everything in it that a peer must not get at."""
    root, outside = agent.run_root, agent.folder / "outside"
    (root / "outbox").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (root / "journal.jsonl").write_bytes(b"0123456789")
    (root / "outbox" / "adapter.safetensors").write_bytes(bytes(range(256)) * 4096)
    (root / "link").symlink_to(outside / "secret")
    (root / "inner-link").symlink_to("journal.jsonl")
    (root / "folder-link").symlink_to(outside)
    (root / "twice").write_bytes(b"twice")
    os.link(root / "twice", outside / "twice")
    (root / ".hidden").write_bytes(b"hidden")
    os.mkfifo(root / "fifo")


async def content(file: asyncssh.SFTPClientFile, size: int = -1, offset: int | None = None) -> bytes:
    data: bytes = await file.read(size, offset)
    return data


async def test_a_file_in_the_run_root_is_read_at_any_offset(agent: AgentRig) -> None:
    whole = bytes(range(256)) * 4096
    async with agent.connect() as connection, connection.start_sftp_client() as sftp:
        async with sftp.open("outbox/adapter.safetensors", "rb") as file:
            assert await content(file) == whole
            assert await content(file, 10, 1000) == whole[1000:1010]
            assert await content(file, 10, len(whole)) == b""
        assert (await sftp.stat("journal.jsonl")).size == 10


@pytest.mark.parametrize(
    "name",
    [
        "link",
        "inner-link",
        "folder-link/secret",
        "../outside/secret",
        "outbox/../../outside/secret",
        "outbox/../journal.jsonl",
        "/etc/passwd",
        "/journal.jsonl",
        "./journal.jsonl",
        "outbox//adapter.safetensors",
        "twice",
        ".hidden",
        "fifo",
        "outbox",
        "journal.jsonl/x",
        "x\0y",
        "x" * 300,
        "a/" * 20 + "x",
        "ｊournal.jsonl",
        "",
    ],
)
async def test_anything_but_a_plain_file_by_its_plain_name_is_refused(agent: AgentRig, name: str) -> None:
    async with agent.connect() as connection, connection.start_sftp_client() as sftp, asyncio.timeout(PATIENCE_S):
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await sftp.open(name, "rb")
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await sftp.stat(name)


async def test_a_file_that_is_not_there_is_told_as_absent(agent: AgentRig) -> None:
    async with agent.connect() as connection, connection.start_sftp_client() as sftp:
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await sftp.open("outbox/later.json", "rb")


Act = Callable[[asyncssh.SFTPClient], Awaitable[object]]
ACTS: dict[str, Act] = {
    "write": lambda sftp: sftp.open("new", "wb"),
    "append": lambda sftp: sftp.open("journal.jsonl", "ab"),
    "update": lambda sftp: sftp.open("journal.jsonl", "r+b"),
    "create_once": lambda sftp: sftp.open("new", "xb"),
    "remove": lambda sftp: sftp.remove("journal.jsonl"),
    "rename": lambda sftp: sftp.rename("journal.jsonl", "new"),
    "posix_rename": lambda sftp: sftp.posix_rename("journal.jsonl", "new"),
    "mkdir": lambda sftp: sftp.mkdir("new"),
    "rmdir": lambda sftp: sftp.rmdir("outbox"),
    "symlink": lambda sftp: sftp.symlink("/etc/passwd", "new"),
    "link": lambda sftp: sftp.link("journal.jsonl", "new"),
    "chmod": lambda sftp: sftp.chmod("journal.jsonl", 0o777),
    "utime": lambda sftp: sftp.utime("journal.jsonl", (1, 1)),
    "truncate": lambda sftp: sftp.truncate("journal.jsonl", 0),
    "list": lambda sftp: sftp.readdir("outbox"),
    "readlink": lambda sftp: sftp.readlink("link"),
    "realpath": lambda sftp: sftp.realpath("outbox"),
    "statvfs": lambda sftp: sftp.statvfs("outbox"),
}


@pytest.mark.parametrize("act", ACTS)
async def test_nothing_but_reading_is_served(agent: AgentRig, act: str) -> None:
    before = sorted((path.name, path.lstat().st_size, path.lstat().st_mode) for path in agent.run_root.rglob("*"))
    async with agent.connect() as connection, connection.start_sftp_client() as sftp:
        with pytest.raises((asyncssh.SFTPPermissionDenied, asyncssh.SFTPOpUnsupported)):
            await ACTS[act](sftp)
    after = sorted((path.name, path.lstat().st_size, path.lstat().st_mode) for path in agent.run_root.rglob("*"))
    assert after == before


async def test_an_open_file_can_be_changed_by_no_request(agent: AgentRig) -> None:
    async with (
        agent.connect() as connection,
        connection.start_sftp_client() as sftp,
        sftp.open("journal.jsonl", "rb") as file,
    ):
        for act in (file.truncate(0), file.chmod(0o777), file.fsync(), file.statvfs()):
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await act
        with pytest.raises(asyncssh.SFTPError):
            await sftp.remote_copy(file, file)
    assert (agent.run_root / "journal.jsonl").read_bytes() == b"0123456789"


async def test_more_open_files_than_the_limit_are_refused_until_one_is_closed(tmp_path: Path) -> None:
    with running(AgentRig(tmp_path, limits={"open_files": 1})) as rig:
        (rig.run_root / "a").write_bytes(b"a")
        async with rig.connect() as connection, connection.start_sftp_client() as sftp:
            async with sftp.open("a", "rb"):
                with pytest.raises(asyncssh.SFTPFailure, match="close some"):
                    await sftp.open("a", "rb")
            async with sftp.open("a", "rb") as file:
                assert await content(file) == b"a"


async def test_a_link_put_in_place_of_a_folder_after_a_read_is_refused(tmp_path: Path) -> None:
    with running(AgentRig(tmp_path)) as rig:
        (rig.run_root / "outbox").mkdir()
        (rig.run_root / "outbox" / "a").write_bytes(b"a")
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "a").write_bytes(b"secret")
        async with rig.connect() as connection, connection.start_sftp_client() as sftp:
            async with sftp.open("outbox/a", "rb") as file:
                assert await content(file) == b"a"
            (rig.run_root / "outbox").rename(tmp_path / "moved")
            (rig.run_root / "outbox").symlink_to(tmp_path / "elsewhere")
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await sftp.open("outbox/a", "rb")
