"""One assignment, from its claim to its release. A reader of the journal sees at any time where it stands."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from runners.contract.canonical import canonical_bytes, sha256_hex
from runners.contract.execution import ExecutionSettings, differences
from runners.contract.node_records import (
    Acknowledged,
    Began,
    Checkpointed,
    Claimed,
    Log,
    Preparing,
    Produced,
    Ready,
)
from runners.contract.plan import OUTBOX_FILES, CheckpointRef
from runners.contract.requests import LaunchRequest
from runners.contract.states import Phase
from runners.process.accelerator_watch import AcceleratorWatch
from runners.process.control import check_begin
from runners.process.drill_fault import require_loopback, spoil
from runners.process.errors import Orphaned, Refused, StopRequested
from runners.process.heartbeat import Progress
from runners.process.memory_note import forget_note, keep_note
from runners.process.outbox import new_draft, publish
from runners.process.run_root import RunRoot
from runners.process.settings import HostSettings
from runners.records.journal_file import JournalFile

if TYPE_CHECKING:  # these bring the array libraries, and the heartbeat must run before them
    from runners.training.backend import Stage, StepResult, TrainingState, Unit
    from runners.training.contribution import PreparedContribution

POLL_S = 0.1
STAGE_PERIOD_S = 0.25  # between two records of one stage
ORPHAN_MARGIN_MS = 30 * 60 * 1000
MUST_BE_AS_PLANNED = ("backend_label", "tf32", "chunk_tokens")  # else the work isn't what was assigned


class Runner:
    """Blocks in `carry_out`; whoever holds `stop` may end it."""

    def __init__(
        self,
        settings: HostSettings,
        root: RunRoot,
        request: LaunchRequest,
        journal: JournalFile,
        stop: threading.Event,
    ) -> None:
        self.settings = settings
        self.journal = journal
        self.stop = stop
        self.heartbeat_ms = request.contract.policies.heartbeat_ms
        self.progress = Progress(len(request.assignment.batches))
        self.accelerator = AcceleratorWatch(journal.append)
        self._root = root
        self._request = request
        self._assignment = request.assignment
        self._last_stage: tuple[str, float] = ("", 0.0)
        default_ms = request.contract.policies.prepare_ms + ORPHAN_MARGIN_MS
        self._patience_s = (settings.orphan_ms if settings.orphan_ms is not None else default_ms) / 1000

    def carry_out(self) -> None:
        """Returns once released. Raises StopRequested, Orphaned, or whatever made the work impossible."""
        assignment = self._assignment
        self.journal.append("claimed", Claimed(assignment_digest=assignment.digest))
        acknowledged = Acknowledged(
            assignment_digest=assignment.digest,
            steps=len(assignment.batches),
            samples=len(assignment.slice.sample_ids),
        )
        self.journal.append("acknowledged", acknowledged)
        prepared = self._prepare()
        self.progress.enter(Phase.READY)
        self._await("permission to begin", self._has_begun)
        self.progress.enter(Phase.TRAINING)
        self._produce(prepared)
        self.progress.enter(Phase.PRODUCED)
        self._await("release", self._root.release(assignment.revision).exists)

    def leave(self) -> None:
        """In order, whatever came of the work."""
        forget_note(self._root, self._assignment.revision)

    def _prepare(self) -> "PreparedContribution":
        self._on_stage("import", 0, 1, "stages", "array libraries")
        from runners.process.memory_plan import require_memory
        from runners.training import backends
        from runners.training.contribution import prepare_contribution
        from runners.training.software import execution

        planned = self._assignment.execution
        name = self.settings.backend or self._request.contract.node(self._request.node_id).backend
        backend = backends.load(name, threads=planned.threads, chunk_tokens=planned.chunk_tokens)
        got = execution(backend)
        self._compare_settings(planned, got)
        require_memory(self._assignment, backend, partial(keep_note, self._root, self._assignment.revision))
        self.accelerator.start_on(backend.device())
        self._on_stage("import", 1, 1, "stages", backend.version())
        archive = self._root.archive(self._request.archive_sha256)
        prepared = prepare_contribution(
            self._assignment,
            backend,
            model_dir=self.settings.model_dir,
            slice_path=archive / self._assignment.slice.shard.name,
            initial_path=archive / self._assignment.initial_adapter.name,
            on_stage=self._on_stage,
            start_path=self._root.start_of(self._assignment, self._request.archive_sha256),
        )
        self.progress.resume(prepared.job.start.step, self._presented(prepared.job.start.step))
        ready = Ready(
            device=backend.device(),
            head_sha256=prepared.head_sha256,
            slice_sha256=prepared.slice_sha256,
            initial_adapter_sha256=prepared.initial_adapter_sha256,
            execution=got,
            start=self._assignment.start,
        )
        self.journal.append("ready", ready)
        return prepared

    def _compare_settings(self, planned: ExecutionSettings, got: ExecutionSettings) -> None:
        """Other settings than planned are said; those that would make it another work are refused."""
        found = differences(planned, got)
        if wrong := [text for text in found if text.split(":", 1)[0] in MUST_BE_AS_PLANNED]:
            raise Refused("execution_differs", "; ".join(wrong) + "; bring this host up again")
        if found:
            text = "trains under other settings than planned, so its bits need not be the planned ones: "
            self.journal.append("log", Log(level="warning", text=(text + "; ".join(found))[:2000]))

    def _presented(self, steps: int) -> int:
        return sum(len(batch) for batch in self._assignment.batches[:steps])

    def _produce(self, prepared: "PreparedContribution") -> None:
        from runners.training.contribution import finish_contribution, observe_upload
        from runners.training.errors import Stopped

        outbox = self._root.outbox(self._assignment.revision)
        draft = new_draft(outbox)
        kept = self._root.checkpoints(self._assignment.revision)
        kept.mkdir(parents=True, exist_ok=True)
        try:
            receipt = finish_contribution(prepared, draft, kept, self._on_step, self.stop.is_set, self._on_checkpoint)
        except Stopped as error:
            raise StopRequested(str(error)) from error
        fault = self.settings.dangerous_drill_fault
        if fault is not None:
            require_loopback(fault, self._request.contract)
            receipt = spoil(fault, draft, receipt, self._assignment)
        publish(draft, outbox, OUTBOX_FILES)
        manifest, files = observe_upload(outbox, prepared)
        self.journal.append("produced", Produced(manifest=manifest, files=files, receipt_digest=receipt.digest))

    def _has_begun(self) -> bool:
        """The permission is checked here too: the run root is writable by more than the verb."""
        given = self._root.begun(self._assignment.revision, self._request.node_id)
        if given is None:
            return False
        check_begin(given, self._request)
        self.journal.append("began", Began(begin_digest=sha256_hex(canonical_bytes(given.begin.to_json()))))
        return True

    def _await(self, what: str, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self._patience_s
        while not happened():
            if self.stop.wait(POLL_S):
                raise StopRequested(f"asked to stop while waiting for {what}")
            if time.monotonic() > deadline:
                raise Orphaned(f"expected {what} within {self._patience_s:g} s, got nothing: nobody came back")

    def _on_stage(self, stage: "Stage", done: int, total: int, unit: "Unit", detail: str) -> None:
        if self.stop.is_set():
            raise StopRequested(f"asked to stop while preparing ({stage})")
        self.accelerator.note()
        now = time.monotonic()
        name, last = self._last_stage
        if stage == name and done < total and now - last < STAGE_PERIOD_S:
            return
        self._last_stage = (stage, now)
        self.journal.append("preparing", Preparing(stage=stage, done=done, total=total, unit=unit, detail=detail))

    def _on_checkpoint(self, ref: CheckpointRef, state: "TrainingState") -> None:
        """The file is whole and synced; the heart beats on in its own thread while it is written."""
        body = Checkpointed(checkpoint=ref, samples=self._presented(state.step), loss=state.step_losses[-1])
        self.journal.append("checkpointed", body)

    def _on_step(self, result: "StepResult") -> None:
        self.accelerator.note()
        self.progress.finish_step(step=result.step, samples=result.samples, loss=result.loss, seconds=result.seconds)
        if result.step == len(self._assignment.batches):
            self.progress.enter(Phase.WRITING)
