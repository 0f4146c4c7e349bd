"""The coordinator's listener for contributors behind NAT or a firewall: they dial, and stay the SSH server.

So everything above a connection is the same whoever opened it: this side is the SSH client, checks a pinned host key,
logs in with its own key, and pulls.
"""

import asyncio
import errno
from contextlib import suppress

import asyncssh

from console.hosts.errors import HostUnreachable, PortTaken
from console.hosts.ssh_dial import CONNECT_S, LOGIN_S, PLAIN, Connection, Watcher, kinds_asked_for
from console.hosts.ssh_target import SshTarget

MOST_HANDSHAKES = 16  # at once: whoever can reach the port can start one
WAIT_S = CONNECT_S + LOGIN_S - 1  # inside the link's own bound, so that the reason is named


class DialIn:
    """One listener, any number of expected hosts, each known by its pinned host key."""

    def __init__(self, client_key: asyncssh.SSHKey, *, wait_s: float = WAIT_S) -> None:
        self._client_key = client_key
        self._wait_s = wait_s
        self._expected: dict[str, asyncssh.SSHKey] = {}
        self._waiting: dict[str, tuple[Connection, Watcher]] = {}
        self._arrived = asyncio.Condition()
        self._watchers: dict[Connection, _Arrival] = {}
        self._strangers: list[str] = []
        self._acceptor: asyncssh.SSHAcceptor | None = None

    async def start(self, address: str, port: int) -> int:
        """The port. Raises PortTaken."""
        try:
            self._acceptor = await asyncssh.listen_reverse(
                address,
                port,
                acceptor=self._accept,
                client_factory=lambda: _Arrival(self._watchers, self._strangers),
                known_hosts=lambda *_: (list(self._expected.values()), [], []),
                server_host_key_algs=kinds_asked_for(None),
                username="swarm",
                client_keys=[self._client_key],
                agent_path=None,
                config=None,
                reuse_address=True,
                **PLAIN,
            )
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                raise
            raise PortTaken(
                f"{address}:{port}: expected to listen there for contributors that dial in, got {error.strerror}; "
                "choose another with --coordinator-port, or an address of this machine with --dial-in"
            ) from error
        return self._acceptor.get_port()

    def expect(self, host_key: asyncssh.SSHKey) -> None:
        """From now on a host with that key is let in; every other is refused in the handshake."""
        self._expected[host_key.get_fingerprint()] = host_key

    async def next(self, target: SshTarget) -> tuple[Connection, Watcher]:
        """The newest living connection of that host. Raises HostUnreachable."""
        fingerprint = target.host_key.get_fingerprint()
        self.expect(target.host_key)
        self._strangers.clear()
        try:
            async with asyncio.timeout(self._wait_s), self._arrived:
                await self._arrived.wait_for(lambda: self._is_there(fingerprint))
                return self._waiting.pop(fingerprint)
        except TimeoutError as error:
            # A stranger proves nothing about the expected host: anybody may dial.
            got = f"only others, refused (the last with {self._strangers[-1]})" if self._strangers else "nobody"
            raise HostUnreachable(
                f"{target.endpoint}: expected the host with key {fingerprint} to dial in, got {got} within "
                f"{self._wait_s:g} s; start `python -m runners agent --dial ...` there, and let its packets through"
            ) from error

    def _is_there(self, fingerprint: str) -> bool:
        waiting = self._waiting.get(fingerprint)
        return waiting is not None and not waiting[0].is_closed()

    async def _accept(self, connection: Connection) -> None:
        """The handshake is over: the host key was an expected one, and our own key was taken."""
        key = connection.get_server_host_key()
        watcher = self._watchers.pop(connection, None)
        if key is None or watcher is None:
            connection.abort()
            return
        async with self._arrived:
            older = self._waiting.pop(key.get_fingerprint(), None)
            if older is not None:
                older[0].abort()
            self._waiting[key.get_fingerprint()] = (connection, watcher)
            self._arrived.notify_all()

    async def close(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
        for connection in (*self._watchers, *(waiting[0] for waiting in self._waiting.values())):
            connection.abort()
            with suppress(asyncssh.Error, OSError):
                await connection.wait_closed()


class _Arrival(Watcher):
    """One who dials in, until it is known who."""

    def __init__(self, watchers: dict[Connection, "_Arrival"], strangers: list[str]) -> None:
        super().__init__()
        self._watchers = watchers
        self._strangers = strangers
        self._own: Connection | None = None

    def connection_made(self, conn: Connection) -> None:
        if len(self._watchers) >= MOST_HANDSHAKES:
            conn.abort()
            return
        self._own = conn
        self._watchers[conn] = self

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self._strangers.append(key.get_fingerprint())
        del self._strangers[:-8]
        return super().validate_host_public_key(host, addr, port, key)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._own is not None:
            self._watchers.pop(self._own, None)
