"""The window from its inputs to its decision, and what it is bound to."""

from typing import Annotated, Literal

from pydantic import Field

from runners.contract.coordinator_records.finding import Finding
from runners.contract.document import Word
from runners.contract.journal import Head
from runners.contract.names import Sha256, Text
from runners.contract.receipts import GateValue, HeldOutScore, MergedContribution
from runners.contract.states import WindowState


class InputsPrepared(Word):
    """Hidden states of both splits are captured, and cut into slices for this run."""

    reused: bool  # captured by an earlier run from the same model, tokenizer and data
    head_sha256: Sha256
    train_samples: int
    train_tokens: int
    held_out_samples: int
    held_out_tokens: int


class PlanBound(Word):
    plan_digest: Sha256
    membership_digest: Sha256


class DriftFound(Word):
    """What the run acts on is no longer what the topology contract froze, or what was bound to it."""

    document: Literal["run_contract", "window_plan", "membership_receipt", "topology"]
    findings: Annotated[tuple[Finding, ...], Field(min_length=1)]


class WindowOpened(Word):
    """The clocks run from here."""

    begin_digest: Sha256


class WindowChanged(Word):
    """A decision, and the journals that it rests on."""

    before: WindowState
    after: WindowState
    reason: Text
    heads: tuple[Head, ...]


class Scored(Word):
    scores: tuple[HeldOutScore, ...]
    receipt_digest: Sha256


class Merged(Word):
    report_digest: Sha256
    merged_sha256: Sha256
    rank: int
    contributions: tuple[MergedContribution, ...]


class PromotionDecided(Word):
    disposition: Literal["promoted", "held"]
    gates: tuple[GateValue, ...]
    publish_disposition: Literal["refused"]
    publish_reason: Text
    receipt_digest: Sha256


class ReplayOutlook(Word):
    """May the same slices be done again under the same contract? Said when an attempt ended for want of a contributor.

    A replay is possible exactly when nothing was found that stands in its way.
    """

    possible: bool
    findings: tuple[Finding, ...]
