"""A host over SSH: verbs by exec, files by SFTP reads. The coordinator is always the client and only pulls."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import asyncssh

from console.hosts.errors import FetchRefused, FileAbsent, LinkDown
from console.hosts.fetching import copy_checked
from console.hosts.host import LinkCallback, LinkState
from console.hosts.line_conversation import CHUNK_BYTES, LineConversation, ask, printable
from console.hosts.ssh_dial import KEEPALIVE_MISSED, KEEPALIVE_MISSED_SENDING, dial_out
from console.hosts.ssh_link import Dial, SshLink
from console.hosts.ssh_target import SshTarget
from runners.contract.document import Word
from runners.contract.plan import FileRef
from runners.records.beneath import parts_of
from runners.records.clock import Clock
from runners.records.errors import UnsafePath

W = TypeVar("W", bound=Word)
MUCH_BYTES = 128 * 1024
NO_EXIT_STATUS = 255  # as ssh(1) says of a channel that closed without one


class SshHost:
    """Made by `connect`; `close` ends the link for good. Losing it in between is told by `on_link` and LinkDown."""

    def __init__(self, node_id: str, link: SshLink) -> None:
        self.node_id = node_id
        self._link = link

    @classmethod
    async def connect(
        cls,
        node_id: str,
        target: SshTarget,
        *,
        on_link: LinkCallback | None = None,
        clock: Clock | None = None,
        dial: Dial = dial_out,
    ) -> "SshHost":
        """Raises HostUnreachable, HostKeyMismatch, HostAuthRefused."""
        link = SshLink(target, on_link, clock, dial)
        await link.start()
        return cls(node_id, link)

    @property
    def endpoint(self) -> str:
        return self._link.endpoint

    @property
    def host_key_fingerprint(self) -> str:
        return self._link.target.host_key.get_fingerprint()

    @property
    def rtt_ms(self) -> float | None:
        return self._link.state.rtt_ms

    @property
    def link(self) -> LinkState:
        return self._link.state

    @property
    def local_address(self) -> str | None:
        """Ours, as that host's network sees or translates it; None through a jump host. Raises LinkDown."""
        return _address(self._link.connection.get_extra_info("sockname"))

    @property
    def peer_address(self) -> str | None:
        return _address(self._link.connection.get_extra_info("peername"))

    @property
    def dialed_in(self) -> bool:
        return self._link.target.dialed_in

    @asynccontextmanager
    async def open(self, verb: str) -> AsyncIterator[LineConversation]:
        with self._link.losses():
            process = await self._link.connection.create_process(self._link.target.command(verb), encoding=None)
        conversation = LineConversation(verb, _Channel(process, self._link))
        try:
            yield conversation
        finally:
            await conversation.close()

    async def ask(self, verb: str, request: Word, expected: type[W]) -> W:
        async with self.open(verb) as conversation:
            return await ask(conversation, request, expected)

    async def read_at(self, name: str, offset: int, size: int) -> bytes:
        async with self._open_file(name) as file:
            return await file.read(offset, size)

    async def fetch(self, name: str, expected: FileRef, target: Path, *, limit: int) -> Path:
        async with self._open_file(name) as file:
            return await copy_checked(file, name, expected, target, limit)

    @asynccontextmanager
    async def _open_file(self, name: str) -> AsyncIterator["_RemoteFile"]:
        try:
            parts_of(name)
        except UnsafePath as error:
            raise FetchRefused(f"{self.node_id}: {error}") from error
        root = self._link.target.sftp_root
        with self._file_errors(name):
            if root:
                await self._require_plain(root, name)
            file = await self._link.sftp.open(f"{root}/{name}" if root else name, "rb", encoding=None)
        try:
            yield _RemoteFile(file, name, self._file_errors)
        finally:
            # On a lost link the other side closes it.
            with suppress(asyncssh.Error, OSError):
                await file.close()

    async def _require_plain(self, root: str, name: str) -> None:
        """A system's SFTP server follows links and waits at a fifo for ever; our agent's does neither.

        That host could still swap the file afterwards: what comes is bounded, and compared with its journaled digest.
        """
        path = root
        *folders, file = parts_of(name)
        kinds = [(part, "a folder", asyncssh.FILEXFER_TYPE_DIRECTORY) for part in folders]
        for part, what, kind in (*kinds, (file, "a regular file", asyncssh.FILEXFER_TYPE_REGULAR)):
            path = f"{path}/{part}"
            if (await self._link.sftp.lstat(path)).type != kind:
                raise FetchRefused(f"{self.node_id}: {name}: expected {what} at {part}, got a link or something else")

    @contextmanager
    def _file_errors(self, name: str) -> Iterator[None]:
        with self._link.losses():
            try:
                yield
            except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection):
                raise
            except asyncssh.SFTPNoSuchFile as error:
                raise FileAbsent(f"{self.node_id}: {name}: expected a file in the run root, got none") from error
            except asyncssh.SFTPError as error:
                raise FetchRefused(f"{self.node_id}: {name}: {printable(error.reason)}") from error

    async def close(self) -> None:
        await self._link.close()


def _address(name: object) -> str | None:
    return str(name[0]) if isinstance(name, tuple) and name and name[0] else None


class _RemoteFile:
    def __init__(
        self,
        file: "asyncssh.SFTPClientFile",
        name: str,
        errors: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._file = file
        self._name = name
        self._errors = errors

    async def read(self, offset: int, size: int) -> bytes:
        with self._errors(self._name):
            data: bytes = await self._file.read(size, offset)
        if len(data) > size:
            raise FetchRefused(f"{self._name}: expected at most {size} bytes at {offset}, got {len(data)}")
        return data


class _Channel:
    """While much of ours is on its way, the host's answer to a keepalive comes behind all of it: a link of 1 Mbit/s
    would be called dead every few seconds. So it has longer then, until the verb answers."""

    def __init__(self, process: "asyncssh.SSHClientProcess[bytes]", link: SshLink) -> None:
        self._process = process
        self._connection = link.connection
        self._link = link
        self._sent = 0

    async def write(self, data: bytes) -> None:
        before, self._sent = self._sent, self._sent + len(data)
        if before < MUCH_BYTES <= self._sent:
            self._connection.set_keepalive(count_max=KEEPALIVE_MISSED_SENDING)
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (OSError, asyncssh.Error) as error:
            self._check_link(error)

    async def write_end(self) -> None:
        with suppress(OSError):
            self._process.stdin.write_eof()

    async def read(self) -> bytes:
        with self._link.losses():
            data: bytes = await self._process.stdout.read(CHUNK_BYTES)
        self._all_there()
        return data

    def _all_there(self) -> None:
        """The verb answered, or is given up: what was sent isn't on its way any more."""
        if self._sent >= MUCH_BYTES:
            self._connection.set_keepalive(count_max=KEEPALIVE_MISSED)
        self._sent = 0

    async def read_stderr(self) -> bytes:
        with suppress(asyncssh.Error, OSError):
            return await self._process.stderr.read(CHUNK_BYTES)
        return b""

    async def wait_exit(self) -> int:
        await self._process.wait_closed()
        if self._process.returncode is None:
            self._check_link(None)
            return NO_EXIT_STATUS
        return self._process.returncode

    def _check_link(self, error: Exception | None) -> None:
        """A channel that is closed on a connection that isn't: the verb is gone, and its answer says why."""
        if self._connection.is_closed():
            raise LinkDown(f"{self._link.target.endpoint}: link lost: {self._link.state.reason}") from error

    async def end(self) -> None:
        self._all_there()
        self._process.close()
        await self._process.wait_closed()
