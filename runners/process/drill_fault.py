"""A fault that the owner of a host switches on for a drill: the work is done, and something else is published.

It comes from the host's own settings and never from the wire, and only the loopback lane has it.
"""

from pathlib import Path
from typing import Literal

from runners.contract.lane import RunContract
from runners.contract.plan import RECEIPT_FILE, Assignment
from runners.contract.receipts import ContributorReceipt
from runners.process.errors import Refused
from runners.records.durable import write_durable

DrillFault = Literal["another_shape", "another_identity"]
ONLY_LANE = "loopback"


def require_loopback(fault: DrillFault | None, contract: RunContract) -> None:
    """Raises Refused: on a lane that means it, no host may publish anything but its work."""
    if fault is not None and contract.lane_id != ONLY_LANE:
        raise Refused(
            "drill_fault_refused",
            f"lane {contract.lane_id}: expected no SWARM_DANGEROUS_DRILL_FAULT on this host, got {fault}; "
            f"only the lane {ONLY_LANE} has drills; unset it",
        )


def spoil(fault: DrillFault, draft: Path, receipt: ContributorReceipt, assignment: Assignment) -> ContributorReceipt:
    """What lies in `draft` becomes one rank less, or another alpha; the receipt follows, as a wrong trainer's would."""
    from runners.training.adapter_file import read_adapter, write_adapter, write_adapter_config
    from runners.training.backend import AdapterWeights
    from runners.training.contribution import base_label

    head, planned = assignment.head, assignment.adapter
    stored = read_adapter(
        draft / receipt.adapter.name, rank=planned.rank, hidden_size=head.hidden_size, vocab_size=head.vocab_size
    ).weights
    rank = planned.rank - 1 if fault == "another_shape" else planned.rank
    alpha = planned.alpha if fault == "another_shape" else 2 * planned.alpha
    weights = AdapterWeights(stored.a[:rank], stored.b[:, :rank])
    adapter = write_adapter(draft, weights, assignment.digest)
    config = write_adapter_config(draft, rank=rank, alpha=alpha, base_label=base_label(head.model_digest))
    said = {name: getattr(receipt, name) for name in ContributorReceipt.model_fields if name != "digest"}
    spoiled = ContributorReceipt.seal(**{**said, "adapter": adapter, "adapter_config": config})
    write_durable(draft / RECEIPT_FILE, spoiled.to_bytes())
    return spoiled
