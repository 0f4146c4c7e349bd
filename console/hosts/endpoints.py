"""Where a host of a lane can be reached from here: each way with the interface it leaves by, the kind of network, and
whether SSH answers there, or whether this machine can listen where the host is to dial."""

import errno
import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import Literal

import psutil

from console.hosts.host_book import HostBook
from console.hosts.overlays import TAILNET, overlays_here
from console.hosts.ways import NamedWay, Way
from runners.contract.lane import RunContract

TRY_S = 2.0
SSH_PORT = 22  # where the book names none; an ssh_config may know another, so such a try is a guess
MAX_BANNER = 255
Origin = Literal["lane", "host book", "settings", "local process"]
Network = Literal["this machine", "trusted LAN", "tailnet", "overlay", "link-local", "public internet", "by name"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`host` and `port` are where to dial; of a host that dials in, where this machine listens for it."""

    node_id: str
    host: str
    port: int
    origin: Origin
    way: Way
    name: str = ""  # in the host book, or in the settings

    @property
    def spelled(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
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
        found += [
            Endpoint(
                node.node_id, host.destination, host.port or SSH_PORT, "host book", Way(remote=host.name), host.name
            )
            for host in map(book.get, book.names())
        ]
        found += [_named(node.node_id, one, listens_at) for one in named if one.node_id in (None, node.node_id)]
    return tuple(found)


def _named(node_id: str, named: NamedWay, listens_at: int) -> Endpoint:
    way = named.way
    if way.dial_in is not None:
        return Endpoint(node_id, way.dial_in, way.coordinator_port or listens_at, "settings", way, named.name)
    host, _, port = (way.remote or "").rpartition(":")
    return Endpoint(node_id, host.strip("[]"), int(port), "settings", way, named.name)


def try_endpoint(endpoint: Endpoint, *, managed: bool) -> Tried:
    """Connects, and reads the SSH greeting; nothing is sent and nobody is logged in. Takes at most some seconds.

    `managed`: our own agent is started there with a run, so that nobody answers before.
    """
    if endpoint.origin == "local process":
        return Tried("none", "this machine", None, "no connection needed")
    for key in (endpoint.way.host_key, endpoint.way.client_key):
        if key is not None and not key.is_file():
            return Tried("none", network_of(endpoint.host), False, f"expected a key file, got none at {key}")
    if endpoint.way.dial_in is not None:
        return _listening(endpoint)
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
    interface = interface_of(here)
    overlay = next((one for one in overlays_here() if one.interface == interface), None)
    network = network_of(there) if overlay is None or overlay.kind == "Tailscale" else "overlay"
    said = _printable(banner.strip())[:60] if ssh else f"expected an SSH greeting, got {_printable(banner)[:40]!r}"
    return Tried(interface, network, ssh, said, took_ms)


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
        return Tried(interface, network, None, "free: our agent starts with a run")
    why = error.strerror or str(error) or type(error).__name__
    return Tried(interface, network, False, f"no answer: {why}")


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
