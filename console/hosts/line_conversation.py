"""A conversation over any pair of byte streams: a local process's pipes or an SSH channel."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Iterable
from typing import Protocol, TypeVar

from console.hosts.errors import HostRefused, VerbFailed
from console.hosts.host import Ending
from runners.contract.canonical import MAX_DOCUMENT_BYTES, canonical_bytes, parse_strict
from runners.contract.document import Word, check_digests, word_from_json
from runners.contract.errors import MalformedBytes
from runners.contract.requests import Refusal

MAX_LINE_BYTES = MAX_DOCUMENT_BYTES
CHUNK_BYTES = 64 * 1024
STDERR_LINES = 40
STDERR_LINE_BYTES = 2000

W = TypeVar("W", bound=Word)


class VerbStreams(Protocol):
    """The two ways to reach a verb differ in this only. Every method raises LinkDown when the way is lost."""

    async def write(self, data: bytes) -> None:
        """Returns quietly when the process has closed its input: its answer says why."""

    async def write_end(self) -> None: ...

    async def read(self) -> bytes:
        """Some bytes of standard output, b"" at its end."""

    async def read_stderr(self) -> bytes: ...

    async def wait_exit(self) -> int: ...

    async def end(self) -> None:
        """Leave nothing behind, whatever state it is in."""


class LineConversation:
    """Frames lines itself: `readline()` of both libraries splits or refuses a line longer than its window."""

    def __init__(self, verb: str, streams: VerbStreams) -> None:
        self._verb = verb
        self._streams = streams
        self._buffer = bytearray()
        self._stderr: deque[bytes] = deque(maxlen=STDERR_LINES)
        self._stderr_task = asyncio.ensure_future(self._drain_stderr())

    @property
    def verb(self) -> str:
        return self._verb

    async def send(self, word: Word) -> None:
        await self._streams.write(canonical_bytes(word.to_json()) + b"\n")

    async def send_bytes(self, chunks: Iterable[bytes] | AsyncIterable[bytes]) -> None:
        if isinstance(chunks, AsyncIterable):
            async for chunk in chunks:
                await self._streams.write(chunk)
        else:
            for chunk in chunks:
                await self._streams.write(chunk)

    async def end_input(self) -> None:
        await self._streams.write_end()

    async def receive(self, expected: type[W]) -> W:
        raw = await self._next_line()
        body = parse_strict(raw, limit=MAX_LINE_BYTES)
        if canonical_bytes(body) != raw:
            raise MalformedBytes(f"{self._verb}: expected an answer in canonical form, got another spelling")
        if isinstance(body, dict) and "refused" in body:
            refusal = word_from_json(Refusal, body)
            raise HostRefused(self._verb, refusal.refused, printable(refusal.detail))
        answer = word_from_json(expected, body)
        check_digests(answer)
        return answer

    async def _next_line(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > MAX_LINE_BYTES:
                raise MalformedBytes(f"{self._verb}: expected a line of at most {MAX_LINE_BYTES} bytes, got more")
            data = await self._streams.read()
            if not data:
                raise await self._no_answer(searched)
            self._buffer += data
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return raw

    async def _no_answer(self, torn_bytes: int) -> VerbFailed | MalformedBytes:
        ending = await self._ending()
        if torn_bytes and ending.exit_code == 0:
            return MalformedBytes(f"{self._verb}: expected a line that ends in LF, got {torn_bytes} bytes without one")
        return VerbFailed(self._verb, ending.exit_code, ending.stderr)

    async def finish(self) -> Ending:
        await self._streams.write_end()
        while True:
            if self._buffer:
                first = bytes(self._buffer[:80])
                raise MalformedBytes(f"{self._verb}: expected nothing after its answer, got {first!r}")
            data = await self._streams.read()
            if not data:
                return await self._ending()
            self._buffer += data

    async def _ending(self) -> Ending:
        exit_code = await self._streams.wait_exit()
        await self._stderr_task
        return Ending(exit_code, tuple(printable(line.decode(errors="replace")) for line in self._stderr if line))

    async def _drain_stderr(self) -> None:
        """Keep the last lines. Reading on matters: a full pipe would stop the verb."""
        line = b""
        while data := await self._streams.read_stderr():
            *whole, line = (line + data).split(b"\n")
            self._stderr.extend(part[:STDERR_LINE_BYTES] for part in whole)
            line = line[:STDERR_LINE_BYTES]
        self._stderr.append(line)

    async def close(self) -> None:
        await self._streams.end()
        self._stderr_task.cancel()
        await asyncio.gather(self._stderr_task, return_exceptions=True)


def printable(text: str) -> str:
    """Remote text without control characters: a terminal must not obey it."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


async def ask(conversation: LineConversation, request: Word, expected: type[W]) -> W:
    """One request, one answer, exit status 0."""
    await conversation.send(request)
    answer = await conversation.receive(expected)
    ending = await conversation.finish()
    if ending.exit_code != 0:
        raise VerbFailed(conversation.verb, ending.exit_code, ending.stderr)
    return answer
