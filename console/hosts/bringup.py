"""The bring-up of one host: asked of it, and believed only under its own signature."""

from console.hosts.host import Host
from runners.contract.bringup import BringupReport
from runners.contract.errors import ContractError
from runners.contract.lane import RunContract
from runners.contract.requests import BringupRequest, BringupResponse
from runners.records.keys import verify

REPORT_PREFIX = b"swarm.bringup_report.v1\0"


async def bring_up(host: Host, contract: RunContract, *, run_id: str, gate_steps: int) -> BringupResponse:
    """The report is about this run, node and lane, and signed by the key that it names.

    Raises HostError where the host gives none, ContractError where it is not what was asked for.
    """
    request = BringupRequest(run_id=run_id, node_id=host.node_id, contract=contract, gate_steps=gate_steps)
    response = await host.ask("bringup", request, BringupResponse)
    report = BringupReport.from_json(response.report.to_json())
    for name, expected, got in (
        ("run_id", run_id, report.run_id),
        ("node_id", host.node_id, report.node_id),
        ("contract_digest", contract.digest, report.contract_digest),
        ("requirements", contract.node(host.node_id), report.requirements),
    ):
        if expected != got:
            raise ContractError(f"bring-up report of {host.node_id}: {name}: expected {expected}, got {got}")
    verify(report.node_public_key, response.signature, REPORT_PREFIX + bytes.fromhex(report.digest))
    return response
