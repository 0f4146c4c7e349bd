"""Both ways between this machine and a host, tried with real connections: which of them could carry a run."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass

from console.hosts.errors import HostError
from console.hosts.line_conversation import printable
from console.hosts.ssh_host import SshHost
from runners.contract.errors import ContractError
from runners.contract.requests import ReachRequest, ReachResponse

PATIENCE_S = 3.0
TRIAL_S = 20.0


@dataclass(frozen=True)
class Way:
    """`outcome` is a word of the record."""

    endpoint: str
    outcome: str
    detail: str = ""


async def try_outward(host: SshHost, port: int) -> Way:
    """From here to the contributor's endpoint. Where we reach it anyway, the link itself is the proof."""
    if not host.dialed_in:
        return Way(host.endpoint, "reached", "the link in use")
    address = host.peer_address or ""
    endpoint = f"ssh://{address}:{port}"
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(address, port)
            banner = await reader.read(4)
            writer.close()
    except (OSError, TimeoutError) as error:
        return Way(endpoint, "not_reached", str(error) or type(error).__name__)
    return Way(endpoint, "reached" if banner == b"SSH-" else "not_reached", "" if banner == b"SSH-" else "no SSH there")


async def try_inward(host: SshHost, port: int) -> Way:
    """From the contributor to the coordinator's endpoint: the host connects, and must hear a number made now."""
    if host.dialed_in:
        return Way(host.endpoint, "reached", "the link in use")
    address = host.local_address
    if address is None:
        return Way("not_observed", "not_tried", "through a jump host this machine has no address there")
    nonce = secrets.token_hex(32)

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(nonce.encode() + b"\n")
        with suppress(OSError):
            await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(say, address, port)
    except OSError as error:
        return Way(f"tcp://{address}:{port}", "not_tried", f"this machine can't listen there: {error.strerror}")
    async with server:
        bound = server.sockets[0].getsockname()[1]
        endpoint = f"tcp://{address}:{bound}"
        try:
            async with asyncio.timeout(TRIAL_S):
                answer = await host.ask("reach", ReachRequest(port=bound, nonce=nonce), ReachResponse)
        except (HostError, ContractError, TimeoutError) as error:
            return Way(endpoint, "not_tried", printable(str(error) or type(error).__name__))
    return Way(endpoint, "reached" if answer.reached else "not_reached", printable(answer.detail))
