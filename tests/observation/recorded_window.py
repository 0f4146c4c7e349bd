"""What the coordinator of a recorded run says, from the opening to the end."""

from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.receipts import GateValue, HeldOutScore, MergedContribution
from runners.contract.states import (
    Classification,
    Disposition,
    LinkState,
    ReplayOutcome,
    RunnerState,
    WindowState,
)
from tests.observation.recorded_contributor import device, prepare, runner
from tests.observation.recorded_journals import LINUX, MAC, POLICIES, STEPS, WALL_0, Recorder, fixture_key, sha


def opening(run: Recorder) -> None:
    """Run, links, bring-up reports: up to 3.4 s."""
    cards = (
        coord.NodeCard(
            node_id=MAC,
            roles=("coordinator", "validator", "contributor"),
            backend="mlx",
            transport="local",
            contract_endpoint="local:34100",
        ),
        coord.NodeCard(
            node_id=LINUX, roles=("contributor",), backend="torch", transport="ssh", contract_endpoint="127.0.0.1:34101"
        ),
    )
    opened = coord.RunOpened(
        lane_id="loopback",
        contract_digest=sha("contract"),
        contributors=cards,
        policies=POLICIES,
        steps=STEPS,
        coordinator_public_key=fixture_key("coordinator").public_hex,
        operator_public_key=fixture_key("operator").public_hex,
        pid=4100,
    )
    run.put(0, "coordinator", "run_opened", opened)
    change(run, 20, WindowState.PLANNED, WindowState.ADMITTING, "hosts are asked for their gate")
    started = coord.AgentStarted(
        node_id=LINUX,
        pid=4120,
        process_started_ms=WALL_0,
        address="127.0.0.1",
        port=34101,
        host_key="ssh-ed25519 AAAA",
        host_key_fingerprint="SHA256:u3fy8Qz1",
    )
    run.put(150, "coordinator", "agent_started", started)
    link(run, 200, MAC, "local:34100", None)
    link(run, 420, LINUX, "127.0.0.1:34101", 14.2)
    bringup(run, 1200, MAC)
    bringup(run, 3400, LINUX)


def link(run: Recorder, at_ms: int, node_id: str, endpoint: str, rtt: float | None) -> None:
    host_key = None if rtt is None else "SHA256:u3fy8Qz1"
    body = coord.LinkChanged(
        node_id=node_id, state=LinkState.UP, reason="", endpoint=endpoint, rtt_ms=rtt, host_key_fingerprint=host_key
    )
    run.put(at_ms, "coordinator", "link_changed", body)


def bringup(run: Recorder, at_ms: int, node_id: str) -> None:
    there = device(node_id)
    body = coord.BringupReceived(
        node_id=node_id,
        disposition="ready_to_attempt",
        reasons=(),
        report_digest=sha(f"bringup {node_id}"),
        backend_label=there.backend_label,
        device_label=there.device_label,
        device_name=there.name,
        node_public_key=fixture_key(node_id).public_hex,
    )
    run.put(at_ms, "coordinator", "bringup_received", body)


def change(run: Recorder, at_ms: int, before: WindowState, after: WindowState, reason: str) -> None:
    body = coord.WindowChanged(before=before, after=after, reason=reason, heads=())
    run.put(at_ms, "coordinator", "window_changed", body)


def admit(run: Recorder, at_ms: int, node_id: str) -> None:
    body = coord.AdmissionDecided(
        node_id=node_id,
        outcome="admitted",
        reason="token_held",
        detail="",
        token_custody="handed_over",
        receipt_digest=sha(f"admission {node_id}"),
        node_public_key=fixture_key(node_id).public_hex,
    )
    run.put(at_ms, "coordinator", "admission_decided", body)


def to_active(run: Recorder) -> tuple[int, int]:
    """Up to the opening of the window at 8.2 s; returns each node's beats so far."""
    opening(run)
    admit(run, 3500, MAC)
    admit(run, 3600, LINUX)
    bound = coord.PlanBound(plan_digest=sha("plan"), membership_digest=sha("membership"))
    run.put(3700, "coordinator", "plan_bound", bound)
    change(run, 3710, WindowState.ADMITTING, WindowState.PREPARING, "both are admitted")
    for at_ms, name in ((3800, MAC), (3850, LINUX)):
        shipped = coord.Shipped(node_id=name, archive_sha256=sha("archive"), size_bytes=1_204_224, reused=False)
        run.put(at_ms, "coordinator", "shipped", shipped)
    mac, linux = prepare(run, MAC, 3900, 6000), prepare(run, LINUX, 4100, 8000)
    run.put(8200, "coordinator", "window_opened", coord.WindowOpened(begin_digest=sha("begin")))
    change(run, 8210, WindowState.PREPARING, WindowState.ACTIVE, "every required node is ready")
    runner(run, 8220, MAC, RunnerState.PREPARING, RunnerState.LIVE)
    runner(run, 8230, LINUX, RunnerState.PREPARING, RunnerState.LIVE)
    return mac, linux


def judge(run: Recorder, at_ms: int, *, promoted: bool, skew_ms: int) -> None:
    """From both uploads here to the last record."""
    skew = coord.SkewMeasured(skew_ms=skew_ms, first=MAC, last=LINUX, bound_ms=15_000, outcome="within_bound")
    run.put(at_ms, "coordinator", "skew_measured", skew)
    change(run, at_ms + 10, WindowState.ACTIVE, WindowState.COLLECTING, "every contribution was seen")
    change(run, at_ms + 20, WindowState.COLLECTING, WindowState.SEALED, "every upload matches")
    for name in (MAC, LINUX):
        run.put(at_ms + 300, name, "exited", node.Exited(reason="released", code=0), revision=1)
        gone = coord.Released(node_id=name, proven_dead=True, detail="lock free, process gone")
        run.put(at_ms + 400, "coordinator", "released", gone)
        runner(run, at_ms + 410, name, RunnerState.LIVE, RunnerState.EXITED)
    change(run, at_ms + 500, WindowState.SEALED, WindowState.VALIDATING, "runners are gone")
    for at, name, difference in ((at_ms + 4000, MAC, 0.0), (at_ms + 8000, LINUX, 2.1e-6)):
        body = coord.ReplayJudged(
            node_id=name,
            outcome=ReplayOutcome.EXACT if difference == 0 else ReplayOutcome.WITHIN_TOLERANCE,
            backend_label=device(MAC).backend_label,
            relative_difference=difference,
            relative_bound=1e-4,
            max_loss_difference=difference,
            loss_bound=1e-4,
            segments=3,
            exact_segments=3 if difference == 0 else 0,
            receipt_digest=sha("replay"),
            replayed_sha256=sha("replayed"),
            detail="",
        )
        run.put(at, "coordinator", "replay_judged", body)
        judged = coord.ContributionJudged(node_id=name, disposition=Disposition.ACCEPTED, findings=())
        run.put(at + 50, "coordinator", "contribution_judged", judged)
    finish(run, at_ms + 8200, promoted=promoted)


def finish(run: Recorder, at_ms: int, *, promoted: bool) -> None:
    change(run, at_ms, WindowState.VALIDATING, WindowState.VALIDATED, "both are accepted and replayed")
    parts = tuple(
        MergedContribution(
            node_id=name, adapter_sha256=sha(name), samples=200, weight_numerator=1, weight_denominator=2
        )
        for name in (MAC, LINUX)
    )
    merged = coord.Merged(report_digest=sha("merge"), merged_sha256=sha("merged"), rank=16, contributions=parts)
    run.put(at_ms + 200, "coordinator", "merged", merged)
    change(run, at_ms + 210, WindowState.VALIDATED, WindowState.AGGREGATED, "the mean is exact")
    merge_loss = 4.312 if promoted else 4.495
    figures = (("base", 4.498), (MAC, 4.391), (LINUX, 4.377), ("merge", merge_loss))
    scores = tuple(HeldOutScore(subject=name, mean_loss=loss, tokens=4096) for name, loss in figures)
    run.put(at_ms + 3000, "coordinator", "scored", coord.Scored(scores=scores, receipt_digest=sha("score")))
    gain = 4.498 - merge_loss
    gate = GateValue(gate="improvement", passed=promoted, value=f"{gain:.3f}", threshold="at least 0.020")
    decided = coord.PromotionDecided(
        disposition="promoted" if promoted else "held",
        gates=(gate,),
        publish_disposition="refused",
        publish_reason="publication is never automatic",
        receipt_digest=sha("promotion"),
    )
    run.put(at_ms + 3100, "coordinator", "promotion_decided", decided)
    end = WindowState.PROMOTED if promoted else WindowState.HELD
    change(run, at_ms + 3110, WindowState.AGGREGATED, end, "gates decided")
    change(run, at_ms + 3600, end, WindowState.CLOSED, "the bundle is written")
    body = coord.Closed(classification=Classification.BOUNDED_SUCCESS, reason="merged and replay-checked", heads=())
    run.put(at_ms + 3610, "coordinator", "closed", body)
