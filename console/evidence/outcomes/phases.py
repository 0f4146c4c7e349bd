"""How long each phase of a window took, from the coordinator's own monotonic clock.

A phase is measured when its begin and all of its ends are records of one epoch: the clocks of two processes are
never subtracted from each other. What wasn't measured has no figure, or a stand-in's figure that says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from console.evidence.account import Entry
from console.evidence.outcomes.closed_bundle import ClosedBundle
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.journal import JournalRecord
from runners.contract.names import Label, NodeId
from runners.contract.states import WindowState

Posture = Literal["measured", "simulated", "not_measured"]
Parallel = Literal["serial", "parallelizable"]
PhaseId = Literal[
    "bring_up", "inputs", "ship", "prepare", "train", "fetch", "replay", "merge", "score", "bundle"
]  # fmt: skip
Chosen = Callable[[Word], bool]


class WorkerTiming(Word):
    node_id: NodeId
    backend_label: Label  # "not_observed" where no bring-up report names a device
    active_ms: int
    idle_ms: int  # until the last worker of the phase was done


class Phase(Word):
    phase_id: PhaseId
    evidence_posture: Posture
    basis: Literal["coordinator_journal", "operator_clock", "stand_in", "none"]
    parallelization_posture: Parallel
    wallclock_ms: int | None
    workers: tuple[WorkerTiming, ...]


@dataclass(frozen=True)
class Span:
    """`each`: every contributor has an end of its own. `own_begin`: and a begin of its own."""

    begin: Chosen
    end: Chosen
    each: bool = False
    own_begin: bool = False


def _entered(state: WindowState) -> Chosen:
    return lambda body: isinstance(body, rec.WindowChanged) and body.after is state


def _is(*kinds: type[Word]) -> Chosen:
    return lambda body: isinstance(body, kinds)


def _brought_up(body: Word) -> bool:
    """A host that could not be reached was not measured, only waited for."""
    return isinstance(body, rec.BringupReceived) or (isinstance(body, rec.BringupRefused) and bool(body.report_digest))


SPANS: dict[PhaseId, Span] = {
    "bring_up": Span(_entered(WindowState.ADMITTING), _brought_up, each=True),
    "inputs": Span(_entered(WindowState.ADMITTING), _is(rec.InputsPrepared)),
    "ship": Span(_is(rec.PlanBound), _is(rec.Shipped), each=True),
    "prepare": Span(_is(rec.Shipped), _is(rec.RunnerReady), each=True, own_begin=True),
    "train": Span(_is(rec.WindowOpened), _is(rec.ContributionSeen), each=True),
    "fetch": Span(_is(rec.ContributionSeen), _is(rec.SubmissionJudged), each=True, own_begin=True),
    "replay": Span(_entered(WindowState.VALIDATING), _is(rec.ReplayJudged), each=True),
    "merge": Span(_entered(WindowState.VALIDATED), _is(rec.Merged)),
    "score": Span(_entered(WindowState.AGGREGATED), _is(rec.Scored)),
}


def measured_phases(run: ClosedBundle, bundle_ms: int | None) -> tuple[Phase, ...]:
    """Every phase in order. `bundle_ms` is from the last record to the signature, where somebody watched."""
    phases = [_phase(run, phase_id, span) for phase_id, span in SPANS.items()]
    kept = bundle_ms if run.last(rec.Scored) is not None else None  # closing a refused run's bundle shows nothing
    phases.append(
        Phase(
            phase_id="bundle",
            evidence_posture="not_measured" if kept is None else "measured",
            basis="none" if kept is None else "operator_clock",
            parallelization_posture="serial",
            wallclock_ms=kept,
            workers=(),
        )
    )
    return tuple(phases)


def with_stand_in(phases: tuple[Phase, ...], stand_in: tuple[Phase, ...]) -> tuple[Phase, ...]:
    """What was not measured takes the figures of another lane's run, marked as such; a stand-in has no workers."""
    by_id = {phase.phase_id: phase for phase in stand_in if phase.wallclock_ms is not None}
    return tuple(
        phase
        if phase.evidence_posture == "measured" or phase.phase_id not in by_id
        else Phase(
            phase_id=phase.phase_id,
            evidence_posture="simulated",
            basis="stand_in",
            parallelization_posture=phase.parallelization_posture,
            wallclock_ms=by_id[phase.phase_id].wallclock_ms,
            workers=(),
        )
        for phase in phases
    )


def _phase(run: ClosedBundle, phase_id: PhaseId, span: Span) -> Phase:
    nodes = [node.node_id for node in run.contributors] if span.each else [None]
    active = {node: _elapsed(run.records, span, node) for node in nodes}
    known = {node: ms for node, ms in active.items() if ms is not None}
    whole = max(known.values()) if len(known) == len(nodes) and known else None
    longest = max(known.values(), default=0)
    return Phase(
        phase_id=phase_id,
        evidence_posture="not_measured" if whole is None else "measured",
        basis="coordinator_journal" if known else "none",
        parallelization_posture="parallelizable" if span.each else "serial",
        wallclock_ms=whole,
        workers=tuple(
            WorkerTiming(node_id=node, backend_label=backend_label(run, node), active_ms=ms, idle_ms=longest - ms)
            for node, ms in known.items()
            if node is not None
        ),
    )


def _elapsed(records: tuple[Entry, ...], span: Span, node: str | None) -> int | None:
    begin = _last(records, span.begin, node if span.own_begin else None)
    end = _last(records, span.end, node)
    if begin is None or end is None or begin.epoch != end.epoch:
        return None
    return max(0, end.mono_ms - begin.mono_ms)


def _last(records: tuple[Entry, ...], chosen: Chosen, node: str | None) -> JournalRecord | None:
    for entry in reversed(records):
        if chosen(entry.body) and node in (None, getattr(entry.body, "node_id", None)):
            return entry.record
    return None


def backend_label(run: ClosedBundle, node_id: str) -> str:
    """What the host's own signed report says that it computes with."""
    report = run.bringup(node_id)
    return report.device.backend_label if report and report.device else "not_observed"
