"""The SSH server of a host without sshd: one address to listen at or dial, known keys, closed verbs, files to read."""

import asyncio
import errno
import logging
import os
from typing import Any

import asyncssh

from runners.agent.errors import PortTaken
from runners.agent.read_only_files import ReadOnlyFiles
from runners.agent.settings import AgentSettings
from runners.agent.token import AdmissionToken
from runners.agent.verb_session import VerbSessions
from runners.contract.announcement import AgentAnnouncement
from runners.records.keys import SigningKey
from runners.records.process_identity import started_ms

KEEPALIVE_S = 1.0  # asyncssh sends none by default
KEEPALIVE_MISSED = 3
DIAL_AGAIN_S = (0.2, 0.5, 1.0, 2.0, 5.0)

logger = logging.getLogger(__name__)


class Endpoint:
    """Listens, or dials in, from `start` to `close`."""

    def __init__(self, settings: AgentSettings, token: AdmissionToken | None) -> None:
        self._settings = settings
        self._host_key = load_host_key(settings)
        self._verbs = VerbSessions(settings, self._host_key.get_fingerprint(), token)
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._dialer: asyncio.Task[None] | None = None

    async def start(self) -> AgentAnnouncement:
        """Raises PortTaken."""
        self._settings.run_root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._settings.dial is not None:
            address, port = self._settings.dial
            self._dialer = asyncio.create_task(self._keep_dialing(address, port), name="dialing in")
        else:
            address = self._settings.listen
            self._acceptor = await self._listen(address, self._settings.port)
            port = self._acceptor.get_port()
        own_start = started_ms(os.getpid())
        assert own_start is not None
        return AgentAnnouncement(
            dials=self._settings.dial is not None,
            address=address,
            port=port,
            host_key=self._host_key.export_public_key().decode().strip(),
            host_key_fingerprint=self._host_key.get_fingerprint(),
            pid=os.getpid(),
            process_started_ms=own_start,
        )

    async def _listen(self, listen: str, port: int) -> asyncssh.SSHAcceptor:
        try:
            return await asyncssh.listen(listen, port, **self._options())
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortTaken(
                f"{listen}:{port}: expected a free port, got one in use. Stop what listens there, or choose another "
                "with --port (for `swarm run`: --contributor-port)"
            ) from error

    async def _keep_dialing(self, address: str, port: int) -> None:
        """This host dials and stays the SSH server: the coordinator's key still has to be an authorized one."""
        waits = iter(DIAL_AGAIN_S)
        while True:
            try:
                async with asyncio.timeout(self._settings.limits.login_s):
                    connection = await asyncssh.connect_reverse(address, port, **self._options())
                logger.info("dialed in at %s:%d", address, port)
                waits = iter(DIAL_AGAIN_S)
                await connection.wait_closed()
            except (OSError, TimeoutError, asyncssh.Error) as error:
                logger.info("dialing %s:%d: %s", address, port, error or type(error).__name__)
            await asyncio.sleep(next(waits, DIAL_AGAIN_S[-1]))

    def _options(self) -> dict[str, Any]:
        """The same whichever side opens the connection."""
        limits = self._settings.limits
        return {
            "server_factory": lambda: _Gate(self._connections, limits.connections),
            "server_host_keys": [self._host_key],
            "authorized_client_keys": asyncssh.import_authorized_keys("\n".join(self._settings.authorized_keys)),
            "process_factory": self._verbs.serve,
            "sftp_factory": lambda channel: ReadOnlyFiles(channel, self._settings.run_root, limits.open_files),
            "encoding": None,
            "line_editor": False,
            "allow_pty": False,
            "allow_scp": False,
            "agent_forwarding": False,
            "x11_forwarding": False,
            "public_key_auth": True,
            "password_auth": False,
            "kbdint_auth": False,
            "host_based_auth": False,
            "gss_host": None,
            "login_timeout": limits.login_s,
            "keepalive_interval": KEEPALIVE_S,
            "keepalive_count_max": KEEPALIVE_MISSED,
            "server_version": "swarm-agent",
            "config": None,
        }

    async def idle_for(self, idle_s: float) -> None:
        """Returns once there was no connection for that long: an agent must not outlive its lane for ever."""
        loop = asyncio.get_running_loop()
        quiet_since = loop.time()
        while (left := quiet_since + idle_s - loop.time()) > 0:
            await asyncio.sleep(min(left, idle_s / 4))
            if self._connections:
                quiet_since = loop.time()

    async def close(self) -> None:
        """Verbs end, connections close, runners live on."""
        if self._dialer is not None:
            self._dialer.cancel()
            await asyncio.gather(self._dialer, return_exceptions=True)
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
        await self._verbs.close()
        connections = tuple(self._connections)
        for connection in connections:
            connection.close()
        await asyncio.gather(*(connection.wait_closed() for connection in connections), return_exceptions=True)


class _Gate(asyncssh.SSHServer):
    """Forwarding of every kind is refused by what isn't overridden here: asyncssh's defaults say no."""

    def __init__(self, connections: set[asyncssh.SSHServerConnection], most: int) -> None:
        self._connections = connections
        self._most = most
        self._own: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if len(self._connections) >= self._most:
            logger.warning("refused a connection: %d are open", self._most)
            conn.abort()
            return
        self._own = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._own is not None:
            self._connections.discard(self._own)
            logger.info("connection closed: %s", exc or "by the peer")


def load_host_key(settings: AgentSettings) -> asyncssh.SSHKey:
    """This host's own Ed25519 key, made on the first start (0600). Raises KeyFileError."""
    SigningKey.load_or_create(settings.host_key_path)
    return asyncssh.import_private_key(settings.host_key_path.read_bytes())
