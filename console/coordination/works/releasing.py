"""The end of a runner: told to go, and proven gone."""

import asyncio

from console.coordination.desk import Desk
from console.hosts.errors import HostError
from console.hosts.host import Host
from runners.contract import coordinator_records as rec
from runners.contract.requests import Done, RunnerRequest, RunnerStatus

ASK_EVERY_S = 0.2
PATIENCE_S = 8.0  # how long a released runner may take to end by itself before it is stopped


async def check_alive(desk: Desk, node_id: str) -> bool:
    """Is the runner proven dead? Anything less than proof is no."""
    host = await desk.host(node_id)
    status = await host.ask("status", _request(desk, node_id), RunnerStatus)
    return status.proven_dead


async def release(desk: Desk, node_id: str) -> None:
    """A runner whose work is safe here ends by itself; one of an ended attempt is stopped."""
    try:
        host = await desk.host(node_id)
        dead, detail = await _end(desk, host)
        await desk.drain(node_id)
    except HostError as error:
        dead, detail = False, f"could not be reached to be ended: {error}"
    desk.note(rec.Released(node_id=node_id, proven_dead=dead, detail=detail[:4000]))


async def _end(desk: Desk, host: Host) -> tuple[bool, str]:
    request = _request(desk, host.node_id)
    if desk.node(host.node_id).submission is not None:
        await host.ask("release", request, Done)
        waited = 0.0
        while waited < PATIENCE_S:
            status = await host.ask("status", request, RunnerStatus)
            if status.proven_dead:
                return True, "released, and ended by itself"
            await asyncio.sleep(ASK_EVERY_S)
            waited += ASK_EVERY_S
    status = await host.ask("stop", request, RunnerStatus)
    return status.proven_dead, f"stopped: {status.detail}"


def _request(desk: Desk, node_id: str) -> RunnerRequest:
    launched = desk.node(node_id).launched
    revision = launched.revision if launched is not None else 0
    return RunnerRequest(run_id=desk.spec.run_id, node_id=node_id, revision=revision)
