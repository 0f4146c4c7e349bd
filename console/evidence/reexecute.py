"""Do the work of a bundle again, with the reference backend and the stranger's own copy of the base model.

The checks alone can't tell a replay that ran from one that was invented well: this can. Every contribution is trained
again, segment by segment from its own checkpoints, in a fresh process that gets the assignment, the slice and one start
after the other out of the bundle and nothing else; what comes out is compared with the contribution and with the kept
replay, within the tolerance that the lane froze for the pair.
"""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from console.coordination.errors import JobFailed
from console.coordination.job import OnProgress, run_job
from console.coordination.replaying import replay_segments
from console.evidence.checkpoint_head import head_sha256
from console.evidence.checks.deltas import largest_difference
from console.evidence.checks.device_label import family_of
from console.evidence.checks.evidence import Evidence
from console.evidence.checks.real_run import check_real_run
from console.evidence.checks.rules_checkpoints import lineage_of, place_of, planned_steps
from console.evidence.checks.segments import distances, relative
from console.evidence.checks.states import State, of_adapter, read_state
from console.evidence.checks.stored import UnreadableError
from console.evidence.checks.tolerance import share, tolerance_of
from console.evidence.checks.verdict import Finding
from console.evidence.errors import ReexecutionError
from console.evidence.models import BUNDLE_FILE
from console.evidence.recapture import Recaptured, dataset_of, recapture
from runners.contract.document import word_from_json
from runners.contract.jobs import BackendName, Progress, ReplayJob, ScoreJob, ScoreResult, ScoreSubject, SegmentResult
from runners.contract.plan import ADAPTER_FILE, Assignment

BACKEND: BackendName = "reference"


@dataclass(frozen=True)
class Measured:
    """One comparison with work that was done just now."""

    subject: str  # "swarm-mac-a contribution", "swarm-mac-a replay", "score merge"
    relative_difference: float | None  # largest ‖difference of the deltas‖ over a segment's change; None for a score
    of_allowed: float | None  # the largest distance of all, moments too, as a share of what is allowed
    loss_difference: float  # nats: largest over the steps, or of the held-out mean
    loss_bound: float

    @property
    def within(self) -> bool:
        return (self.of_allowed is None or self.of_allowed <= 1.0) and self.loss_difference <= self.loss_bound

    def __str__(self) -> str:
        delta = ""
        if self.relative_difference is not None:
            delta = f"delta {self.relative_difference:.3g} of a segment's change ({self.of_allowed:.2g} of allowed), "
        return f"{self.subject}: {delta}loss {self.loss_difference:.3g} away"


@dataclass(frozen=True)
class Reexecution:
    """`measured` is empty where `findings` says that nothing could be measured."""

    findings: tuple[Finding, ...]
    measured: tuple[Measured | Recaptured, ...]
    not_done: str = ""  # why slices and held-out shard weren't captured again

    @property
    def consistent(self) -> bool:
        """Something was measured, and all of it agrees."""
        return bool(self.measured) and not self.findings

    def __str__(self) -> str:
        word = "agrees" if self.consistent else "does NOT agree"
        rows = [f"work done again with the {BACKEND} backend: {word}", *(f"  {item}" for item in self.measured)]
        rows += [f"  slices and held-out shard NOT captured again: {self.not_done}"] if self.not_done else []
        return "\n".join([*rows, *(f"  {finding}" for finding in self.findings)])

    def to_json(self) -> dict[str, Any]:
        return {
            "consistent": self.consistent,
            "findings": [vars(finding) for finding in self.findings],
            "measured": [{**vars(item), "within": item.within} for item in self.measured],
            "not_done": self.not_done,
        }


def ignore_progress(_: Progress) -> None:
    """For callers that show nothing."""


def reexecute(
    bundle_dir: Path, model_dir: Path, dataset_dir: Path, *, on_progress: OnProgress = ignore_progress
) -> Reexecution:
    """Blocking form of `reexecute_work`, for callers without a loop of their own."""
    return asyncio.run(reexecute_work(bundle_dir, model_dir, dataset_dir, on_progress=on_progress))


async def reexecute_work(
    bundle_dir: Path, model_dir: Path, dataset_dir: Path, *, on_progress: OnProgress = ignore_progress
) -> Reexecution:
    """Train and score again, and capture again where the dataset is at hand.

    Raises ReexecutionError when the checkpoint can't be read or a job can't run at all."""
    root = bundle_dir.parent if bundle_dir.name == BUNDLE_FILE else bundle_dir
    verdict = check_real_run(root)
    if not verdict.consistent:
        # Numbers from a bundle that contradicts itself mean nothing, and its plan may ask for anything.
        return Reexecution(verdict.findings, ())
    evidence = Evidence(root)
    nodes = [node for node in evidence.contributors if _whole(evidence, node)]
    if evidence.plan is None or evidence.contract is None or not nodes:
        missing = Finding("work_is_there_to_do_again", "bundle", "a plan and contributions", "a run that ended before")
        return Reexecution((missing,), ())
    head = evidence.plan["head"]
    got = await asyncio.to_thread(head_sha256, model_dir, head["tensor"])
    if got != head["sha256"]:
        other = Finding("checkpoint_has_the_planned_head", str(head["tensor"]), str(head["sha256"]), got)
        return Reexecution((other,), ())
    with tempfile.TemporaryDirectory(prefix="swarm-reexecute-") as folder:
        again = _Again(evidence, root, model_dir, Path(folder), on_progress)
        try:
            measured: list[Measured | Recaptured] = [item for node in nodes for item in await again.replay(node)]
            measured += await again.score(nodes)
            dataset = dataset_of(evidence, dataset_dir)
            if not dataset.missing:
                told = again.told_as("dataset", "capturing again")
                measured += await recapture(evidence, root, again.model_dir, dataset, Path(folder), told)
        except (JobFailed, UnreadableError) as error:
            raise ReexecutionError(
                f"the work of {evidence.bundle['run_id']} could not be done again: {error}"
            ) from error
    findings = tuple(_finding(item) for item in measured if not item.within)
    return Reexecution(findings, tuple(measured), dataset.missing)


def _whole(e: Evidence, node: str) -> bool:
    """An adapter, and every checkpoint on the way to it: late work may have come without."""
    assignment = e.assignment(node)
    if assignment is None or e.adapter(node) is None:
        return False
    return [ref["step"] for ref in lineage_of(e, node)] == planned_steps(assignment)


class _Again:
    """The jobs, one after the other: each uses every core it may."""

    def __init__(self, e: Evidence, root: Path, model_dir: Path, scratch: Path, on_progress: OnProgress) -> None:
        assert e.plan is not None and e.contract is not None
        self.e, self.plan, self.contract = e, e.plan, e.contract
        self.artifacts = root / "retained_artifacts"
        self.model_dir, self.scratch, self.on_progress = model_dir.absolute(), scratch, on_progress

    async def replay(self, node: str) -> list[Measured]:
        out_dir = self.scratch / node
        out_dir.mkdir()
        inputs = (f"slice_{node}.safetensors", "initial_adapter.safetensors")
        slice_path, initial_path = (str(shutil.copy2(self.artifacts / name, out_dir)) for name in inputs)
        job = ReplayJob(
            assignment=word_from_json(Assignment, self.e.assignment(node)),
            model_dir=str(self.model_dir),
            slice_path=slice_path,
            initial_adapter_path=initial_path,
            backend=BACKEND,
            out_dir=str(out_dir / "out"),
        )
        checkpoints = {
            ref["step"]: self.artifacts.parent.absolute() / place_of(node, ref) for ref in lineage_of(self.e, node)
        }
        segments, _ = await replay_segments(
            job, checkpoints.__getitem__, self.told_as(node, "training again"), log=self.scratch / "log.txt"
        )
        return await asyncio.to_thread(self._compare, node, out_dir / "out", segments)

    def told_as(self, stage: str, what: str) -> OnProgress:
        """Its progress under this name, as one stage."""
        return lambda progress: self.on_progress(progress.model_copy(update={"stage": stage, "detail": what}))

    def _compare(self, node: str, again: Path, segments: tuple[SegmentResult, ...]) -> list[Measured]:
        """Contribution and kept replay against the work done again, each segment from one and the same start."""
        found = []
        for word, receipt, place in (
            ("contribution", self.e.receipt(node), partial(self._contributed, node)),
            ("replay", self.e.replay(node), partial(self._replayed, node)),
        ):
            if receipt is None:
                continue
            label = (receipt["replay_device"] if word == "replay" else receipt["device"])["backend_label"]
            tolerance = tolerance_of(self.contract["governance"], family_of(label), BACKEND)
            if tolerance is None:
                raise ReexecutionError(f"{node} {word}: expected a tolerance for work of {label}, the lane has none")
            shares, relatives = [0.0], [0.0]
            for segment in segments:
                start = self._start(node, segment.first_step - 1)
                end = self._state(node, place(segment.last_step), segment.last_step)
                redone = self._state(node, (again / segment.file.name).read_bytes(), segment.last_step)
                measured = distances(start, end, redone, self.contract["adapter"]["alpha"])
                relatives.append(relative(measured[0]))
                shares += [share(tolerance, item) for item in measured]
            losses = [loss for segment in segments for loss in segment.step_losses]
            found.append(
                Measured(
                    subject=f"{node} {word}",
                    relative_difference=max(relatives),
                    of_allowed=max(shares),
                    loss_difference=largest_difference(receipt["step_losses"], losses),
                    loss_bound=tolerance["loss_bound"],
                )
            )
        return found

    def _start(self, node: str, step: int) -> State:
        if step == 0:
            return of_adapter(self.e.content("retained_artifacts/initial_adapter.safetensors"))
        return self._state(node, self._contributed(node, step), step)

    def _state(self, node: str, raw: bytes, step: int) -> State:
        assignment = self.e.assignment(node)
        assert assignment is not None
        return of_adapter(raw) if step == assignment["recipe"]["steps"] else read_state(raw, assignment, step)

    def _contributed(self, node: str, step: int) -> bytes:
        kept = {ref["step"]: place_of(node, ref) for ref in lineage_of(self.e, node)}
        return self.e.content(kept.get(step, f"retained_artifacts/{node}/{ADAPTER_FILE}"))

    def _replayed(self, node: str, step: int) -> bytes:
        kept = {ref["step"]: f"step-{ref['step']:06d}.safetensors" for ref in lineage_of(self.e, node)}
        return self.e.content(f"retained_artifacts/replayed_{node}/{kept.get(step, ADAPTER_FILE)}")

    async def score(self, nodes: list[str]) -> list[Measured]:
        """Held-out losses, where the run got that far."""
        receipt, report = self.e.documents.get("receipts/score.json"), self.e.merge_report
        if receipt is None or report is None:
            return []
        contract, recipe = self.contract["adapter"], self.contract["recipe"]
        folders: dict[str, tuple[str | None, float, int]] = {"base": (None, contract["alpha"], contract["rank"])}
        folders |= {node: (node, contract["alpha"], contract["rank"]) for node in nodes}
        folders["merge"] = ("merged", report["alpha"], report["rank"])
        subjects = tuple(
            ScoreSubject(
                subject=name,
                adapter_path=str((self.artifacts / folder / ADAPTER_FILE).absolute()) if folder else None,
                alpha=float(alpha),
                rank=rank,
            )
            for name, (folder, alpha, rank) in folders.items()
        )
        job = ScoreJob(
            model_dir=str(self.model_dir),
            head_sha256=self.plan["head"]["sha256"],
            held_out_path=str((self.artifacts / "held_out.safetensors").absolute()),
            subjects=subjects,
            backend=BACKEND,
            threads=recipe["threads"],
            chunk_tokens=recipe["chunk_tokens"],
        )
        result = await run_job(
            "score", job, ScoreResult, self.told_as("score", "scoring again"), log=self.scratch / "log.txt"
        )
        kept = {score["subject"]: score["mean_loss"] for score in receipt["scores"]}
        bound = min(pair["loss_bound"] for pair in self.contract["governance"]["tolerances"])
        return [
            Measured(f"score {score.subject}", None, None, abs(score.mean_loss - kept[score.subject]), bound)
            for score in result.scores
        ]


def _finding(item: Measured | Recaptured) -> Finding:
    if isinstance(item, Recaptured):
        expected = f"the dataset's tokens, and states within {item.bound:g} of those that the model has for them"
        others = f"other tokens in {item.other_targets} of {item.samples} samples"
        got = f"states {item.relative_difference:.3g} away, {others}"
        return Finding("captured_again_agrees", item.subject, expected, got)
    if item.of_allowed is None:
        expected, got = f"a held-out loss within {item.loss_bound:g}", f"{item.loss_difference:.3g} away"
    else:
        expected = (
            f"every segment within the lane's tolerance, losses within {item.loss_bound:g} of the work done again"
        )
        got = f"{item.of_allowed:.3g} of what is allowed, losses {item.loss_difference:.3g} away"
    return Finding("work_done_again_agrees", item.subject, expected, got)
