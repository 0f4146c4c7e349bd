"""The link to one host: one SSH connection to a pinned key, watched, timed, and made again when it is lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain, repeat

import asyncssh

from console.hosts.errors import HostUnreachable, LinkDown
from console.hosts.host import LinkCallback, LinkState
from console.hosts.line_conversation import printable
from console.hosts.ssh_dial import CONNECT_S, LOGIN_S, Connection, Watcher, connect_errors, dial_out
from console.hosts.ssh_target import SshTarget
from runners.records.clock import Clock

RTT_EVERY_S = 2.0
BACKOFF_S = (0.2, 0.4, 0.8, 1.6, 2.0)

Dial = Callable[[SshTarget], Awaitable[tuple[Connection, Watcher]]]


class SshLink:
    """`on_change` is called when the link comes up, goes down, or is down for another reason; never for a new RTT."""

    def __init__(
        self,
        target: SshTarget,
        on_change: LinkCallback | None = None,
        clock: Clock | None = None,
        dial: Dial = dial_out,
    ) -> None:
        """`dial` opens the connection: out to the host, or by waiting for a host that dials in."""
        self.target = target
        self._dial = dial
        self._on_change = on_change or (lambda _state: None)
        self._clock = clock or Clock()
        self._connection: Connection | None = None
        self._sftp: asyncssh.SFTPClient | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._watcher = Watcher()
        self._observed: str | None = None
        self.state = LinkState(False, "not connected yet", None, self._clock.mono_ms(), target.endpoint)

    async def start(self) -> None:
        """Connect, and stay connected until `close`.
        Raises HostUnreachable, HostKeyMismatch, HostAuthRefused when the first attempt fails."""
        await self._connect()
        self._keeper = asyncio.create_task(self._keep(), name=f"link {self.target.endpoint}")

    @property
    def endpoint(self) -> str:
        """Where the connection really went, once there was one; before that where it is meant to go."""
        return self._observed or self.target.endpoint

    @property
    def connection(self) -> Connection:
        """Raises LinkDown."""
        if self._connection is None or self._connection.is_closed():
            raise LinkDown(f"{self.target.endpoint}: link is down: {self.state.reason}")
        return self._connection

    @property
    def sftp(self) -> asyncssh.SFTPClient:
        """Raises LinkDown."""
        assert self.connection is not None
        assert self._sftp is not None
        return self._sftp

    @contextmanager
    def losses(self) -> Iterator[None]:
        """What asyncssh raises for a lost connection, in one word."""
        try:
            yield
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.DisconnectError) as error:
            raise LinkDown(f"{self.target.endpoint}: link lost: {printable(error.reason)}") from error
        except (asyncssh.ChannelOpenError, OSError) as error:
            raise LinkDown(f"{self.target.endpoint}: link lost: {printable(str(error))}") from error

    async def _keep(self) -> None:
        while True:
            given_up = await self._watch()
            self._change(up=False, reason=printable(given_up or str(self._watcher.ended_by or "closed by the host")))
            await self._reconnect()

    async def _watch(self) -> str | None:
        """Until the connection is gone. Times a round trip through the agent's own event loop. Returns why it was given
        up here, if it was."""
        assert self._connection is not None
        closed = asyncio.ensure_future(self._connection.wait_closed())
        try:
            while not closed.done():
                await asyncio.wait((closed,), timeout=RTT_EVERY_S)
                with suppress(LinkDown, asyncssh.SFTPError):
                    await self._time_round_trip()
        except Exception as error:  # whatever it is: a link that nobody watches would be called up for ever
            self._connection.abort()
            return f"given up for {type(error).__name__}: {error}"
        finally:
            closed.cancel()
            await asyncio.gather(closed, return_exceptions=True)
        return None

    async def _time_round_trip(self) -> None:
        with self.losses():
            rtt_ms = await _round_trip_ms(self.sftp)
        self.state = replace(self.state, rtt_ms=rtt_ms)

    async def _reconnect(self) -> None:
        waits = chain(BACKOFF_S, repeat(BACKOFF_S[-1]))
        while not self.state.up:
            await asyncio.sleep(next(waits))
            try:
                await self._connect()
            except Exception as error:  # a HostError, or what nobody foresaw: it is tried again all the same
                reason = error.fact if isinstance(error, HostUnreachable) else printable(str(error))
                if reason != self.state.reason:
                    self._change(up=False, reason=reason)

    async def _connect(self) -> None:
        with connect_errors(self.target, self._watcher):
            async with asyncio.timeout(CONNECT_S + LOGIN_S):
                connection, watcher = await self._dial(self.target)
                try:
                    self._sftp = await _start_sftp(connection, self.target)
                    rtt_ms = await _round_trip_ms(self._sftp)
                except BaseException:
                    connection.abort()
                    raise
        self._connection, self._watcher = connection, watcher
        self._observed = _observed(connection, self.target)
        self._change(up=True, reason="connected", rtt_ms=rtt_ms)

    def _change(self, *, up: bool, reason: str, rtt_ms: float | None = None) -> None:
        since = self.state.since_mono_ms if up == self.state.up else self._clock.mono_ms()
        self.state = LinkState(up, reason, rtt_ms, since, self.endpoint)
        self._on_change(self.state)

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()
            self._connection = None
            self._change(up=False, reason="closed by us")


async def _start_sftp(connection: Connection, target: SshTarget) -> asyncssh.SFTPClient:
    try:
        return await connection.start_sftp_client()
    except asyncssh.ChannelOpenError as error:
        raise HostUnreachable(
            f"{target.endpoint}: expected SFTP beside the login, got: {printable(error.reason)}; the host's owner adds "
            "`Subsystem sftp internal-sftp` to sshd_config"
        ) from error


def _observed(connection: Connection, target: SshTarget) -> str:
    """The peer's own address; through a jump host, the address that the jump was asked for. A host that dials in has
    another port each time, which says nothing."""
    address, port = (connection.get_extra_info("peername") or (None, None))[:2]
    if target.dialed_in:
        return f"dial-in://{address}"
    return f"ssh://{address or connection.get_extra_info('host')}:{port or connection.get_extra_info('port')}"


async def _round_trip_ms(sftp: asyncssh.SFTPClient) -> float:
    started = time.perf_counter()
    try:
        await sftp.realpath(".")
    except IndexError as error:  # asyncssh takes the first name without looking whether there is one
        raise asyncssh.SFTPBadMessage("an answer to realpath without a name") from error
    return (time.perf_counter() - started) * 1000
