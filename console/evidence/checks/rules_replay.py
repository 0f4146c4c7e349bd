"""Rules about the validator's own work on contributions: the replays, and the figures that they led to."""

import math
from collections.abc import Iterator

from console.evidence.checks.deltas import delta_of, largest_difference, relative_difference
from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.layout import ADAPTER, INITIAL
from console.evidence.checks.verdict import Mismatch, differs

# Two float64 implementations of one norm: what a claimed figure may differ from the recomputed one.
RELATIVE, ABSOLUTE = 1e-4, 1e-9


def replays_are_about_this_work(e: Evidence) -> Iterator[Mismatch]:
    """A replay binds the same assignment, the contribution's bytes, its own bytes and the frozen bounds."""
    if e.contract is None:
        return
    governance = e.contract["governance"]
    for node in e.contributors:
        receipt, assignment = e.replay(node), e.assignment(node)
        if receipt is None or assignment is None:
            continue
        where = f"receipts/replay_{node}.json"
        contribution = e.file_of(f"retained_artifacts/{node}/{ADAPTER}")
        replayed = e.file_of(f"retained_artifacts/replayed_{node}/{ADAPTER}")
        expected = {
            "assignment_digest": assignment["digest"],
            "revision": assignment["revision"],
            "contribution_sha256": contribution.sha256 if contribution else "no file",
            "relative_bound": governance["replay_relative_bound"],
            "loss_bound": governance["replay_loss_bound"],
        }
        for name, value in expected.items():
            yield from differs(f"{where} {name}", value, receipt[name])
        kept = (replayed.size, replayed.sha256) if replayed else "no file"
        got = (receipt["replayed_adapter"]["size_bytes"], receipt["replayed_adapter"]["sha256"])
        yield from differs(f"{where} replayed_adapter", kept, got)
        yield from differs(f"{where} step_losses", assignment["recipe"]["steps"], len(receipt["step_losses"]))
        middle = receipt["replay_device"]["backend_label"].split(".")[1:2]
        backend = governance["replay_backend"]
        if middle not in ([backend], ["cuda"] if backend == "torch" else [backend]):
            yield Mismatch(f"{where} replay_device", f"backend {backend} of the contract", str(middle))


def replay_figures_are_recomputed(e: Evidence) -> Iterator[Mismatch]:
    """The difference follows from the two adapters in this bundle, the losses from the two receipts."""
    if e.contract is None:
        return
    alpha = e.contract["adapter"]["alpha"]
    for node in e.contributors:
        receipt, own = e.replay(node), e.receipt(node)
        contribution, replayed = e.adapter(node), e.adapter(f"replayed_{node}")
        if receipt is None or own is None or contribution is None or replayed is None:
            continue
        if contribution.a.shape[1] != replayed.a.shape[1] or contribution.b.shape[0] != replayed.b.shape[0]:
            continue  # adapters_have_the_planned_shape names it
        start = e.adapters.get(INITIAL)
        if start is not None and replayed.same_bytes(start):
            continue  # what never ran has no figures: work_left_a_trace names it
        where = f"receipts/replay_{node}.json"
        measured = relative_difference(delta_of(contribution, alpha), delta_of(replayed, alpha))
        if not _close(measured, receipt["relative_difference"]):
            yield Mismatch(f"{where} relative_difference", f"{measured:.9g}", f"{receipt['relative_difference']:.9g}")
        loss = largest_difference(own["step_losses"], receipt["step_losses"])
        if not math.isclose(loss, receipt["max_loss_difference"], rel_tol=1e-9, abs_tol=1e-12):
            yield Mismatch(f"{where} max_loss_difference", f"{loss:.9g}", f"{receipt['max_loss_difference']:.9g}")
        same_bytes = contribution.same_bytes(replayed)
        yield from _outcome(e, where, receipt, own, measured=measured, loss=loss, same_bytes=same_bytes)


def _outcome(
    e: Evidence, where: str, receipt: Body, own: Body, *, measured: float, loss: float, same_bytes: bool
) -> Iterator[Mismatch]:
    assert e.contract is not None
    governance = e.contract["governance"]
    same_device = receipt["replay_device"] == own["device"]
    same_backend = receipt["replay_device"]["backend_label"] == own["device"]["backend_label"]
    exact = same_bytes and loss == 0.0
    within = measured <= governance["replay_relative_bound"] and loss <= governance["replay_loss_bound"]
    outcome = "mismatch"
    if exact:
        outcome = "exact"
    elif within and not (same_device and governance["same_backend_exact"]):
        outcome = "within_tolerance"
    yield from differs(f"{where} outcome", outcome, receipt["outcome"])
    if same_bytes and not same_backend:
        # Two libraries never round a whole training alike: equal bytes are a copy.
        yield Mismatch(
            f"{where} replayed adapter", "other bytes than the contribution's on another backend", "the same"
        )


def replays_are_journaled_as_they_are(e: Evidence) -> Iterator[Mismatch]:
    """The decision's record repeats the receipt."""
    for line in e.said("replay_judged"):
        receipt = e.replay(line.body["node_id"])
        if receipt is None or line.body["receipt_digest"] is None:
            continue
        expected = {
            "outcome": receipt["outcome"],
            "backend_label": receipt["replay_device"]["backend_label"],
            "relative_difference": receipt["relative_difference"],
            "relative_bound": receipt["relative_bound"],
            "max_loss_difference": receipt["max_loss_difference"],
            "loss_bound": receipt["loss_bound"],
            "receipt_digest": receipt["digest"],
            "replayed_sha256": receipt["replayed_adapter"]["sha256"],
        }
        for name, value in expected.items():
            yield from differs(f"{line.where} {name}", value, line.body[name])


def _close(measured: float, claimed: float) -> bool:
    return math.isclose(measured, claimed, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


RULES = (
    replays_are_about_this_work,
    replay_figures_are_recomputed,
    replays_are_journaled_as_they_are,
)
