"""What the coordinator's records say, in one line each."""

from console.observation.figures import bound, seconds, short, size, words
from console.observation.telling import Teller, Telling, Tone
from runners.contract import coordinator_records as coord
from runners.contract.states import Classification, Disposition, LinkState, ReplayOutcome, RunnerState, WindowState

TROUBLED = frozenset(
    {
        WindowState.REFUSED,
        WindowState.REPLAY_REQUIRED,
        WindowState.REJECTED,
        WindowState.WAIT_THEN_REPLAY,
        WindowState.ABORTED,
    }
)


def _run_opened(body: coord.RunOpened) -> Telling:
    names = ", ".join(card.node_id for card in body.contributors)
    return Telling(f"lane {body.lane_id}: {names}; {body.steps} steps; process {body.pid}", Tone.FACT)


def _revision_opened(body: coord.RevisionOpened) -> Telling:
    why = f"after {words(body.previous_classification)} in bundle {short(body.previous_bundle_digest)}"
    went = [f"{item.node_id} from step {item.checkpoints[-1].step}" for item in body.continued]
    on = f"; goes on: {', '.join(went)}" if went else "; from the first step"
    return Telling(f"revision {body.revision}: the same slices again, {why}{on}", Tone.FACT)


def _epoch_opened(body: coord.EpochOpened) -> Telling:
    return Telling(f"process {body.pid} took over, nobody watched for {seconds(body.gap_ms)}", Tone.WARN)


def _recovered(body: coord.Recovered) -> Telling:
    return Telling(f"cut a torn tail of {body.cut_bytes} bytes", Tone.WARN)


def _operator_acted(body: coord.OperatorActed) -> Telling:
    return Telling(f"{body.command}: {body.reason}", Tone.FACT)


def _working(body: coord.Working) -> Telling:
    whose = f" for {body.node_id}" if body.node_id else ""
    if body.activity == "ship":
        return Telling(f"ship to {body.node_id} {size(body.done)} of {size(body.total)}")
    return Telling(f"{body.activity}{whose} {body.done} of {body.total} {body.detail}".rstrip())


def _inputs_prepared(body: coord.InputsPrepared) -> Telling:
    how = "captured before" if body.reused else "captured now"
    counts = f"{body.train_samples} to train on, {body.held_out_samples} held out"
    return Telling(f"{counts}, {how}, head {short(body.head_sha256)}", Tone.FACT)


def _agent_started(body: coord.AgentStarted) -> Telling:
    return Telling(f"{body.node_id} process {body.pid} on port {body.port}, host key {body.host_key_fingerprint}")


def _link_changed(body: coord.LinkChanged) -> Telling:
    rtt = "" if body.rtt_ms is None else f" {body.rtt_ms:.0f} ms"
    tone = Tone.WARN if body.state is LinkState.DOWN else Tone.PLAIN
    return Telling(f"{body.node_id} {body.state}{rtt} {body.endpoint} {body.reason}".rstrip(), tone)


def _directions_tested(body: coord.DirectionsTested) -> Telling:
    ways = (("to it", body.outward), ("from it", body.inward))
    said = ", ".join(f"{words(way.outcome)} {name} at {way.observed_endpoint}" for name, way in ways)
    return Telling(f"{body.node_id} {said}")


def _bringup_received(body: coord.BringupReceived) -> Telling:
    ready = body.disposition == "ready_to_attempt"
    why = "" if ready else f": {'; '.join(body.reasons)}"
    text = f"{body.node_id} {words(body.disposition)} on {body.device_label} {body.device_name}{why}"
    return Telling(text, Tone.GOOD if ready else Tone.BAD)


def _bringup_refused(body: coord.BringupRefused) -> Telling:
    return Telling(f"{body.node_id} {words(body.reason)}: {body.detail}", Tone.BAD)


def _admission_decided(body: coord.AdmissionDecided) -> Telling:
    if body.outcome == "admitted":
        how = f"token {words(body.token_custody)}"
        if body.reason == "admitted_in_an_earlier_revision":
            how = f"as in an earlier revision, {how} then"
        return Telling(f"{body.node_id} admitted, {how}", Tone.GOOD)
    return Telling(f"{body.node_id} refused, {words(body.reason)}: {body.detail}", Tone.BAD)


def _plan_bound(body: coord.PlanBound) -> Telling:
    return Telling(f"plan {short(body.plan_digest)}  membership {short(body.membership_digest)}", Tone.FACT)


def _drift_found(body: coord.DriftFound) -> Telling:
    return Telling(f"{words(body.document)} left the contract{_first(body.findings)}", Tone.BAD)


def _shipped(body: coord.Shipped) -> Telling:
    how = "was there" if body.reused else "sent"
    return Telling(f"{body.node_id} archive {size(body.size_bytes)} {how}, sha {short(body.archive_sha256)}")


def _launched(body: coord.Launched) -> Telling:
    return Telling(f"{body.node_id} r{body.revision} process {body.pid}", Tone.FACT)


def _preparation_failed(body: coord.PreparationFailed) -> Telling:
    return Telling(f"{body.node_id} {words(body.reason)}: {body.detail}", Tone.BAD)


def _runner_ready(body: coord.RunnerReady) -> Telling:
    return Telling(f"{body.node_id} on {body.device_label}", Tone.GOOD)


def _window_opened(body: coord.WindowOpened) -> Telling:
    return Telling(f"clocks run, permission {short(body.begin_digest)}", Tone.FACT)


def _runner_changed(body: coord.RunnerChanged) -> Telling:
    age = "" if body.beat_age_ms is None else f", beat {seconds(body.beat_age_ms)} old"
    limit = "" if body.bound_ms is None else f" of {bound(body.bound_ms)}"
    gone = "" if body.departure is None else f", {words(body.departure)}"
    tone = Tone.BAD if body.after in (RunnerState.STALE, RunnerState.LOST) else Tone.PLAIN
    return Telling(f"{body.node_id} {body.before} to {body.after}{age}{limit}{gone}: {body.cause}", tone)


def _journal_broken(body: coord.JournalBroken) -> Telling:
    return Telling(f"{body.node_id} {words(body.reason)}: {body.detail}", Tone.BAD)


def _observer_gap(body: coord.ObserverGap) -> Telling:
    return Telling(f"the coordinator was late by {seconds(body.gap_ms)}, {words(body.cause)}", Tone.WARN)


def _checkpoint_kept(body: coord.CheckpointKept) -> Telling:
    file = body.checkpoint.file
    return Telling(f"{body.node_id} step {body.checkpoint.step}, {size(file.size_bytes)}, sha {short(file.sha256)}")


def _checkpoint_refused(body: coord.CheckpointRefused) -> Telling:
    return Telling(f"{body.node_id} step {body.step}, {words(body.reason)}{_first(body.findings)}", Tone.BAD)


def _contribution_seen(body: coord.ContributionSeen) -> Telling:
    return Telling(f"{body.node_id} produced, manifest {short(body.manifest_digest)}", Tone.FACT)


def _contributor_failed(body: coord.ContributorFailed) -> Telling:
    return Telling(f"{body.node_id} {words(body.reason)}: {body.detail}", Tone.BAD)


def _submission_judged(body: coord.SubmissionJudged) -> Telling:
    if body.outcome == "received":
        sha = short(body.adapter_sha256)
        return Telling(f"{body.node_id} received {size(body.size_bytes)}  sha {sha}", Tone.GOOD)
    return Telling(f"{body.node_id} rejected, {words(body.reason)}{_first(body.findings)}", Tone.BAD)


def _quarantined(body: coord.Quarantined) -> Telling:
    return Telling(f"{body.node_id} {body.name}, {words(body.reason)}", Tone.BAD)


def _skew_measured(body: coord.SkewMeasured) -> Telling:
    tone = {"within_bound": Tone.PLAIN, "past_bound_waiting": Tone.WARN, "wait_then_replay": Tone.BAD}[body.outcome]
    return Telling(f"{seconds(body.skew_ms)} of {bound(body.bound_ms)}, {words(body.outcome)}, last {body.last}", tone)


def _replay_judged(body: coord.ReplayJudged) -> Telling:
    good = body.outcome in (ReplayOutcome.EXACT, ReplayOutcome.WITHIN_TOLERANCE)
    if body.relative_difference is None:
        figures = body.detail
    else:
        figures = f"difference {body.relative_difference:.1e} of {body.relative_bound:.0e}".replace("0.0e+00", "0")
        figures += f", {body.exact_segments} of {body.segments} segments exact"
    return Telling(f"{body.node_id} {words(body.outcome)}: {figures}", Tone.GOOD if good else Tone.BAD)


def _contribution_judged(body: coord.ContributionJudged) -> Telling:
    tone = Tone.GOOD if body.disposition is Disposition.ACCEPTED else Tone.BAD
    return Telling(f"{body.node_id} {words(body.disposition)}{_first(body.findings)}", tone)


def _scored(body: coord.Scored) -> Telling:
    return Telling("held-out loss " + "  ".join(f"{one.subject} {one.mean_loss:.3f}" for one in body.scores), Tone.FACT)


def _work_failed(body: coord.WorkFailed) -> Telling:
    return Telling(f"{body.activity}: {body.detail}", Tone.BAD)


def _merged(body: coord.Merged) -> Telling:
    count = len(body.contributions)
    return Telling(f"{count} contributions, rank {body.rank}, sha {short(body.merged_sha256)}", Tone.FACT)


def _promotion_decided(body: coord.PromotionDecided) -> Telling:
    failed = [gate.gate for gate in body.gates if not gate.passed]
    passed = "its gate passed" if len(body.gates) == 1 else f"all {len(body.gates)} gates passed"
    why = f", gates not passed: {', '.join(failed)}" if failed else f", {passed}"
    return Telling(f"{body.disposition}{why}; publish {body.publish_disposition}", Tone.WARN if failed else Tone.GOOD)


def _window_changed(body: coord.WindowChanged) -> Telling:
    text = f"{words(body.before)} to {words(body.after)}: {body.reason}"
    return Telling(text, Tone.BAD if body.after in TROUBLED else Tone.FACT)


def _replay_outlook(body: coord.ReplayOutlook) -> Telling:
    if body.possible:
        return Telling("the same slices can be done again under the same contract", Tone.FACT)
    return Telling(f"no replay is possible under the same contract{_first(body.findings)}", Tone.BAD)


def _released(body: coord.Released) -> Telling:
    proof = "end proven" if body.proven_dead else "end not proven"
    return Telling(f"{body.node_id} {proof}: {body.detail}", Tone.PLAIN if body.proven_dead else Tone.WARN)


def _closed(body: coord.Closed) -> Telling:
    good = body.classification is Classification.BOUNDED_SUCCESS
    return Telling(f"{words(body.classification)}: {body.reason}", Tone.GOOD if good else Tone.BAD)


def _first(findings: tuple[coord.Finding, ...]) -> str:
    if not findings:
        return ""
    more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f": {findings[0].rule} expected {findings[0].expected}, got {findings[0].got}{more}"


COORDINATOR_TELLINGS: dict[str, Teller] = {
    "run_opened": _run_opened,
    "revision_opened": _revision_opened,
    "epoch_opened": _epoch_opened,
    "recovered": _recovered,
    "operator_acted": _operator_acted,
    "working": _working,
    "inputs_prepared": _inputs_prepared,
    "agent_started": _agent_started,
    "link_changed": _link_changed,
    "directions_tested": _directions_tested,
    "bringup_received": _bringup_received,
    "bringup_refused": _bringup_refused,
    "admission_decided": _admission_decided,
    "plan_bound": _plan_bound,
    "drift_found": _drift_found,
    "shipped": _shipped,
    "launched": _launched,
    "preparation_failed": _preparation_failed,
    "runner_ready": _runner_ready,
    "window_opened": _window_opened,
    "runner_changed": _runner_changed,
    "journal_broken": _journal_broken,
    "observer_gap": _observer_gap,
    "checkpoint_kept": _checkpoint_kept,
    "checkpoint_refused": _checkpoint_refused,
    "contribution_seen": _contribution_seen,
    "contributor_failed": _contributor_failed,
    "submission_judged": _submission_judged,
    "quarantined": _quarantined,
    "skew_measured": _skew_measured,
    "replay_judged": _replay_judged,
    "contribution_judged": _contribution_judged,
    "scored": _scored,
    "work_failed": _work_failed,
    "merged": _merged,
    "promotion_decided": _promotion_decided,
    "window_changed": _window_changed,
    "replay_outlook": _replay_outlook,
    "released": _released,
    "closed": _closed,
}
