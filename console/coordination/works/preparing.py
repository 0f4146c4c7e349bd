"""From admitted hosts to an open window: plan, ship, launch, begin."""

import asyncio
import json
from collections.abc import Iterator

from console.coordination.desk import WORKING_EVERY_MS, Desk
from console.coordination.errors import ContractDrift
from console.coordination.planning import WINDOW_ID, Hosts, plan_window
from console.coordination.works.bound_documents import bind, held, keep
from console.coordination.works.carrying import bring_over
from console.coordination.works.inputs import restore_inputs
from console.hosts.errors import HostRefused
from console.hosts.host import Host
from runners.contract import coordinator_records as rec
from runners.contract.bringup import BringupReport
from runners.contract.canonical import canonical_bytes, readable_bytes, sha256_hex
from runners.contract.plan import Assignment, FileRef, WindowPlan
from runners.contract.receipts import Member, MembershipReceipt
from runners.contract.requests import (
    CHECKPOINT_MISSING,
    Begin,
    BeginRequest,
    Done,
    LaunchRequest,
    LaunchResponse,
    ReceiveRequest,
    ReceiveResponse,
)
from runners.records.archive import pack
from runners.records.durable import write_durable

BEGIN_PREFIX = b"swarm.begin.v1\0"
SEND_BYTES = 256 * 1024


async def bind_plan(desk: Desk) -> None:
    """The run's documents bind the lane's digest, the machines that were measured, and their keys."""
    inputs, hosts = await restore_inputs(desk), hosts_of(desk)
    plan = plan_window(desk.contract, desk.spec.run_id, desk.spec.revision, inputs, hosts)
    membership = membership_of(desk)
    if findings := desk.drift(plan, membership):
        # A stop condition of the runbook: what is no longer the lane's is neither bound nor shipped.
        keep(desk, "window_plan.json", plan.to_bytes())
        keep(desk, "membership_receipt.json", membership.to_bytes())
        raise ContractDrift("topology", findings)
    bind(desk, desk.contract, plan, membership)
    await asyncio.to_thread(bring_over, desk.paths, plan)
    desk.note(rec.PlanBound(plan_digest=plan.digest, membership_digest=membership.digest))


def hosts_of(desk: Desk) -> Hosts:
    """What each host said at bring-up that it trains under, and what an earlier revision kept of its slice."""
    execution = {}
    for node_id in desk.state.nodes:
        report = BringupReport.read((desk.paths.reports / f"{node_id}_bringup.json").read_bytes())
        assert report.execution is not None, "a ready report has measured it"
        execution[node_id] = report.execution
    previous = desk.spec.previous
    return Hosts(execution, {item.node_id: item.checkpoints for item in previous.continued} if previous else {})


def membership_of(desk: Desk) -> MembershipReceipt:
    members = []
    for contract in desk.contract.contributors:
        node = desk.node(contract.node_id)
        assert node.bringup is not None and node.admission is not None
        members.append(
            Member(
                node_id=contract.node_id,
                roles=contract.roles,
                node_public_key=node.bringup.node_public_key,
                backend_label=node.bringup.backend_label,
                device_label=node.bringup.device_label,
                contract_endpoint=node.card.contract_endpoint,
                observed_endpoint=node.endpoint,
                bringup_digest=node.bringup.report_digest,
                admission_digest=node.admission.receipt_digest,
            )
        )
    return MembershipReceipt.seal(
        run_id=desk.spec.run_id,
        contract_digest=desk.contract.digest,
        coordinator_public_key=desk.key.public_hex,
        members=tuple(members),
        observed_wall_ms=desk.clock.wall_ms(),
    )


def read_plan(desk: Desk) -> WindowPlan:
    """The plan that this run is bound to. Raises ContractDrift where the file is another one by now.

    Read once: a long one takes seconds, and `bound_documents.watch` sees to whoever changes the file later.
    """
    if desk.plan is None:
        desk.plan = WindowPlan.read(held(desk, "window_plan"))
    return desk.plan


async def prepare_host(desk: Desk, node_id: str) -> None:
    """Ship what the assignment names, then start the runner. Both may be asked twice and happen once."""
    host = await desk.host(node_id)
    assignment = read_plan(desk).assignment(node_id)
    try:
        try:
            await _launch(desk, host, assignment, await _ship(desk, host, assignment))
        except HostRefused as error:
            if error.refused != CHECKPOINT_MISSING:
                raise
            # The host lost what it had written: it gets it back from here.
            await _launch(desk, host, assignment, await _ship(desk, host, assignment, with_start=True))
    except HostRefused as error:
        desk.note(rec.PreparationFailed(node_id=node_id, reason=error.refused, detail=error.detail[:4000]))


async def _ship(desk: Desk, host: Host, assignment: Assignment, *, with_start: bool = False) -> FileRef:
    names = (assignment.slice.shard.name, assignment.initial_adapter.name)
    files = {name: (desk.paths.artifacts / name).read_bytes() for name in names}
    if with_start and assignment.start is not None:
        name = assignment.start.file.name
        files[name] = (desk.paths.checkpoints(assignment.node_id) / name).read_bytes()
    files["assignment.json"] = assignment.to_bytes()
    data = pack(files)
    digest = sha256_hex(data)
    archive = FileRef(name=f"{digest[:32]}.tar", size_bytes=len(data), sha256=digest)
    members = tuple(
        FileRef(name=name, size_bytes=len(raw), sha256=sha256_hex(raw)) for name, raw in sorted(files.items())
    )
    request = ReceiveRequest(run_id=desk.spec.run_id, node_id=host.node_id, archive=archive, members=members)
    async with host.open("receive") as conversation:
        await conversation.send(request)
        await conversation.send_bytes(_pieces(desk, host.node_id, data))
        await conversation.end_input()
        response = await conversation.receive(ReceiveResponse)
        await conversation.finish()
    if with_start or not desk.node(host.node_id).shipped:
        desk.note(
            rec.Shipped(node_id=host.node_id, archive_sha256=digest, size_bytes=len(data), reused=response.reused)
        )
    return archive


def _pieces(desk: Desk, node_id: str, data: bytes) -> Iterator[bytes]:
    """What is sent one after the other; how far it is stands in the journal, where that takes longer than a second."""
    began_ms, told = desk.clock.mono_ms(), False
    for start in range(0, len(data), SEND_BYTES):
        if desk.clock.mono_ms() - began_ms >= WORKING_EVERY_MS:
            desk.working("ship", node_id, start, len(data))
            told = True
        yield data[start : start + SEND_BYTES]
    if told:  # whoever was told that it began is told that it is over
        desk.working("ship", node_id, len(data), len(data))


async def _launch(desk: Desk, host: Host, assignment: Assignment, archive: FileRef) -> None:
    request = LaunchRequest(
        run_id=desk.spec.run_id,
        node_id=host.node_id,
        archive_sha256=archive.sha256,
        assignment=assignment,
        contract=desk.contract,
        coordinator_public_key=desk.key.public_hex,
    )
    answer = await host.ask("launch", request, LaunchResponse)
    desk.note(
        rec.Launched(
            node_id=host.node_id,
            revision=answer.revision,
            epoch=answer.epoch,
            pid=answer.pid,
            process_started_ms=answer.process_started_ms,
            journal=answer.journal,
        )
    )


async def open_window(desk: Desk) -> None:
    """The permission to train is written before the window opens, so that a restart sends the same one."""
    plan = read_plan(desk)
    begin = Begin(
        run_id=desk.spec.run_id,
        window_id=WINDOW_ID,
        revision=plan.revision,
        contract_digest=desk.contract.digest,
        assignment_digests=tuple(assignment.digest for assignment in plan.assignments),
    )
    said = canonical_bytes(begin.to_json())
    signature = desk.key.sign(BEGIN_PREFIX + said)
    kept = readable_bytes({"begin": begin.to_json(), "signature": signature})
    write_durable(desk.paths.documents / "begin.json", kept)
    desk.note(rec.WindowOpened(begin_digest=sha256_hex(said)))


async def begin(desk: Desk, node_id: str) -> None:
    """Tell one runner that it may train. Its journal says when it really did."""
    host = await desk.host(node_id)
    await host.ask("begin", _begin_request(desk, node_id), Done)


def _begin_request(desk: Desk, node_id: str) -> BeginRequest:
    kept = json.loads((desk.paths.documents / "begin.json").read_bytes())
    permission = Begin.model_validate_json(canonical_bytes(kept["begin"]))
    return BeginRequest(node_id=node_id, begin=permission, signature=kept["signature"])
