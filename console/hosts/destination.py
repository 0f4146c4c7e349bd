"""`[user@]host[:port]` as ssh(1) would understand it, and whose key answers there."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from console.hosts.errors import HostUnreachable, SshConfigError
from console.hosts.known_hosts import Pin, find_pins, judge_host_key, name_in_known_hosts
from console.hosts.line_conversation import printable
from console.hosts.on_a_mac import network_hint
from console.hosts.ssh_dial import CONNECT_S, kinds_asked_for

SYSTEM_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")


@dataclass(frozen=True)
class Destination:
    host: str  # address or alias
    username: str | None = None
    port: int | None = None
    config: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, config: tuple[str, ...] = ()) -> "Destination":
        """Raises ValueError. An IPv6 address with a port stands in brackets."""
        user, at, rest = text.rpartition("@")
        if rest.startswith("["):
            host, bracket, port = rest[1:].partition("]")
            if not bracket or (port and not port.startswith(":")):
                raise ValueError(f"expected [user@]host[:port], got {text!r:.120}")
            port = port[1:]
        elif rest.count(":") > 1:
            host, port = rest, ""  # a bare IPv6 address
        else:
            host, _, port = rest.partition(":")
        # Like ssh(1): nothing that could be taken for an option or a second word.
        if not host or host.startswith("-") or (at and not user) or not text.isprintable() or " " in text:
            raise ValueError(f"expected [user@]host[:port], got {text!r:.120}")
        if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(f"expected a port from 1 to 65535 behind the host, got {text!r:.120}")
        return cls(host, user or None, int(port) if port else None, config)


@dataclass(frozen=True)
class Resolved:
    """What the ssh_config makes of it. `name` is how known_hosts calls the host."""

    name: str
    port: int
    known_hosts: tuple[Path, ...]

    @property
    def spelled(self) -> str:
        return name_in_known_hosts(self.name, self.port)


def resolve(destination: Destination) -> Resolved:
    """Raises SshConfigError."""
    chosen: dict[str, object] = {}
    if destination.port is not None:
        chosen["port"] = destination.port
    if destination.username is not None:
        chosen["username"] = destination.username
    try:
        options = asyncssh.SSHClientConnectionOptions(
            config=list(destination.config), host=destination.host, client_keys=None, **chosen
        )
    except (ValueError, OSError, asyncssh.Error) as error:
        read = " ".join(destination.config) or "no file"
        raise SshConfigError(
            f"{destination.host}: expected an ssh_config that can be read ({read}), got {error}"
        ) from error
    named = options.known_hosts if isinstance(options.known_hosts, list) else []
    user_files = [Path(str(file)).expanduser() for file in named] or [Path("~/.ssh/known_hosts").expanduser()]
    name = options.host_key_alias or options.host
    return Resolved(name, options.port, (*user_files, SYSTEM_KNOWN_HOSTS))


async def believed_key(destination: Destination, fingerprint: str | None) -> tuple[asyncssh.SSHKey, str]:
    """The key that answers there, and why it is believed; nothing but the key exchange was sent.

    Raises HostUnreachable, HostKeyUnknown, HostKeyChanged, HostKeyRevoked, SshConfigError.
    """
    resolved = resolve(destination)
    pins = find_pins(resolved.known_hosts, resolved.name, resolved.port)
    shown = await _shown_key(destination, resolved, pins)
    because = judge_host_key(
        pins, shown, name=resolved.spelled, files=resolved.known_hosts, expected_fingerprint=fingerprint
    )
    return shown, because


async def _shown_key(destination: Destination, resolved: Resolved, pins: tuple[Pin, ...]) -> asyncssh.SSHKey:
    """Of the kind that is pinned, where one is: a host has several keys."""
    trusted = [pin.key for pin in pins if not pin.revoked]
    kinds = kinds_asked_for(trusted[0] if trusted else None)
    try:
        async with asyncio.timeout(2 * CONNECT_S):
            key = await asyncssh.get_server_host_key(
                destination.host,
                () if destination.port is None else destination.port,
                config=list(destination.config),
                server_host_key_algs=kinds,
            )
    except (OSError, TimeoutError, asyncssh.Error, ValueError) as error:
        raise HostUnreachable(
            f"{destination.host} ({resolved.spelled}): expected an SSH host, got: "
            f"{printable(str(error)) or type(error).__name__}. "
            f"{network_hint(error) or 'Is it up, is sshd listening there, and does `ssh` reach it?'}"
        ) from error
    if key is None:
        raise HostUnreachable(f"{destination.host}: expected a host key, got none")
    return key
