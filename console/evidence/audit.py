"""The after-action audit: what ran, what was verified, what it proves and what it does not, from the records."""

from datetime import UTC, datetime
from typing import Protocol

from console.coordination.state import NodeState, RunState
from console.evidence.account import Account
from console.evidence.troubles import trouble
from runners.contract.lane import RunContract


class AuditedRun(Protocol):
    """What an audit must know of a run beside its records. A RunSpec is one."""

    @property
    def run_id(self) -> str: ...

    @property
    def contract(self) -> RunContract: ...


def write_audit(spec: AuditedRun, state: RunState, account: Account) -> str:
    """Markdown. Every figure in it is read from a record of this run."""
    sections = (
        _head(spec, state, account),
        _hosts(state, account),
        _verified(state),
        _scores(state),
        _met(account),
        _boundary(spec, state),
    )
    return "\n".join(section for section in sections if section)


def _head(spec: AuditedRun, state: RunState, account: Account) -> str:
    entries = account.coordinator.entries
    begun, ended = entries[0].record.wall_ms, entries[-1].record.wall_ms
    return (
        f"# Audit of run {spec.run_id}\n\n"
        f"Lane `{spec.contract.lane_id}`, contract `{spec.contract.digest[:16]}`, {_utc(begun)} to {_utc(ended)} UTC "
        f"({(ended - begun) / 1000:.1f} s).\n\n"
        f"Result: **{state.classification}**. {state.reason}.\n"
    )


def _hosts(state: RunState, account: Account) -> str:
    rows = [
        "## What ran\n",
        "| node | device | steps | heartbeats | longest gap | departure |",
        "|---|---|---|---|---|---|",
    ]
    for node_id in sorted(state.nodes):
        node, own = state.nodes[node_id], account.contributors.get(node_id)
        device = f"{node.bringup.backend_label}, {node.bringup.device_name}" if node.bringup else "not observed"
        counts = own.counts() if own else {}
        gap = own.longest_beat_gap_ms() if own else None
        rows.append(
            f"| {node_id} | {device} | {_steps(account, node_id)} | {counts.get('heartbeat', 0)} "
            f"| {f'{gap} ms' if gap is not None else '-'} | {node.departure or '-'} |"
        )
    return "\n".join(rows) + "\n"


def _steps(account: Account, node_id: str) -> int:
    own = account.contributors.get(node_id)
    steps = [getattr(entry.body, "step", 0) for entry in own.of("heartbeat")] if own else []
    return max(steps, default=0)


def _verified(state: RunState) -> str:
    rows = ["## What was verified\n"]
    rows += [f"- {node_id}: {_verdict(state.nodes[node_id])}" for node_id in sorted(state.nodes)]
    if state.skew:
        rows.append(f"- skew {state.skew.skew_ms} ms of {state.skew.bound_ms} ms: {state.skew.outcome}")
    return "\n".join(rows) + "\n"


def _verdict(node: NodeState) -> str:
    parts = [f"contribution {node.disposition}"]
    if node.replay and node.replay.relative_difference is not None:
        parts.append(
            f"replayed on `{node.replay.backend_label}` in {node.replay.segments} segments "
            f"({node.replay.exact_segments} exact): {node.replay.outcome}, largest difference over a segment's own "
            f"change {node.replay.relative_difference:.2e} (bound {node.replay.relative_bound:g}), largest loss "
            f"difference {node.replay.max_loss_difference:.2e} (bound {node.replay.loss_bound:g})"
        )
    elif node.replay:
        parts.append(f"replay {node.replay.outcome}: {node.replay.detail}")
    else:
        parts.append("not replayed")
    if node.trouble:
        parts.append(f"{node.trouble.reason}: {node.trouble.detail}")
    return "; ".join(parts)


def _scores(state: RunState) -> str:
    if state.scored is None:
        return "## Figures\n\nNo held-out score: no merge was reached.\n"
    rows = ["## Figures\n", "| held-out loss of | nats per response token |", "|---|---|"]
    rows += [f"| {score.subject} | {score.mean_loss:.6f} |" for score in state.scored.scores]
    if state.promotion:
        rows += [
            "",
            f"Promotion: **{state.promotion.disposition}**. Publication: {state.promotion.publish_disposition}.",
            "",
        ]
        rows += [f"- {gate.gate}: {gate.value} ({gate.threshold})" for gate in state.promotion.gates]
    return "\n".join(rows) + "\n"


def _met(account: Account) -> str:
    """Troubles in the order in which they were recorded."""
    met = [(entry.record.wall_ms, trouble(entry.body)) for entry in account.coordinator.entries]
    rows = [f"- {_utc(wall_ms)} {text}" for wall_ms, text in met if text is not None]
    return "## Met on the way\n\n" + ("\n".join(rows) if rows else "Nothing out of the ordinary.") + "\n"


def _boundary(spec: AuditedRun, state: RunState) -> str:
    proven = "the merge of replay-checked contributions" if state.merged else "no merge: only what is listed above"
    return (
        f"## What it proves, and what it does not\n\nIt proves {proven}. {spec.contract.claim_boundary}\n\n"
        "The run itself published nothing. Without an outside witness the coordinator's owner could have written all "
        "of it.\n"
    )


def _utc(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
