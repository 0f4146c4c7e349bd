"""A way to a port on which bytes towards it trickle, and those from it don't."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PIECE = 8192


@asynccontextmanager
async def slow_way(port: int, bytes_per_s: int) -> AsyncIterator[int]:
    """The port to dial instead."""
    ways: set[asyncio.Task[None]] = set()

    async def carry(near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        back = asyncio.ensure_future(_pour(far_reader, near_writer, None))
        ways.add(back)
        await _pour(near_reader, far_writer, bytes_per_s)

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * PIECE)  # what waits here isn't on its way
    server = await asyncio.start_server(carry, sock=listening, limit=PIECE)
    async with server:
        yield listening.getsockname()[1]
        for way in ways:
            way.cancel()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bytes_per_s: int | None) -> None:
    try:
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
            if bytes_per_s is not None:
                await asyncio.sleep(len(data) / bytes_per_s)
    except OSError:
        pass
    finally:
        writer.close()
