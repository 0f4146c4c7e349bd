"""`reach`: can this host open a connection to the coordinator? Asked at bring-up, for lanes whose hosts dial in."""

import socket

from runners.contract.names import as_label
from runners.contract.requests import ReachRequest, ReachResponse
from runners.process.errors import Refused
from runners.process.settings import HostSettings
from runners.process.wire import Wire

PATIENCE_S = 3.0
LOWEST_PORT = 1024


def reach(settings: HostSettings, wire: Wire) -> ReachResponse:
    """Only back to where the coordinator came from: nobody scans this host's network with it. Raises Refused."""
    request = wire.read(ReachRequest)
    if settings.peer_address is None:
        raise Refused("peer_unknown", "expected to know where the coordinator comes from, got no SWARM_PEER_ADDRESS")
    if not LOWEST_PORT <= request.port < 65536:
        raise Refused("port_refused", f"expected a port from {LOWEST_PORT} to 65535, got {request.port}")
    address = settings.peer_address
    try:
        said = _hear(address, request.port)
    except OSError as error:
        return ReachResponse(reached=False, address=as_label(address), detail=str(error)[:400])
    if said != request.nonce:
        return ReachResponse(reached=False, address=as_label(address), detail="something else answers there")
    return ReachResponse(reached=True, address=as_label(address), detail="")


def _hear(address: str, port: int) -> str:
    """The first line, of at most a nonce's length. Raises OSError."""
    with socket.create_connection((address, port), timeout=PATIENCE_S) as connection:
        said = b""
        while len(said) <= 64 and not said.endswith(b"\n") and (data := connection.recv(65)):
            said += data
    return said.decode("ascii", errors="replace").strip()
