"""Which phases a rehearsal's time went into. Computed, never declared."""

from typing import Literal

from console.evidence.outcomes.phases import Parallel, Phase, PhaseId, Posture
from runners.contract.document import Word
from runners.contract.names import Text

NOTED_PERCENT, HIGH_PERCENT = 10, 30

REMEDIES: dict[PhaseId, str] = {
    "bring_up": "Keep library caches warm on each host; the gate itself takes a few steps only.",
    "inputs": "Capture hidden states once with `swarm prepare`: a second run on the same data reuses them.",
    "ship": "A slice is shipped once per content: keep the data fixed, or put the hosts on a faster link.",
    "prepare": "Imports and loading the head dominate here; they happen before the clocks run.",
    "train": "The slower contributor decides: give it a smaller slice, or fewer threads to its neighbours.",
    "fetch": "Adapters are small; look at the link's latency first.",
    "replay": "Replays run beside each other on the validator: give it cores, or a device of its own.",
    "merge": "Rank stacking is a few thin products: if this is slow, the disk is.",
    "score": "Score on the accelerator, or hold out fewer samples in the next lane.",
    "bundle": "Copying and hashing dominate here: keep runs on a local disk.",
}


class Bottleneck(Word):
    phase_id: PhaseId
    severity: Literal["high", "medium"]
    share_percent: int  # of the sum of all phases that have a figure
    evidence_posture: Posture
    parallelization_posture: Parallel
    remediation: Text


def bottlenecks(phases: tuple[Phase, ...]) -> tuple[Bottleneck, ...]:
    """Phases that took a tenth or more of the time, longest first."""
    timed = [(phase, phase.wallclock_ms) for phase in phases if phase.wallclock_ms is not None]
    total = sum(ms for _, ms in timed)
    ordered = sorted(timed, key=lambda item: -item[1])
    found = []
    for phase, ms in ordered:
        share = 100 * ms // total if total else 0
        if share >= NOTED_PERCENT:
            found.append(_bottleneck(phase, share))
    return tuple(found)


def _bottleneck(phase: Phase, share: int) -> Bottleneck:
    return Bottleneck(
        phase_id=phase.phase_id,
        severity="high" if share >= HIGH_PERCENT else "medium",
        share_percent=share,
        evidence_posture=phase.evidence_posture,
        parallelization_posture=phase.parallelization_posture,
        remediation=REMEDIES[phase.phase_id],
    )
