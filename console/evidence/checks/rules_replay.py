"""Rules about the validator's own work on contributions: the replays, and the figures that they led to."""

import math
from collections.abc import Iterator
from itertools import pairwise

from console.evidence.checks.deltas import largest_difference
from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.layout import ADAPTER, INITIAL
from console.evidence.checks.rules_checkpoints import lineage_of, place_of, planned_steps
from console.evidence.checks.segments import as_told, distances, relative
from console.evidence.checks.states import State, of_adapter, read_state
from console.evidence.checks.tolerance import MAX_SEGMENT_STEPS, allowed, tolerance_of
from console.evidence.checks.verdict import Mismatch, differs

# Two float64 implementations of one norm: what a claimed figure may differ from the recomputed one, relative to itself
# and, where it is a small difference of large things, to their norm.
RELATIVE, OF_NORM = 1e-4, 1e-13
WORST_FIRST = ("mismatch", "within_tolerance", "exact")


def replays_are_about_this_work(e: Evidence) -> Iterator[Mismatch]:
    """A replay binds the same assignment, the contribution's bytes and the frozen tolerance, on the frozen backend."""
    if e.contract is None:
        return
    governance = e.contract["governance"]
    for node in e.contributors:
        receipt, assignment, contract = e.replay(node), e.assignment(node), e.node_contract(node)
        if receipt is None or assignment is None or contract is None:
            continue
        where = f"receipts/replay_{node}.json"
        contribution = e.file_of(f"retained_artifacts/{node}/{ADAPTER}")
        start = assignment["continues_from"][-1:]
        expected = {
            "assignment_digest": assignment["digest"],
            "revision": assignment["revision"],
            "contribution_sha256": contribution.sha256 if contribution else "no file",
            "tolerance": tolerance_of(governance, contract["backend"], governance["replay_backend"]),
            "continued_from": start[0] if start else None,
        }
        for name, value in expected.items():
            yield from differs(f"{where} {name}", value, receipt[name])
        yield from differs(f"{where} step_losses", assignment["recipe"]["steps"], len(receipt["step_losses"]))
        middle = receipt["replay_device"]["backend_label"].split(".")[1:2]
        backend = governance["replay_backend"]
        if middle not in ([backend], ["cuda"] if backend == "torch" else [backend]):
            yield Mismatch(f"{where} replay_device", f"backend {backend} of the contract", str(middle))


def segments_cover_the_work(e: Evidence) -> Iterator[Mismatch]:
    """From the assigned start to the adapter without a gap, each from the contributor's own checkpoint to its next."""
    for node in e.contributors:
        receipt, assignment = e.replay(node), e.assignment(node)
        if receipt is None or assignment is None:
            continue
        where = f"receipts/replay_{node}.json segments"
        last = assignment["recipe"]["steps"]
        expected, got = _planned_stretches(assignment), _stretches(receipt)
        yield from differs(where, expected, got)
        if any(end - start >= MAX_SEGMENT_STEPS for start, end in got):
            yield Mismatch(where, f"segments of at most {MAX_SEGMENT_STEPS} steps", "a longer one")
        files = {reference["step"]: reference["file"]["sha256"] for reference in lineage_of(e, node)}
        contribution = e.file_of(f"retained_artifacts/{node}/{ADAPTER}")
        files |= {0: assignment["initial_adapter"]["sha256"], last: contribution.sha256 if contribution else "no file"}
        for segment in receipt["segments"]:
            place = f"{where} {segment['first_step']} to {segment['last_step']}"
            yield from differs(f"{place} start", files.get(segment["first_step"] - 1), segment["start_sha256"])
            yield from differs(f"{place} end", files.get(segment["last_step"]), segment["end_sha256"])
            yield from _replayed_is_kept(e, node, place, segment, last)


def _planned_stretches(assignment: Body) -> list[tuple[int, int]]:
    """First and last step of every segment, counted from 1."""
    ends = [0, *planned_steps(assignment), assignment["recipe"]["steps"]]
    return [(start + 1, end) for start, end in pairwise(ends)]


def _stretches(receipt: Body) -> list[tuple[int, int]]:
    return [(segment["first_step"], segment["last_step"]) for segment in receipt["segments"]]


def _replayed_is_kept(e: Evidence, node: str, place: str, segment: Body, last: int) -> Iterator[Mismatch]:
    end, reference = segment["last_step"], segment["replayed"]
    name = ADAPTER if end == last else f"step-{end:06d}.safetensors"
    yield from differs(f"{place} replayed name", name, reference["name"])
    kept = e.file_of(f"retained_artifacts/replayed_{node}/{name}")
    expected = (kept.size, kept.sha256) if kept else "no file"
    yield from differs(f"{place} replayed", expected, (reference["size_bytes"], reference["sha256"]))


def segment_figures_are_recomputed(e: Evidence) -> Iterator[Mismatch]:
    """Every distance follows from the states in this bundle, the losses from the two receipts, the word from both."""
    if e.contract is None:
        return
    for node in e.contributors:
        receipt, own, assignment = e.replay(node), e.receipt(node), e.assignment(node)
        if receipt is None or own is None or assignment is None or not _has_figures(e, node):
            continue
        if _stretches(receipt) != _planned_stretches(assignment):
            continue  # segments_cover_the_work names it
        yield from _Recomputed(e, node, assignment, receipt, own).findings()


def _has_figures(e: Evidence, node: str) -> bool:
    contribution, replayed, start = e.adapter(node), e.adapter(f"replayed_{node}"), e.adapters.get(INITIAL)
    if contribution is None or replayed is None or start is None:
        return False
    if contribution.a.shape != replayed.a.shape or contribution.b.shape != replayed.b.shape:
        return False  # adapters_have_the_planned_shape names it
    if start.b.any():
        return False  # the_start_is_no_adapter_yet names it
    return not replayed.same_bytes(start)  # what never ran has none: work_left_a_trace names it


class _Recomputed:
    """One node's replay measured again. Three states are held at a time, whatever the work's length."""

    def __init__(self, e: Evidence, node: str, assignment: Body, receipt: Body, own: Body) -> None:
        self.e, self.node, self.assignment, self.receipt, self.own = e, node, assignment, receipt, own
        self.alpha, self.last = assignment["adapter"]["alpha"], assignment["recipe"]["steps"]
        self.refs = {reference["step"]: reference for reference in lineage_of(e, node)}

    def findings(self) -> Iterator[Mismatch]:
        where, worst, relatives, losses = f"receipts/replay_{self.node}.json", "exact", [0.0], [0.0]
        start = of_adapter(self.e.content("retained_artifacts/initial_adapter.safetensors"))
        for segment in self.receipt["segments"]:
            place = f"{where} segment {segment['first_step']} to {segment['last_step']}"
            end, replayed = self._contributed(segment["last_step"]), self._replayed(segment["last_step"])
            measured = distances(start, end, replayed, self.alpha)
            yield from _same_figures(place, measured, segment["distances"])
            loss = self._loss(segment)
            losses.append(loss)
            if not math.isclose(loss, segment["max_loss_difference"], rel_tol=1e-9, abs_tol=1e-12):
                yield Mismatch(f"{place} max_loss_difference", f"{loss:.9g}", f"{segment['max_loss_difference']:.9g}")
            outcome = self._outcome(end, replayed, measured, loss)
            yield from differs(f"{place} outcome", outcome, segment["outcome"])
            yield from self._no_copy(place, end, replayed)
            worst = next(word for word in WORST_FIRST if word in (worst, outcome))
            relatives += [relative(distance) for distance in measured]
            start = end
        yield from differs(f"{where} outcome", worst, self.receipt["outcome"])
        if not math.isclose(max(relatives), self.receipt["relative_difference"], rel_tol=RELATIVE, abs_tol=1e-12):
            got = f"{self.receipt['relative_difference']:.9g}"
            yield Mismatch(f"{where} relative_difference", f"{max(relatives):.9g}", got)
        if not math.isclose(max(losses), self.receipt["max_loss_difference"], rel_tol=1e-9, abs_tol=1e-12):
            got = f"{self.receipt['max_loss_difference']:.9g}"
            yield Mismatch(f"{where} max_loss_difference", f"{max(losses):.9g}", got)

    def _contributed(self, step: int) -> State:
        if step == self.last:
            return of_adapter(self.e.content(f"retained_artifacts/{self.node}/{ADAPTER}"))
        return read_state(self.e.content(place_of(self.node, self.refs[step])), self.assignment, step)

    def _replayed(self, step: int) -> State:
        folder = f"retained_artifacts/replayed_{self.node}"
        if step == self.last:
            return of_adapter(self.e.content(f"{folder}/{ADAPTER}"))
        return read_state(self.e.content(f"{folder}/step-{step:06d}.safetensors"), self.assignment, step)

    def _loss(self, segment: Body) -> float:
        steps = slice(segment["first_step"] - 1, segment["last_step"])
        return as_told(largest_difference(self.own["step_losses"][steps], self.receipt["step_losses"][steps]))

    def _outcome(self, end: State, replayed: State, measured: list[Body], loss: float) -> str:
        assert self.e.contract is not None
        tolerance = self.receipt["tolerance"]
        same = self.own["execution"] == self.receipt["replay_execution"] == self.assignment["execution"]
        if same and loss == 0.0 and end.same_bits(replayed):
            return "exact"
        if same and self.e.contract["governance"]["same_backend_exact"]:
            return "mismatch"
        within = all(distance["difference"] <= allowed(tolerance, distance) for distance in measured)
        return "within_tolerance" if within and loss <= tolerance["loss_bound"] else "mismatch"

    def _no_copy(self, place: str, end: State, replayed: State) -> Iterator[Mismatch]:
        """Two libraries never round a whole segment alike: equal bytes are a copy."""
        same_backend = self.receipt["replay_device"]["backend_label"] == self.own["device"]["backend_label"]
        if not same_backend and end.adapter.same_bytes(replayed.adapter):
            yield Mismatch(f"{place} replayed", "other bytes than the contribution's on another backend", "the same")


def _same_figures(place: str, measured: list[Body], claimed: list[Body]) -> Iterator[Mismatch]:
    yield from differs(f"{place} distances", [item["what"] for item in measured], [item["what"] for item in claimed])
    for again, claim in zip(measured, claimed, strict=False):
        for name in ("difference", "change", "norm"):
            if not math.isclose(again[name], claim[name], rel_tol=RELATIVE, abs_tol=OF_NORM * again["norm"]):
                yield Mismatch(f"{place} {again['what']} {name}", f"{again[name]:.9g}", f"{claim[name]:.9g}")


def replays_are_journaled_as_they_are(e: Evidence) -> Iterator[Mismatch]:
    """The decision's record repeats the receipt."""
    for line in e.said("replay_judged"):
        receipt = e.replay(line.body["node_id"])
        if receipt is None or line.body["receipt_digest"] is None:
            continue
        segments = receipt["segments"]
        expected = {
            "outcome": receipt["outcome"],
            "backend_label": receipt["replay_device"]["backend_label"],
            "relative_difference": receipt["relative_difference"],
            "relative_bound": receipt["tolerance"]["relative_bound"],
            "max_loss_difference": receipt["max_loss_difference"],
            "loss_bound": receipt["tolerance"]["loss_bound"],
            "segments": len(segments),
            "exact_segments": sum(segment["outcome"] == "exact" for segment in segments),
            "receipt_digest": receipt["digest"],
            "replayed_sha256": segments[-1]["replayed"]["sha256"] if segments else None,
        }
        for name, value in expected.items():
            yield from differs(f"{line.where} {name}", value, line.body[name])


RULES = (
    replays_are_about_this_work,
    segments_cover_the_work,
    segment_figures_are_recomputed,
    replays_are_journaled_as_they_are,
)
