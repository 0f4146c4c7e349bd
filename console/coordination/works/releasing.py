"""The end of a runner: told to go, and proven gone."""

import asyncio
import contextlib
import sys

from console.coordination.desk import Desk
from console.coordination.works.checkpoints import keep, keep_late
from console.coordination.works.collecting import fetch
from console.hosts.errors import HostError, HostUnreachable, LinkDown
from console.hosts.host import Host
from console.hosts.line_conversation import printable
from runners.contract import coordinator_records as rec
from runners.contract.errors import ContractError
from runners.contract.requests import Done, RunnerRequest, RunnerStatus
from runners.contract.states import WindowState

ASK_EVERY_S = 0.2
REPLAYED = (WindowState.REPLAY_REQUIRED, WindowState.WAIT_THEN_REPLAY)
PATIENCE_S = 8.0  # how long a released runner may take to end by itself before it is stopped


async def death_of(desk: Desk, node_id: str) -> str | None:
    """What its host tells of a runner that is proven dead. Anything less than proof is None: a host that is busy or
    gone proves nothing."""
    try:
        host = await desk.host(node_id)
        status = await host.ask("status", _request(desk, node_id), RunnerStatus)
    except (HostError, ContractError):
        return None
    return printable(status.detail)[:3000] if status.proven_dead else None


async def release(desk: Desk, node_id: str) -> None:
    """A runner whose work is safe here ends by itself; one of an ended attempt is stopped.

    Raises LinkDown and HostUnreachable, to be asked again: a process must not be left behind for a moment's silence.
    """
    try:
        host = await desk.host(node_id)
        await _keep_late_work(desk, node_id)
        dead, detail = await _end(desk, host)
    except (LinkDown, HostUnreachable):
        raise
    except HostError as error:
        dead, detail = False, f"could not be ended: {error}"
    if desk.node(node_id).launched is not None:
        with contextlib.suppress(HostError, ContractError):  # its last words; a broken journal is told by its follower
            await desk.drain(node_id)
        if desk.state.exit in REPLAYED and desk.node(node_id).trouble is None:
            await keep_late(desk, node_id)
    desk.note(rec.Released(node_id=node_id, proven_dead=dead, detail=detail[:4000]))


async def _keep_late_work(desk: Desk, node_id: str) -> None:
    """What came too late to be merged is still evidence."""
    node = desk.node(node_id)
    if desk.state.exit not in REPLAYED or node.seen is None or node.submission is not None or node.trouble is not None:
        return
    try:
        async with asyncio.timeout(desk.contract.policies.fetch_ms / 1000):
            await keep(desk, node_id)  # its lineage first: without the last checkpoint it can't be judged
            if desk.node(node_id).trouble is None:
                await fetch(desk, node_id)
    except (TimeoutError, HostError) as error:
        said = str(error) or f"it did not come within {desk.contract.policies.fetch_ms / 1000:g} s"
        print(f"late work of {node_id} could not be kept: {said}", file=sys.stderr)


async def _end(desk: Desk, host: Host) -> tuple[bool, str]:
    request = _request(desk, host.node_id)
    if desk.node(host.node_id).submission is not None:
        await host.ask("release", request, Done)
        deadline = desk.clock.mono_ms() + PATIENCE_S * 1000
        while desk.clock.mono_ms() < deadline:
            status = await host.ask("status", request, RunnerStatus)
            if status.proven_dead:
                return True, "released, and ended by itself"
            await asyncio.sleep(ASK_EVERY_S)
    status = await host.ask("stop", request, RunnerStatus)
    deadline = desk.clock.mono_ms() + PATIENCE_S * 1000
    while not status.proven_dead and desk.clock.mono_ms() < deadline:
        await asyncio.sleep(ASK_EVERY_S)  # a launch that broke off may still be opening its journal
        status = await host.ask("stop", request, RunnerStatus)
    return status.proven_dead, f"stopped: {status.detail}"


def _request(desk: Desk, node_id: str) -> RunnerRequest:
    launched = desk.node(node_id).launched
    revision = launched.revision if launched is not None else desk.spec.revision
    return RunnerRequest(run_id=desk.spec.run_id, node_id=node_id, revision=revision)
