"""The coordinator's own machine as a host: verbs as subprocesses, files read from its own run root."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from console.hosts.errors import FetchRefused, FileAbsent
from console.hosts.fetching import copy_checked
from console.hosts.line_conversation import CHUNK_BYTES, LineConversation, ask
from runners.contract.document import Word
from runners.contract.plan import FileRef
from runners.records.beneath import open_beneath
from runners.records.errors import UnsafePath
from runners.records.verb_process import VerbEnvironment, VerbProcess, start_verb

W = TypeVar("W", bound=Word)
LINGER_S = 2.0  # how long a grandchild may hold the pipes of a verb that has exited


class LocalHost:
    """`programs` replaces the program of a verb; only tests do that."""

    endpoint = "local"
    host_key_fingerprint = "local"
    rtt_ms: float | None = None

    def __init__(
        self, node_id: str, environment: VerbEnvironment, *, programs: dict[str, tuple[str, ...]] | None = None
    ) -> None:
        self.node_id = node_id
        self.environment = environment
        self._programs = programs or {}

    @asynccontextmanager
    async def open(self, verb: str) -> AsyncIterator[LineConversation]:
        process = await start_verb(verb, self.environment, argv=self._programs.get(verb))
        conversation = LineConversation(verb, _Pipes(process))
        try:
            yield conversation
        finally:
            await conversation.close()

    async def ask(self, verb: str, request: Word, expected: type[W]) -> W:
        async with self.open(verb) as conversation:
            return await ask(conversation, request, expected)

    async def read_at(self, name: str, offset: int, size: int) -> bytes:
        file = self._open_file(name)
        try:
            return await file.read(offset, size)
        finally:
            file.close()

    async def fetch(self, name: str, expected: FileRef, target: Path, *, limit: int) -> Path:
        file = self._open_file(name)
        try:
            return await copy_checked(file, name, expected, target, limit)
        finally:
            file.close()

    def _open_file(self, name: str) -> "_LocalFile":
        try:
            return _LocalFile(open_beneath(self.environment.run_root, name))
        except FileNotFoundError as error:
            raise FileAbsent(f"{self.node_id}: {name}: expected a file in the run root, got none") from error
        except UnsafePath as error:
            raise FetchRefused(f"{self.node_id}: {error}") from error

    async def close(self) -> None:
        """Nothing is held open between calls."""


class _LocalFile:
    def __init__(self, fd: int) -> None:
        self._fd = fd

    async def read(self, offset: int, size: int) -> bytes:
        return await asyncio.to_thread(os.pread, self._fd, size, offset)

    def close(self) -> None:
        os.close(self._fd)


class _Pipes:
    def __init__(self, process: VerbProcess) -> None:
        self._process = process

    async def write(self, data: bytes) -> None:
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return

    async def write_end(self) -> None:
        self._process.stdin.close()

    async def read(self) -> bytes:
        return await self._until_gone(self._process.stdout)

    async def read_stderr(self) -> bytes:
        return await self._until_gone(self._process.stderr)

    async def _until_gone(self, stream: asyncio.StreamReader) -> bytes:
        """The next bytes; b"" at the end, or when the process is gone and only a grandchild holds the pipe."""
        read = asyncio.ensure_future(stream.read(CHUNK_BYTES))
        gone = asyncio.ensure_future(self._process.wait_exit())
        try:
            await asyncio.wait((read, gone), return_when=asyncio.FIRST_COMPLETED)
            if not read.done():
                await asyncio.wait((read,), timeout=LINGER_S)
            return read.result() if read.done() else b""
        finally:
            for task in (read, gone):
                task.cancel()
            await asyncio.gather(read, gone, return_exceptions=True)

    async def wait_exit(self) -> int:
        return await self._process.wait_exit()

    async def end(self) -> None:
        await self._process.end()
