"""`python -m runners agent`: announce one line, serve until SIGTERM or SIGINT."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

from runners.agent.endpoint import Endpoint
from runners.agent.errors import AgentError
from runners.agent.settings import AgentSettings, parse_settings
from runners.agent.token import AdmissionToken
from runners.contract.announcement import KEPT
from runners.contract.canonical import canonical_bytes
from runners.records.durable import write_all
from runners.records.errors import RecordsError

EXIT_CANNOT_START = 3

logger = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """0 after a signal, 3 when it can't start; says why on standard error."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    try:
        settings, token_stdin = parse_settings(argv)
        token = AdmissionToken.take(os.environ, stdin_fd=0 if token_stdin else None)
        return asyncio.run(serve(settings, token))
    except (AgentError, RecordsError) as error:
        sys.stderr.write(f"agent: {error}\n")
        return EXIT_CANNOT_START


async def serve(settings: AgentSettings, token: AdmissionToken | None) -> int:
    """Announces on descriptor 1, then lets go of 0 and 1: whoever started the agent may be gone long before it.

    With `until_kept` a starter that dies before it noted the announcement down takes the agent along.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    endpoint = Endpoint(settings, token)
    announcement = await endpoint.start()
    try:
        write_all(1, canonical_bytes(announcement.to_json()) + b"\n")
        _let_go(1)
        if settings.until_kept:
            _end_unless_kept(stop)
        else:
            _let_go(0)
        await _until_done(stop, endpoint, settings.idle_exit_s)
    finally:
        await endpoint.close()
    return 0


async def _until_done(stop: asyncio.Event, endpoint: Endpoint, idle_exit_s: float | None) -> None:
    waits: list[asyncio.Future[object]] = [asyncio.ensure_future(stop.wait())]
    if idle_exit_s is not None:
        waits.append(asyncio.ensure_future(endpoint.idle_for(idle_exit_s)))
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


def _end_unless_kept(stop: asyncio.Event) -> None:
    """`kept` on standard input, or its end: which of them is there first."""
    loop = asyncio.get_running_loop()

    def hear() -> None:
        loop.remove_reader(0)
        if os.read(0, len(KEPT)) != KEPT:
            logger.warning("whoever started this agent is gone before it noted it down: ending")
            stop.set()
        _let_go(0)

    loop.add_reader(0, hear)


def _let_go(descriptor: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, descriptor)
    os.close(nothing)
