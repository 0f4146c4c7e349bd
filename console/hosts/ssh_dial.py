"""One way out to a host: an SSH connection to a pinned key, or the reason why there is none."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh

from console.hosts.errors import HostAuthRefused, HostKeyMismatch, HostUnreachable
from console.hosts.line_conversation import printable
from console.hosts.on_a_mac import keychain_hint, network_hint
from console.hosts.ssh_target import SshTarget

# A dead link is named 3.2 s after the last byte, before anyone is called stale at 5 s: decision 0070.
KEEPALIVE_S = 0.8
KEEPALIVE_MISSED = 3
KEEPALIVE_MISSED_SENDING = 25  # 20.8 s: a window of 2 MB at 100 KB/s
CONNECT_S = 5.0
IS_IT_UP = "Is the host up, and its agent or sshd listening on that port?"
LOGIN_S = 10.0

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
    "login_timeout": LOGIN_S,
    "keepalive_interval": KEEPALIVE_S,
    "keepalive_count_max": KEEPALIVE_MISSED,
}

Connection = asyncssh.SSHClientConnection


class Watcher(asyncssh.SSHClient):
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


async def dial_out(target: SshTarget) -> tuple[Connection, Watcher]:
    """Raises HostUnreachable, HostKeyMismatch, HostAuthRefused."""
    watcher = Watcher()
    with connect_errors(target, watcher):
        connection = await asyncssh.connect(
            target.address,
            client_factory=lambda: watcher,
            known_hosts=([target.host_key], [], []),
            server_host_key_algs=kinds_asked_for(target.host_key),
            connect_timeout=CONNECT_S,
            **_chosen(target),
            **PLAIN,
        )
    return connection, watcher


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


@contextmanager
def connect_errors(target: SshTarget, watcher: Watcher) -> Iterator[None]:
    pinned = target.host_key.get_fingerprint()
    who = repr(target.username) if target.username else "the user that the ssh_config or the operator's name gives"
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        got = watcher.other_key or "none that could be read"
        raise HostKeyMismatch(target.endpoint, pinned, got, target.fix) from error
    except asyncssh.PermissionDenied as error:
        raise HostAuthRefused(
            f"{target.endpoint}: expected our client key to be accepted for {who}, "
            f"got: {printable(error.reason)}. "
            "Add its public line on the host (agent: --authorized-key; sshd: authorized_keys); a key with a passphrase "
            f"has to be in your SSH agent (`ssh-add`{keychain_hint()})"
        ) from error
    except FileNotFoundError as error:
        raise HostAuthRefused(
            f"{target.endpoint}: expected the key file {Path(str(error.filename)).name} that the ssh_config names, got "
            "none; make it, or take its IdentityFile line out"
        ) from error
    except (OSError, TimeoutError, asyncssh.Error, ValueError) as error:
        fact = f"{_fact(error)}. {network_hint(error) or IS_IT_UP}"
        raise HostUnreachable(f"{target.endpoint}: expected an SSH host, got: {fact}", fact) from error


def _fact(error: Exception) -> str:
    """What a person calls it: `Connection refused`, where the event loop says `[Errno 111] Connect call failed`."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return printable(str(error)) or type(error).__name__
