"""What went otherwise than it should, one line for each record that says so."""

from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.states import ReplayOutcome


def trouble(body: Word) -> str | None:
    """In words for an audit; None for a record of the ordinary course."""
    return _of_a_host(body) or _of_the_work(body) or _of_the_coordinator(body)


def _of_a_host(body: Word) -> str | None:
    if isinstance(body, rec.BringupRefused):
        return f"{body.node_id} refused at its gate, {body.reason}: {body.detail}"
    if isinstance(body, rec.AdmissionDecided) and body.outcome == "refused":
        return f"{body.node_id} not admitted, {body.reason}: {body.detail}"
    if isinstance(body, rec.PreparationFailed):
        return f"{body.node_id} could not be prepared, {body.reason}: {body.detail}"
    if isinstance(body, rec.LinkChanged) and body.state == "down":
        return f"link to {body.node_id} down: {body.reason}"
    if isinstance(body, rec.RunnerChanged):
        age = f"last heartbeat {body.beat_age_ms} ms before"
        return f"{body.node_id} {body.before} to {body.after}, {age}: {body.cause}"
    if isinstance(body, rec.JournalBroken):
        return f"journal of {body.node_id} broken, {body.reason}: {body.detail}"
    return None


def _of_the_work(body: Word) -> str | None:
    if isinstance(body, rec.ContributorFailed):
        return f"{body.node_id} failed, {body.reason}: {body.detail}"
    if isinstance(body, rec.CheckpointRefused):
        return f"checkpoint of {body.node_id} after step {body.step} refused: {body.reason}"
    if isinstance(body, rec.SubmissionJudged) and body.outcome == "rejected":
        return f"submission of {body.node_id} rejected: {body.reason}"
    if isinstance(body, rec.Quarantined):
        return f"{body.name} of {body.node_id} put into quarantine: {body.reason}"
    if isinstance(body, rec.SkewMeasured) and body.outcome != "within_bound":
        return f"{body.last} {body.skew_ms} ms behind {body.first}, bound {body.bound_ms} ms: {body.outcome}"
    if isinstance(body, rec.ReplayJudged) and body.outcome in (ReplayOutcome.MISMATCH, ReplayOutcome.FAILED):
        return f"replay of {body.node_id}: {body.outcome} {body.detail}".rstrip()
    return None


def _gone_on(item: rec.Continued) -> str:
    start = item.checkpoints[-1]
    return f"{item.node_id} goes on after step {start.step}, from its checkpoint of revision {start.revision}"


def _of_the_coordinator(body: Word) -> str | None:
    if isinstance(body, rec.ObserverGap):
        return f"the coordinator itself was late by {body.gap_ms} ms ({body.cause})"
    if isinstance(body, rec.EpochOpened):
        return f"a new coordinator took over after {body.gap_ms} ms"
    if isinstance(body, rec.Recovered):
        return f"a torn last line of {body.cut_bytes} bytes was cut"
    if isinstance(body, rec.RevisionOpened):
        went = "; ".join(_gone_on(item) for item in body.continued) or "every slice from its first step"
        return f"revision {body.revision}, because the one before ended as {body.previous_classification}: {went}"
    if isinstance(body, rec.WorkFailed):
        return f"{body.activity} failed: {body.detail}"
    if isinstance(body, rec.DriftFound):
        first = body.findings[0]
        return f"drift of the {body.document}, {first.rule}: expected {first.expected}, got {first.got}"
    if isinstance(body, rec.ReplayOutlook) and not body.possible:
        said = "; ".join(f"{item.rule} expected {item.expected}, got {item.got}" for item in body.findings)
        return f"no replay is possible under the same contract: {said}"
    if isinstance(body, rec.OperatorActed):
        return f"the operator: {body.command} ({body.reason})"
    return None
