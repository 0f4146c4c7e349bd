"""One host from first contact to an admission receipt."""

from console.coordination.desk import Desk
from console.coordination.state import RunState
from console.hosts.bringup import bring_up
from console.hosts.directions import Way, try_inward, try_outward
from console.hosts.errors import HostRefused
from console.hosts.host import Host
from console.hosts.ssh_host import SshHost
from runners.contract import coordinator_records as rec
from runners.contract.document import word_from_json
from runners.contract.errors import ContractError
from runners.contract.lane import NodeContract
from runners.contract.names import as_label
from runners.contract.receipts import AdmissionReceipt
from runners.contract.requests import AdmitAnswer, AdmitResponse, TokenLine
from runners.records.admission import challenge, check_token, confirmation, verify_answer, verify_receipt
from runners.records.durable import write_durable
from runners.records.errors import AdmissionRefused

READY = "ready_to_attempt"


async def admit_host(desk: Desk, node_id: str) -> None:
    """Bring-up on the host itself, then proof of the token both ways."""
    host = await desk.host(node_id)
    if desk.node(node_id).bringup is None:
        if isinstance(host, SshHost):
            await _try_both_ways(desk, host)
        await _bring_up(desk, host)
    if desk.node(node_id).bringup is not None and desk.node(node_id).trouble is None and not _holds_already(desk, host):
        await _admit(desk, host)


async def _try_both_ways(desk: Desk, host: SshHost) -> None:
    """What the lane says and what was used, kept apart. A way that is closed stops nobody: the other one is in use."""
    contributor = desk.contract.node(host.node_id)
    coordinator = next(node for node in desk.contract.nodes if "coordinator" in node.roles)
    outward = await try_outward(host, contributor.cluster_port)
    async with desk.trying_ports:
        inward = await try_inward(host, desk.spec.coordinator_port)
    ways = {"outward": _direction(contributor, outward), "inward": _direction(coordinator, inward)}
    desk.note(word_from_json(rec.DirectionsTested, {"node_id": host.node_id, **ways}))


def _direction(node: NodeContract, way: Way) -> dict[str, str]:
    return {
        "contract_endpoint": f"{node.host_alias}:{node.cluster_port}",
        "observed_endpoint": as_label(way.endpoint),
        "outcome": way.outcome,
        "detail": way.detail[:4000],
    }


async def _bring_up(desk: Desk, host: Host) -> None:
    try:
        response = await bring_up(host, desk.contract, run_id=desk.spec.run_id, gate_steps=desk.spec.gate_steps)
    except HostRefused as error:
        desk.note(_refused(host.node_id, error.refused, error.detail))
        return
    except ContractError as error:
        desk.note(_refused(host.node_id, "bringup_report_malformed", str(error)))
        return
    report = response.report
    path = desk.paths.reports / f"{host.node_id}_bringup.json"
    write_durable(path, report.to_bytes())
    write_durable(path.with_name(f"{path.name}.sig"), response.signature.encode() + b"\n")
    if (twin := twin_of(desk.state, host.node_id, report.node_public_key)) is not None:
        detail = f"expected a key that no other node has, got that of {twin}"
        desk.note(_refused(host.node_id, "node_key_of_another", detail, report.digest))
        return
    if report.disposition != READY or report.device is None:
        detail = "; ".join(report.reasons) or report.disposition
        desk.note(_refused(host.node_id, report.disposition, detail, report.digest))
        return
    desk.note(
        rec.BringupReceived(
            node_id=host.node_id,
            disposition=report.disposition,
            reasons=report.reasons,
            report_digest=report.digest,
            backend_label=report.device.backend_label,
            device_label=report.device.device_label,
            device_name=report.device.name,
            node_public_key=report.node_public_key,
        )
    )


def twin_of(state: RunState, node_id: str, key: str) -> str | None:
    """Another contributor of this run with the same key: one machine that would be counted as two."""
    brought_up = ((other.node_id, other.bringup) for other in state.nodes.values() if other.node_id != node_id)
    return next((name for name, report in brought_up if report is not None and report.node_public_key == key), None)


def _refused(node_id: str, reason: str, detail: str, digest: str | None = None) -> rec.BringupRefused:
    return rec.BringupRefused(node_id=node_id, reason=reason, detail=detail[:4000], report_digest=digest)


def _holds_already(desk: Desk, host: Host) -> bool:
    """Admission holds per run and node key: a later revision cites the receipt and needs no token.

    Another key, host key or contract than then is another node, which has to prove itself.
    """
    folder, bringup = desk.paths.admitted_before, desk.node(host.node_id).bringup
    if folder is None or bringup is None:
        return False
    name = f"admission_{host.node_id}.json"
    if not (folder / name).exists():
        return False
    receipt = AdmissionReceipt.read((folder / name).read_bytes())
    then = (receipt.node_public_key, receipt.host_key_fingerprint, receipt.contract_digest, receipt.run_id)
    now = (bringup.node_public_key, host.host_key_fingerprint, desk.contract.digest, desk.spec.run_id)
    if then != now or receipt.coordinator_public_key != desk.key.public_hex:
        return False
    for kept in (name, f"{name}.sig"):
        write_durable(desk.paths.receipts / kept, (folder / kept).read_bytes())
    handed_over = receipt.token_custody == "handed_over"  # noqa: S105 - a word of the contract
    desk.note(_admitted(host.node_id, receipt, handed_over=handed_over, reason="admitted_in_an_earlier_revision"))
    return True


def _admitted(node_id: str, receipt: AdmissionReceipt, *, handed_over: bool, reason: str) -> rec.AdmissionDecided:
    body = _decision(node_id, handed_over, "admitted", reason, "")
    return word_from_json(rec.AdmissionDecided, {
        **body.to_json(), "receipt_digest": receipt.digest, "node_public_key": receipt.node_public_key,
    })  # fmt: skip


async def _admit(desk: Desk, host: Host) -> None:
    remote = desk.remote(host.node_id)
    handed_over = remote is None or remote.token_custody == "handed_over"  # noqa: S105 - a word of the contract
    try:
        receipt = await _exchange(desk, host, handed_over=handed_over)
    except (HostRefused, AdmissionRefused, ContractError) as error:
        reason = getattr(error, "refused", None) or getattr(error, "reason", None) or "admission_malformed"
        desk.note(_decision(host.node_id, handed_over, "refused", reason, str(error)))
        return
    desk.note(_admitted(host.node_id, receipt, handed_over=handed_over, reason="both_sides_proved"))


async def _exchange(desk: Desk, host: Host, *, handed_over: bool) -> AdmissionReceipt:
    """Challenge, answer, confirmation, receipt. The token itself goes out only by the pipe of standard input."""
    if desk.token is None:
        raise AdmissionRefused(
            "admission_token_lost",
            "expected the admission token in this coordinator's memory, got none after a restart; start a new run",
        )
    secret = check_token(desk.token)
    asked = challenge(
        run_id=desk.spec.run_id,
        node_id=host.node_id,
        contract_digest=desk.contract.digest,
        coordinator_public_key=desk.key.public_hex,
        host_key_fingerprint=host.host_key_fingerprint,
        handed_over=handed_over,
    )
    bringup = desk.node(host.node_id).bringup
    assert bringup is not None
    async with host.open("admit") as conversation:
        await conversation.send(asked)
        if handed_over:
            await conversation.send(TokenLine(token=desk.token))
        given = await conversation.receive(AdmitAnswer)
        verify_answer(secret, asked, given, expected_node_key=bringup.node_public_key)
        confirmed = confirmation(secret, asked, given, admitted_wall_ms=desk.clock.wall_ms())
        await conversation.send(confirmed)
        response = await conversation.receive(AdmitResponse)
        await conversation.finish()
    receipt = verify_receipt(asked, given, confirmed, response)
    path = desk.paths.receipts / f"admission_{host.node_id}.json"
    write_durable(path, receipt.to_bytes())
    write_durable(path.with_name(f"{path.name}.sig"), response.signature.encode() + b"\n")
    return receipt


def _decision(node_id: str, handed_over: bool, outcome: str, reason: str, detail: str) -> rec.AdmissionDecided:
    return word_from_json(
        rec.AdmissionDecided,
        {
            "node_id": node_id,
            "outcome": outcome,
            "reason": reason,
            "detail": detail[:4000],
            "token_custody": "handed_over" if handed_over else "proved",
            "receipt_digest": None,
            "node_public_key": None,
        },
    )
