"""The link to one host: one SSH connection to a pinned key, watched, timed, and made again when it is lost."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain, repeat
from typing import Any

import asyncssh

from console.hosts.errors import HostAuthRefused, HostError, HostKeyMismatch, HostUnreachable, LinkDown
from console.hosts.host import LinkCallback, LinkState
from console.hosts.ssh_target import SshTarget
from runners.records.clock import Clock

KEEPALIVE_S = 1.0
KEEPALIVE_MISSED = 3  # a dead link is named within 4 s, before anyone is called stale at 5 s
CONNECT_S = 5.0
LOGIN_S = 10.0
RTT_EVERY_S = 2.0
BACKOFF_S = (0.2, 0.4, 0.8, 1.6, 2.0)

# The pinned key's own kind comes first. The others are asked for too, so that a host with another kind of key shows it
# and can be named, where a failed negotiation would only look like a lost connection.
HOST_KEY_KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)

# Whatever an ssh_config asks for beside, this connection only carries verbs and files.
PLAIN: Mapping[str, Any] = {
    "agent_forwarding": False,
    "x11_forwarding": False,
    "request_pty": False,
    "command": None,
    "env": {},
    "send_env": (),
    "preferred_auth": "publickey",
    "compression_algs": ["none"],  # tensors don't compress
}

Connection = asyncssh.SSHClientConnection


class _Watcher(asyncssh.SSHClient):
    """Sees what asyncssh's exceptions don't say: which other host key came, and why a connection ended."""

    def __init__(self) -> None:
        self.other_key: str | None = None
        self.ended_by: Exception | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        """Called only for a key that isn't the pinned one."""
        self.other_key = key.get_fingerprint()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended_by = exc


class SshLink:
    """`on_change` is called when the link comes up, goes down, or is down for another reason; never for a new RTT."""

    def __init__(self, target: SshTarget, on_change: LinkCallback | None = None, clock: Clock | None = None) -> None:
        self.target = target
        self._on_change = on_change or (lambda _state: None)
        self._clock = clock or Clock()
        self._connection: Connection | None = None
        self._sftp: asyncssh.SFTPClient | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._watcher = _Watcher()
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
            raise LinkDown(f"{self.target.endpoint}: link lost: {error.reason}") from error
        except (asyncssh.ChannelOpenError, OSError) as error:
            raise LinkDown(f"{self.target.endpoint}: link lost: {error}") from error

    async def _keep(self) -> None:
        while True:
            await self._watch()
            self._change(up=False, reason=str(self._watcher.ended_by or "closed by the host"))
            await self._reconnect()

    async def _watch(self) -> None:
        """Until the connection is gone. Times a round trip through the agent's own event loop."""
        assert self._connection is not None
        closed = asyncio.ensure_future(self._connection.wait_closed())
        try:
            while not closed.done():
                await asyncio.wait((closed,), timeout=RTT_EVERY_S)
                with suppress(LinkDown, asyncssh.SFTPError):
                    await self._time_round_trip()
        finally:
            closed.cancel()
            await asyncio.gather(closed, return_exceptions=True)

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
            except HostError as error:
                if str(error) != self.state.reason:
                    self._change(up=False, reason=str(error))

    async def _connect(self) -> None:
        watcher = _Watcher()
        with _connect_errors(self.target, watcher):
            async with asyncio.timeout(CONNECT_S + LOGIN_S):
                connection = await asyncssh.connect(
                    self.target.address,
                    client_factory=lambda: watcher,
                    known_hosts=([self.target.host_key], [], []),
                    server_host_key_algs=kinds_asked_for(self.target.host_key),
                    connect_timeout=CONNECT_S,
                    login_timeout=LOGIN_S,
                    keepalive_interval=KEEPALIVE_S,
                    keepalive_count_max=KEEPALIVE_MISSED,
                    **_chosen(self.target),
                    **PLAIN,
                )
                try:
                    self._sftp = await connection.start_sftp_client()
                    rtt_ms = await _round_trip_ms(self._sftp)
                except BaseException:
                    connection.abort()
                    raise
        self._connection, self._watcher = connection, watcher
        self._observed = _observed(connection)
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


def _chosen(target: SshTarget) -> dict[str, Any]:
    """What isn't named here is as ssh_config says, where one is read, and asyncssh's default otherwise."""
    chosen: dict[str, Any] = {"config": None if target.config is None else list(target.config)}
    if target.port is not None:
        chosen["port"] = target.port
    if target.username is not None:
        chosen["username"] = target.username
    if target.client_key is not None:
        chosen |= {"client_keys": [target.client_key], "agent_path": None}
    return chosen


def kinds_asked_for(pinned: asyncssh.SSHKey | None) -> list[str]:
    own = [kind.decode() for kind in pinned.sig_algorithms] if pinned is not None else []
    return [*(kind for kind in HOST_KEY_KINDS if kind in own), *(kind for kind in HOST_KEY_KINDS if kind not in own)]


def _observed(connection: Connection) -> str:
    """The peer's own address; through a jump host, the address that the jump was asked for."""
    address, port = (connection.get_extra_info("peername") or (None, None))[:2]
    return f"ssh://{address or connection.get_extra_info('host')}:{port or connection.get_extra_info('port')}"


async def _round_trip_ms(sftp: asyncssh.SFTPClient) -> float:
    started = time.perf_counter()
    await sftp.realpath(".")
    return (time.perf_counter() - started) * 1000


@contextmanager
def _connect_errors(target: SshTarget, watcher: _Watcher) -> Iterator[None]:
    pinned = target.host_key.get_fingerprint()
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        got = watcher.other_key or "none that could be read"
        raise HostKeyMismatch(target.endpoint, pinned, got, target.fix) from error
    except asyncssh.PermissionDenied as error:
        raise HostAuthRefused(
            f"{target.endpoint}: expected our client key to be accepted for {target.username or 'the user'!r}, "
            f"got: {error.reason}. "
            "Add its public line on the host (agent: --authorized-key; sshd: authorized_keys)"
        ) from error
    except FileNotFoundError as error:
        raise HostAuthRefused(
            f"{target.endpoint}: expected the key file {error.filename} that the ssh_config names, got none; "
            "make it, or take its IdentityFile line out"
        ) from error
    except (OSError, TimeoutError, asyncssh.Error, ValueError) as error:
        raise HostUnreachable(
            f"{target.endpoint}: expected an SSH host, got: {error or type(error).__name__}. "
            "Is the host up, and its agent or sshd listening on that port?"
        ) from error
