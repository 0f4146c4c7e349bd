"""What a drill promises, record by record: frozen by the lane's contract before anything is started. Pure."""

from typing import Literal

from console.drills.errors import DrillRefused
from console.evidence.lane_documents.failure_drills import DrillKind
from runners.contract.document import Document, Word
from runners.contract.lane import NodeContract, Policies, RunContract
from runners.contract.names import Label, NodeId, Sha256, Text
from runners.contract.plan import ADAPTER_FILE
from runners.contract.states import Classification

Case = Literal["stale_worker", "another_shape", "flipped_byte", "contributor_loss", "uneven_worker_speed"]
CASES: dict[DrillKind, tuple[Case, ...]] = {
    "stale_worker": ("stale_worker",),
    "upload_disagreement": ("another_shape", "flipped_byte"),
    "contributor_loss": ("contributor_loss",),
    "uneven_worker_speed": ("uneven_worker_speed",),
}
DETECTION_MS = 350  # 250 ms that the lane promises past a bound, and one tick of the coordinator's loop
ARRIVAL_MS = 400  # a beat that was written is fetched within this: a poll, an SFTP read, the mirror's fsync
ENDING_MS = 60_000  # what ending a runner may take
AFTERWARDS_MS = 2_000  # a decision that follows from another one, with the records in between
HERE = ("localhost", "127.0.0.1", "::1")

Since = Literal["fault", "last_beat", "previous"]


class Bounds(Word):
    """Milliseconds: more than `above_ms`, at most `at_most_ms`."""

    above_ms: int
    at_most_ms: int

    def hold(self, value_ms: int) -> bool:
        return self.above_ms < value_ms <= self.at_most_ms


class ExpectedRecord(Word):
    """One record of the coordinator, in its place in the order. Others may lie in between."""

    what: Text
    kind: Label
    fields: dict[str, str]  # of the record's body, as text
    figure: Label | None  # the field in which the record itself says how long something took
    figure_bounds: Bounds | None
    since: Since | None  # what the drill's own measurement counts from; `last_beat` was written by the node at fault
    since_bounds: Bounds | None


class DrillExpectation(Document):
    schema_version: Literal["swarm.drill_expectation.v1"] = "swarm.drill_expectation.v1"
    lane_id: Label
    contract_digest: Sha256
    kind: DrillKind
    case: Case
    node_id: NodeId  # the node that the fault strikes
    records: tuple[ExpectedRecord, ...]
    never: tuple[Label, ...]  # kinds of records that a run with this fault must not have


def kind_of(case: Case) -> DrillKind:
    return next(kind for kind, cases in CASES.items() if case in cases)


def struck_node(contract: RunContract) -> NodeContract:
    """The contributor behind SSH. Raises DrillRefused unless every contributor of the lane is on this machine."""
    away = [node for node in contract.contributors if node.host_alias not in HERE]
    if away:
        raise DrillRefused(
            f"lane {contract.lane_id}: expected every contributor on this machine, got {away[0].node_id} on "
            f"{away[0].host_alias}; a fault can be put into processes of this machine only: use --lane loopback"
        )
    node = next((node for node in contract.contributors if node.transport == "ssh"), None)
    if node is None:
        raise DrillRefused(f"lane {contract.lane_id}: expected a contributor behind SSH, got none")
    return node


def expectation(contract: RunContract, case: Case) -> DrillExpectation:
    """The same contract gives the same bytes. Raises DrillRefused."""
    node_id, policies = struck_node(contract).node_id, contract.policies
    records = {
        "stale_worker": _stale,
        "another_shape": _another_shape,
        "flipped_byte": _flipped_byte,
        "contributor_loss": _loss,
        "uneven_worker_speed": _uneven,
    }[case](node_id, policies)
    return DrillExpectation.seal(
        lane_id=contract.lane_id,
        contract_digest=contract.digest,
        kind=kind_of(case),
        case=case,
        node_id=node_id,
        records=records,
        never=("merged", "scored", "promotion_decided"),
    )


def _record(
    what: str,
    kind: str,
    *,
    figure: tuple[str, int, int] | None = None,
    since: tuple[Since, int, int] | None = None,
    **fields: str,
) -> ExpectedRecord:
    return ExpectedRecord(
        what=what,
        kind=kind,
        fields=fields,
        figure=figure[0] if figure else None,
        figure_bounds=Bounds(above_ms=figure[1], at_most_ms=figure[2]) if figure else None,
        since=since[0] if since else None,
        since_bounds=Bounds(above_ms=since[1], at_most_ms=since[2]) if since else None,
    )


def _past(bound_ms: int) -> tuple[str, int, int]:
    return ("beat_age_ms", bound_ms, bound_ms + DETECTION_MS)


def _soon(most_ms: int = AFTERWARDS_MS) -> tuple[Since, int, int]:
    return ("previous", -1, most_ms)


def _judged(node_id: str, disposition: str) -> ExpectedRecord:
    return _record(
        f"its contribution is {disposition}", "contribution_judged", since=_soon(),
        node_id=node_id, disposition=disposition,
    )  # fmt: skip


def _ends(node_id: str, after: Classification) -> tuple[ExpectedRecord, ...]:
    """No process is left, and the verdict is the last record."""
    return (
        _record("its process is proven gone", "released", since=_soon(ENDING_MS), node_id=node_id, proven_dead="true"),
        _record("the run is closed", "closed", since=_soon(ENDING_MS), classification=after.value),
    )


def _window(after: str) -> ExpectedRecord:
    return _record(f"the window ends as {after}", "window_changed", since=_soon(), after=after)


def _stale(node_id: str, policies: Policies) -> tuple[ExpectedRecord, ...]:
    def silent(bound_ms: int) -> tuple[Since, int, int]:
        return ("last_beat", bound_ms, bound_ms + DETECTION_MS + ARRIVAL_MS)

    stale, lost = policies.stale_ms, policies.loss_ms
    return (
        _record(
            "found stale", "runner_changed", figure=_past(stale), since=silent(stale),
            node_id=node_id, before="live", after="stale",
        ),
        _judged(node_id, "replay_required"),
        _window("replay_required"),
        _record(
            "found lost, not crashed", "runner_changed", figure=_past(lost), since=silent(lost),
            node_id=node_id, before="stale", after="lost", departure="timed_out",
        ),
        *_ends(node_id, Classification.REPLAY_REQUIRED),
    )  # fmt: skip


def _loss(node_id: str, policies: Policies) -> tuple[ExpectedRecord, ...]:
    latest = policies.loss_ms + DETECTION_MS
    return (
        _record(
            "found lost, and proven dead", "runner_changed", since=("fault", 0, latest),
            node_id=node_id, after="lost", departure="crashed",
        ),
        _judged(node_id, "replay_required"),
        _window("replay_required"),
        *_ends(node_id, Classification.REPLAY_REQUIRED),
    )  # fmt: skip


def _refused_upload(node_id: str, policies: Policies, reason: str, since: Since) -> tuple[ExpectedRecord, ...]:
    return (
        _record("it says that it produced", "contribution_seen", node_id=node_id),
        _record("the adapter is quarantined", "quarantined", node_id=node_id, name=ADAPTER_FILE, reason=reason),
        _record(
            "the upload is rejected", "submission_judged", since=(since, -1, policies.fetch_ms),
            node_id=node_id, outcome="rejected", reason=reason,
        ),
        _window("rejected"),
        *_ends(node_id, Classification.REJECTED),
    )  # fmt: skip


def _another_shape(node_id: str, policies: Policies) -> tuple[ExpectedRecord, ...]:
    return _refused_upload(node_id, policies, "manifest_digest_mismatch", "previous")


def _flipped_byte(node_id: str, policies: Policies) -> tuple[ExpectedRecord, ...]:
    return _refused_upload(node_id, policies, "artifact_digest_mismatch", "fault")


def _uneven(node_id: str, policies: Policies) -> tuple[ExpectedRecord, ...]:
    bound = policies.skew_ms
    latest = bound + DETECTION_MS
    return (
        _record(
            "the skew passes its bound", "skew_measured", figure=("skew_ms", bound, latest),
            since=("fault", bound, bound + policies.prepare_ms), last=node_id, outcome="past_bound_waiting",
        ),
        _record(
            "the wait is over", "skew_measured", figure=("skew_ms", bound, latest + policies.skew_wait_ms),
            since=("previous", 0, policies.skew_wait_ms + DETECTION_MS), last=node_id, outcome="wait_then_replay",
        ),
        _judged(node_id, "quarantined"),
        _window("wait_then_replay"),
        *_ends(node_id, Classification.WAIT_THEN_REPLAY),
    )  # fmt: skip
