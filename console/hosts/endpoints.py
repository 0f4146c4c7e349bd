"""Where a host of a lane can be reached from here: each way with the interface it leaves by, the kind of network, and
whether SSH answers there, or whether this machine can listen where the host is to dial. A host of the book is logged in
to, as a run would: its ssh_config may lead by an alias or a jump, and its key and ours have to be the right ones."""

import asyncio
import errno
import ipaddress
import socket
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import psutil

from console.hosts.errors import HostError
from console.hosts.host_book import HostBook, KnownHost
from console.hosts.on_a_mac import network_hint
from console.hosts.overlays import TAILNET, overlays_here
from console.hosts.ways import NamedWay, Way
from runners.contract.lane import RunContract
from runners.records.sources import sources_sha256

TRY_S = 2.0
MAX_BANNER = 255
Origin = Literal["lane", "host book", "settings", "local process"]
Network = Literal[
    "this machine", "trusted LAN", "tailnet", "overlay", "link-local", "public internet", "by name", "by a jump"
]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`host` and `port` are where to dial; of a host that dials in, where this machine listens for it."""

    node_id: str
    host: str
    port: int  # 0: as its ssh_config says
    origin: Origin
    way: Way
    name: str = ""  # in the host book, or in the settings
    known: KnownHost | None = field(default=None, compare=False)  # as the host book has it

    @property
    def spelled(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port == 0:
            return host
        return f"{'dials in to ' if self.way.dial_in else ''}{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Tried:
    """`answers` is None for a way that needs no connection."""

    interface: str
    network: Network
    answers: bool | None
    result: str
    took_ms: float | None = None


def endpoints_of(contract: RunContract, book: HostBook, named: tuple[NamedWay, ...] = ()) -> tuple[Endpoint, ...]:
    """For every contributor, as lane, `swarm host list` and settings know them. Raises HostError, ContractError.

    This machine itself, the lane's contract endpoint, every host of the book, and what the operator named."""
    found: list[Endpoint] = []
    listens_at = next(node.cluster_port for node in contract.nodes if "coordinator" in node.roles)
    for node in contract.contributors:
        if node.transport != "ssh":
            found.append(Endpoint(node.node_id, "this machine", 0, "local process", Way()))
            continue
        found.append(Endpoint(node.node_id, node.host_alias, node.cluster_port, "lane", Way()))
        found += [_booked(node.node_id, host) for host in map(book.get, book.names())]
        found += [_named(node.node_id, one, listens_at) for one in named if one.node_id in (None, node.node_id)]
    return tuple(found)


def _booked(node_id: str, host: KnownHost) -> Endpoint:
    return Endpoint(
        node_id, host.destination, host.port or 0, "host book", Way(remote=host.name), host.name, known=host
    )


def _named(node_id: str, named: NamedWay, listens_at: int) -> Endpoint:
    way = named.way
    if way.dial_in is not None:
        return Endpoint(node_id, way.dial_in, way.coordinator_port or listens_at, "settings", way, named.name)
    host, _, port = (way.remote or "").rpartition(":")
    return Endpoint(node_id, host.strip("[]"), int(port), "settings", way, named.name)


def try_endpoint(endpoint: Endpoint, *, managed: bool) -> Tried:
    """Connects, and reads the SSH greeting; where the settings name a key, that key has to answer. Only at a host of
    the book somebody logs in, and does nothing there.

    Takes at most some seconds, and no thread that has an event loop. `managed`: our own agent is started there with a
    run, so that nobody answers before.
    """
    if endpoint.origin == "local process":
        return Tried("none", "this machine", None, "no connection needed")
    for key in (endpoint.way.host_key, endpoint.way.client_key):
        if key is not None and not key.is_file():
            return Tried("none", network_of(endpoint.host), False, f"expected a key file, got none at {key}")
    if endpoint.way.dial_in is not None:
        return _listening(endpoint)
    if endpoint.known is not None:
        return asyncio.run(_logged_in(endpoint.known))
    began = time.monotonic()
    try:
        with socket.create_connection((endpoint.host, endpoint.port), TRY_S) as link:
            link.settimeout(TRY_S)
            took_ms = (time.monotonic() - began) * 1000
            here, there = link.getsockname()[0], link.getpeername()[0]
            banner = link.recv(MAX_BANNER).split(b"\n")[0].decode("ascii", "replace")
    except OSError as error:
        return _no_answer(endpoint, error, managed=managed)
    ssh = banner.startswith("SSH-2.0-")
    said = _printable(banner.strip())[:60] if ssh else f"expected an SSH greeting, got {_printable(banner)[:40]!r}"
    tried = Tried(*_route(here, there), ssh, said, took_ms)
    pinned = endpoint.way.host_key
    return tried if pinned is None or not ssh else asyncio.run(_by_its_key(endpoint, pinned, tried))


async def _by_its_key(endpoint: Endpoint, pinned: Path, tried: Tried) -> Tried:
    """Is it the host whose key the settings name? Nothing but the key exchange is sent."""
    import asyncssh

    from console.hosts.ssh_dial import kinds_asked_for

    try:
        expected = asyncssh.read_public_key(pinned)
    except (asyncssh.KeyImportError, OSError, ValueError) as error:
        return replace(tried, answers=False, result=f"{pinned}: expected an OpenSSH public key, got: {error}")
    try:
        async with asyncio.timeout(TRY_S):
            kinds = kinds_asked_for(expected)
            key = await asyncssh.get_server_host_key(
                endpoint.host, endpoint.port, config=None, server_host_key_algs=kinds
            )
    except (OSError, TimeoutError, asyncssh.Error) as error:
        why = _printable(str(error)) or type(error).__name__
        return replace(tried, answers=False, result=f"expected the key of {pinned}, got: {why}"[:300])
    if key is None or key.public_data != expected.public_data:
        got = "none" if key is None else key.get_fingerprint()
        said = f"another host, or set up anew: expected key {expected.get_fingerprint()} of {pinned}, got {got}"
        return replace(tried, answers=False, result=said)
    return replace(tried, result=f"its pinned key, {tried.result}")


async def _logged_in(host: KnownHost) -> Tried:
    """By its pinned key, and out again."""
    from console.hosts.ssh_dial import dial_out
    from console.hosts.ssh_target import target_of

    began = time.monotonic()
    try:
        connection, _ = await dial_out(target_of(host))
    except HostError as error:
        return Tried("none", network_of(host.destination), False, str(error))
    took_ms = (time.monotonic() - began) * 1000
    async with connection:
        here, there = connection.get_extra_info("sockname"), connection.get_extra_info("peername")
    told = "let in by its pinned key, through a jump"
    route: tuple[str, Network] = ("none", "by a jump")
    if here is not None and there is not None:
        told, route = f"let in by its pinned key at {there[0]}:{there[1]}", _route(here[0], there[0])
    if host.runners_sha256 != sources_sha256():
        return Tried(*route, False, f"{told}; its runners are older: `swarm host add {host.name}`", took_ms)
    return Tried(*route, True, told, took_ms)


def _route(here: str, there: str) -> tuple[str, Network]:
    """The interface that a connection left by, and the kind of network that it goes through."""
    interface = interface_of(here)
    overlay = next((one for one in overlays_here() if one.interface == interface), None)
    return interface, network_of(there) if overlay is None or overlay.kind == "Tailscale" else "overlay"


def _listening(endpoint: Endpoint) -> Tried:
    """Could this machine listen there? The host itself dials only once a run does."""
    network, interface = network_of(endpoint.host), interface_of(endpoint.host)
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    try:
        with socket.create_server((endpoint.host, endpoint.port), family=family):
            return Tried(interface, network, None, "free: a run listens there, and the host dials")
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "somebody listens there already" if taken else error.strerror or str(error)
        return Tried(interface, network, False, f"can't listen there: {why}")


def _no_answer(endpoint: Endpoint, error: OSError, *, managed: bool) -> Tried:
    network = network_of(endpoint.host)
    interface = interface_of(endpoint.host) if network == "this machine" else "none"
    if managed and isinstance(error, ConnectionRefusedError):
        return Tried(interface, network, None, "free: a run starts our agent")
    why = error.strerror or str(error) or type(error).__name__
    hint = network_hint(error)
    return Tried(interface, network, False, f"no answer: {why}{'; ' if hint else ''}{hint}")


def network_of(host: str) -> Network:
    """By the address alone; a name is looked up only when it is tried."""
    if host == "localhost":
        return "this machine"
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "by name"
    if address.is_loopback:
        return "this machine"
    if address.is_link_local:
        return "link-local"
    if address.version == 4 and address in TAILNET:
        return "tailnet"
    return "trusted LAN" if address.is_private else "public internet"


def interface_of(address: str) -> str:
    """The interface that has this address; `unknown` when none has."""
    wanted = "127.0.0.1" if address == "localhost" else address.removeprefix("::ffff:")
    for name, addresses in psutil.net_if_addrs().items():
        if any(str(one.address).partition("%")[0] == wanted for one in addresses):
            return str(name)
    return "unknown"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "·" for char in text)
