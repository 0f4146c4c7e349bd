"""One exec request of a peer: exactly `swarm-runner <verb>` becomes the verb's process, anything else a refusal."""

import asyncio
import logging
import signal
from contextlib import suppress

import asyncssh

from runners.agent.settings import AgentSettings
from runners.agent.token import AdmissionToken
from runners.contract.requests import VERBS
from runners.records.verb_process import VerbProcess, start_verb

COMMAND_WORD = "swarm-runner"
EXIT_REFUSED = 126  # as a shell says of a command that may not run
CHUNK_BYTES = 64 * 1024
LINGER_S = 2.0  # how long a grandchild may hold the pipes of a verb that has exited

logger = logging.getLogger(__name__)


class VerbSessions:
    """All verbs of this agent that are running."""

    def __init__(self, settings: AgentSettings, host_key_fingerprint: str, token: AdmissionToken | None) -> None:
        self._settings = settings
        self._environment = settings.environment(host_key_fingerprint)
        self._token = token
        self._running: set[asyncio.Task[None]] = set()

    async def serve(self, peer: "asyncssh.SSHServerProcess[bytes]") -> None:
        """asyncssh's process factory. Ends when the verb's process is gone."""
        verb = _verb_of(peer.command)
        if verb is None:
            verbs = " | ".join(VERBS)
            await _refuse(peer, f"expected `{COMMAND_WORD} VERB` with VERB one of {verbs}, got {_shown(peer)}")
        elif len(self._running) >= self._settings.limits.verbs:
            await _refuse(peer, f"expected fewer than {self._settings.limits.verbs} verbs at once; ask again later")
        else:
            task = asyncio.ensure_future(self._run(verb, peer))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            # asyncssh may cancel what serves a lost connection; the verb gets its grace all the same.
            await asyncio.shield(_told(task))

    async def close(self) -> None:
        """End the verbs. Runners that they launched are in sessions of their own and live on."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, verb: str, peer: "asyncssh.SSHServerProcess[bytes]") -> None:
        token = self._token.reveal() if self._token is not None and verb == "admit" else None
        try:
            environment = self._environment.coming_from(_address_of(peer))
            process = await start_verb(verb, environment, token=token, argv=self._settings.programs.get(verb))
        except OSError as error:
            await _refuse(peer, f"{verb}: expected to start its process, got {error.strerror}")
            return
        logger.info("%s: started as pid %d", verb, process.pid)
        try:
            code = await _Wires(process, peer, self._settings.limits.stdin_bytes).run(
                self._settings.limits.lost_grace_s
            )
        finally:
            await process.end()
        logger.info("%s: pid %d ended with %d", verb, process.pid, code)
        with suppress(OSError, asyncssh.Error):  # the peer may have closed its channel meanwhile
            if code >= 0:
                peer.exit(code)
            else:
                peer.exit_with_signal(_signal_name(-code))


async def _told(task: "asyncio.Task[None]") -> None:
    """One verb's failure must not cost the link: asyncssh ends the whole connection for an exception in a session."""
    try:
        await task
    except Exception:
        logger.exception("a verb's session failed")


class _Wires:
    """Bytes both ways until the process is gone."""

    def __init__(self, process: VerbProcess, peer: "asyncssh.SSHServerProcess[bytes]", stdin_bytes: int) -> None:
        self._process = process
        self._peer = peer
        self._connection = peer.channel.get_connection()  # a closed channel no longer knows it
        self._stdin_bytes = stdin_bytes

    async def run(self, lost_grace_s: float) -> int:
        inward = asyncio.ensure_future(self._inward())
        outward = asyncio.gather(
            _outward(self._process.stdout, self._peer.stdout), _outward(self._process.stderr, self._peer.stderr)
        )
        lost = asyncio.ensure_future(self._peer.channel.wait_closed())
        gone = asyncio.ensure_future(self._process.wait_exit())
        try:
            await asyncio.wait((gone, lost), return_when=asyncio.FIRST_COMPLETED)
            if not gone.done() and self._connection.is_closed():
                # The peer only lost its link: a verb that is nearly done should finish what it began.
                self._process.stdin.close()
                await asyncio.wait((gone,), timeout=lost_grace_s)
            if not gone.done():
                return await self._process.end()
            await asyncio.wait((outward,), timeout=LINGER_S)
            return gone.result()
        finally:
            for task in (inward, outward, lost, gone):
                task.cancel()
            await asyncio.gather(inward, outward, lost, gone, return_exceptions=True)

    async def _inward(self) -> None:
        left = self._stdin_bytes
        try:
            while data := await self._peer.stdin.read(CHUNK_BYTES):
                left -= len(data)
                if left < 0:
                    self._peer.stderr.write(f"expected at most {self._stdin_bytes} bytes of input, got more\n".encode())
                    await self._process.end()
                    return
                self._process.stdin.write(data)
                await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError, asyncssh.Error):
            logger.info("input ended early")
        finally:
            self._process.stdin.close()


async def _outward(source: asyncio.StreamReader, sink: "asyncssh.SSHWriter[bytes]") -> None:
    """Reads to the end even when the peer is gone: a verb must not hang on a full pipe."""
    while data := await source.read(CHUNK_BYTES):
        with suppress(OSError, asyncssh.Error):
            sink.write(data)
            await sink.drain()


def _verb_of(command: str | None) -> str | None:
    for verb in VERBS:
        if command == f"{COMMAND_WORD} {verb}":
            return verb
    return None


def _address_of(peer: "asyncssh.SSHServerProcess[bytes]") -> str:
    address = peer.get_extra_info("peername")
    return str(address[0]) if address else ""


def _shown(peer: "asyncssh.SSHServerProcess[bytes]") -> str:
    if peer.command is None:
        return f"subsystem {peer.subsystem!r:.80}" if peer.subsystem else "a request for a shell"
    return f"{peer.command!r:.80}"


async def _refuse(peer: "asyncssh.SSHServerProcess[bytes]", message: str) -> None:
    logger.warning("refused: %s", message)
    with suppress(OSError, asyncssh.Error):
        peer.stderr.write(f"{message}\n".encode())
        await peer.stderr.drain()
    peer.exit(EXIT_REFUSED)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)
