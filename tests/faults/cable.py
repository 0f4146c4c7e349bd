"""A cable between the coordinator and a host's SSH port that can be reset, or swallow everything for a while."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

CHUNK_BYTES = 65536
LINGER_NONE = struct.pack("ii", 1, 0)  # close() sends a reset


class Cable:
    """Forwards TCP from a port of its own to `target`. `with Cable(...) as cable:`; its loop runs in a thread."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cable", daemon=True)
        self._open = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    def __enter__(self) -> "Cable":
        self._thread.start()
        self._open.set()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def blackhole(self) -> None:
        """Nothing passes and nobody is told: connections stay open, bytes stay where they are."""
        self._call(self._open.clear)

    def mend(self) -> None:
        self._call(self._open.set)

    def reset(self) -> None:
        """Every connection ends with a TCP reset; new ones are taken."""
        self._call(self._reset)

    def _call(self, what: Callable[[], object]) -> None:
        done = threading.Event()

        def act() -> None:
            try:
                what()
            finally:
                done.set()

        self._loop.call_soon_threadsafe(act)
        done.wait(10)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._carry, "127.0.0.1", 0)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, back}
        self._writers |= ends
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        for end in ends:
            self._writers.discard(end)
            end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await self._open.wait()
            writer.write(data)
            await writer.drain()
        await self._open.wait()
        writer.transport.abort()

    def _reset(self) -> None:
        for writer in list(self._writers):
            sock = writer.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
            writer.transport.abort()

    def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        self._reset()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
