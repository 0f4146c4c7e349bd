"""Unexpected failures of the coordinator's own work, as records: each kind of work has its own way to fail."""

from console.coordination.due import Command
from console.coordination.errors import CoordinationError
from console.hosts.errors import HostError
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.errors import ContractError
from runners.records.machine_limits import REFUSED_HERE

SPOKEN = (HostError, CoordinationError, ContractError)  # they say what, where, expected and got


def is_refused_here(error: Exception) -> bool:
    """No contributor is to blame for that, so it is no reason to end an attempt. What comes from a host is a HostError
    or LinkDown long before."""
    return isinstance(error, OSError) and error.errno in REFUSED_HERE


def as_record(command: Command, error: Exception) -> Word:
    """The record that ends the attempt for this reason. Nothing fails silently."""
    reason = reason_of(error)
    detail = (str(error) if isinstance(error, SPOKEN) else f"{type(error).__name__}: {error}")[:4000]
    if isinstance(error, TimeoutError):
        detail = f"{command.kind}: expected an end within its bound, got none"
    node_id = command.node_id
    if node_id is None:
        return rec.WorkFailed(activity=command.kind, detail=detail)
    if command.kind == "admit_host":
        return rec.BringupRefused(node_id=node_id, reason=reason, detail=detail, report_digest=None)
    if command.kind in ("prepare_host", "begin"):
        return rec.PreparationFailed(node_id=node_id, reason=reason, detail=detail)
    if command.kind == "release":
        return rec.Released(node_id=node_id, proven_dead=False, detail=detail)
    return rec.WorkFailed(activity=f"{command.kind}/{node_id}", detail=detail)


def reason_of(error: Exception) -> str:
    """`HostKeyMismatch` becomes host_key_mismatch."""
    name = type(error).__name__
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
