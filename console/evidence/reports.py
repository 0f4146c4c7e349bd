"""The two runtime reports: what the coordinator holds true, and what the contributors said."""

from typing import TypeVar

from console.coordination.spec import RunSpec
from console.coordination.state import NodeState, RunState
from console.evidence.account import Account, NodeAccount
from console.evidence.models import (
    ContributorAccount,
    ContributorRuntimeReport,
    CoordinatorRuntimeReport,
    NodeSummary,
    StateChange,
)
from runners.contract import coordinator_records as rec
from runners.contract import node_records as node_rec
from runners.contract.document import Word

W = TypeVar("W", bound=Word)
UNKNOWN = "not_observed"
COORDINATOR_BOUNDARY = "What this coordinator decided, and the journals that its decisions rest on."
CONTRIBUTOR_BOUNDARY = "What the contributors' own journals say: signed by them, and true as far as they are."


def coordinator_report(spec: RunSpec, state: RunState, account: Account) -> CoordinatorRuntimeReport:
    own = account.coordinator
    changes = [(entry.record.wall_ms, entry.body) for entry in own.of("window_changed")]
    return CoordinatorRuntimeReport.seal(
        run_id=spec.run_id,
        coordinator_public_key=state.opened.coordinator_public_key if state.opened else "0" * 64,
        started_wall_ms=own.entries[0].record.wall_ms,
        finished_wall_ms=own.entries[-1].record.wall_ms,
        window_ms=_window_ms(own),
        states=tuple(
            StateChange(before=body.before, after=body.after, reason=body.reason, wall_ms=wall_ms)
            for wall_ms, body in changes
            if isinstance(body, rec.WindowChanged)
        ),
        nodes=tuple(
            _summary(state.nodes[node_id], account.contributors.get(node_id)) for node_id in sorted(state.nodes)
        ),
        record_counts=own.counts(),
        journal_heads=own.heads,
        observer_gaps_ms=tuple(body.gap_ms for body in _bodies(own, rec.ObserverGap)),
        skew_ms=state.skew.skew_ms if state.skew else None,
        claim_boundary=COORDINATOR_BOUNDARY,
    )


def _window_ms(own: NodeAccount) -> int | None:
    """From the opening of the window to the change that ended it, on the coordinator's monotonic clock."""
    opened = own.of("window_opened")
    ended = [e.record for e in own.of("window_changed") if isinstance(e.body, rec.WindowChanged)]
    if not opened or len(ended) < 2 or opened[0].record.epoch != ended[-2].epoch:
        return None  # a restart of the machine in between would mix two clocks
    return ended[-2].mono_ms - opened[0].record.mono_ms


def _summary(node: NodeState, own: NodeAccount | None) -> NodeSummary:
    beats = _bodies(own, node_rec.Heartbeat) if own else ()
    return NodeSummary(
        node_id=node.node_id,
        backend_label=node.bringup.backend_label if node.bringup else UNKNOWN,
        device_label=node.bringup.device_label if node.bringup else UNKNOWN,
        device_name=node.bringup.device_name if node.bringup else UNKNOWN,
        ready=node.ready,
        heartbeats=len(beats),
        longest_heartbeat_gap_ms=own.longest_beat_gap_ms() if own else None,
        steps_done=max((beat.step for beat in beats), default=0),
        departure=node.departure,
        disposition=node.disposition,
        replay_outcome=node.replay.outcome.value if node.replay else "not_replayed",
        adapter_sha256=node.submission.adapter_sha256 if node.submission else None,
    )


def contributor_report(spec: RunSpec, state: RunState, account: Account) -> ContributorRuntimeReport:
    return ContributorRuntimeReport.seal(
        run_id=spec.run_id,
        contributors=tuple(
            _contributor(state.nodes[node_id], own) for node_id, own in sorted(account.contributors.items())
        ),
        claim_boundary=CONTRIBUTOR_BOUNDARY,
    )


def _contributor(node: NodeState, own: NodeAccount) -> ContributorAccount:
    beats = _bodies(own, node_rec.Heartbeat)
    ready = _bodies(own, node_rec.Ready)
    produced = _bodies(own, node_rec.Produced)
    exited = _bodies(own, node_rec.Exited)
    opened = _bodies(own, node_rec.Opened)
    losses = [beat.loss for beat in beats if beat.loss is not None]
    return ContributorAccount(
        node_id=node.node_id,
        node_public_key=opened[0].node_public_key if opened else "0" * 64,
        journal_heads=own.heads,
        record_counts=own.counts(),
        backend_label=ready[-1].device.backend_label if ready else UNKNOWN,
        device_label=ready[-1].device.device_label if ready else UNKNOWN,
        steps_done=max((beat.step for beat in beats), default=0),
        last_loss=losses[-1] if losses else None,
        contributor_receipt_digest=produced[-1].receipt_digest if produced else None,
        exit_reason=exited[-1].reason if exited else UNKNOWN,
    )


def _bodies(own: NodeAccount, cls: type[W]) -> tuple[W, ...]:
    return tuple(entry.body for entry in own.entries if isinstance(entry.body, cls))
