"""Every way in which a window can end: what happens, the state that it leaves by, and the verdict."""

from collections.abc import Callable

from runners.contract import coordinator_records as rec
from runners.contract import node_records as node_rec
from runners.contract.states import Classification, ReplayOutcome
from runners.contract.states import WindowState as W
from tests.coordination import window as win
from tests.coordination.window import H, Window


def bringup_refused(w: Window) -> None:
    w.note(rec.BringupRefused(node_id="n1", reason="refused_machine_contract", detail="no card", report_digest=H))


def admission_refused(w: Window) -> None:
    w.note(win.admission("n1", "refused"))


def preparation_failed(w: Window) -> None:
    w.to_preparing().note(rec.PreparationFailed(node_id="n0", reason="no_space", detail="disk full"))


def preparation_timed_out(w: Window) -> None:
    w.to_preparing().say("n0", win.ready())
    w.after(300_001)


def crashed_while_preparing(w: Window) -> None:
    w.to_preparing().set("n1", proven_dead=True)


def crashed_when_ready(w: Window) -> None:
    w.to_preparing().say("n1", win.ready())
    w.set("n1", proven_dead=True)


def runner_failed_while_preparing(w: Window) -> None:
    w.to_preparing().say("n1", node_rec.Failed(reason="head_mismatch", detail="other head"))


def other_device_than_measured(w: Window) -> None:
    w.to_preparing().say("n1", win.ready("open_adapter_backend.torch.cuda.gpt_oss_lm_head"))


def silent(w: Window) -> None:
    w.to_active()
    for _ in range(8):
        w.say("n0", win.beat())
        w.after(1000)


def dead(w: Window) -> None:
    w.to_active().set("n1", proven_dead=True)


def runner_failed(w: Window) -> None:
    w.to_active().say("n1", node_rec.Failed(reason="diverged", detail="NaN at step 2"))


def no_room_on_its_disk(w: Window) -> None:
    w.to_active().say("n1", node_rec.Failed(reason="enospc", detail="[Errno 28] No space left on device"))


def runner_left(w: Window) -> None:
    w.to_active().say("n1", node_rec.Exited(reason="orphaned", code=4))


def journal_broken(w: Window) -> None:
    w.to_active().note(rec.JournalBroken(node_id="n1", reason="broken_chain", detail="fork", head=win.head("n1", 1)))


def unknown_record(w: Window) -> None:
    w.to_active().say("n1", None, kind="surprise")


def began_without_permission(w: Window) -> None:
    w.to_preparing().say("n1", win.BEGAN)


def produced_without_permission(w: Window) -> None:
    w.to_preparing()
    w.say("n1", win.ready())
    w.say("n1", win.produced("n1"))


def manifest_of_another_digest(w: Window) -> None:
    lie = win.produced("n1")
    lie = lie.model_copy(update={"manifest": lie.manifest.model_copy(update={"digest": "b" * 64})})
    w.to_active().say("n1", lie)


def manifest_mismatch(w: Window) -> None:
    w.to_active().say("n1", win.produced("n1"))
    w.note(win.submission("n1", "manifest_digest_mismatch"))


def artifact_mismatch(w: Window) -> None:
    w.to_active().say("n1", win.produced("n1"))
    w.note(win.submission("n1", "artifact_digest_mismatch"))


def skewed(w: Window) -> None:
    w.to_active().say("n0", win.produced("n0"))
    for _ in range(31):
        w.say("n1", win.beat())
        w.after(1000)


def arrived_late(w: Window) -> None:
    w.to_active().say("n0", win.produced("n0"))
    for _ in range(20):
        w.say("n1", win.beat())
        w.after(1000)
    w.say("n1", win.produced("n1"))


def replay_disagrees(w: Window) -> None:
    w.to_validating().note(win.replay("n0"))
    w.note(win.replay("n1", ReplayOutcome.MISMATCH))


def replay_failed(w: Window) -> None:
    w.to_validating().note(win.replay("n0"))
    w.note(win.replay("n1", ReplayOutcome.FAILED))


def merge_failed(w: Window) -> None:
    w.to_validating().do_all("replay")
    w.note(rec.WorkFailed(activity="merge", detail="disk full"))


def inputs_failed(w: Window) -> None:
    w.note(rec.WorkFailed(activity="inputs", detail="no such data"))


def drifted_before_shipping(w: Window) -> None:
    w.do_all("inputs", "admit_host", "bind_plan")
    w.note(rec.DriftFound(document="window_plan", findings=(win.FINDING,)))


def drifted_in_training(w: Window) -> None:
    w.to_active().note(rec.DriftFound(document="membership_receipt", findings=(win.FINDING,)))


def drifted_while_validating(w: Window) -> None:
    w.to_validating().note(rec.DriftFound(document="run_contract", findings=(win.FINDING,)))


def promoted(w: Window) -> None:
    w.to_validating().do_all("replay", "merge", "score", "promote")


def held(w: Window) -> None:
    w.to_validating().do_all("replay", "merge", "score")
    w.note(win.promotion("held"))


EXITS: tuple[tuple[Callable[[Window], None], W, Classification], ...] = (
    (bringup_refused, W.REFUSED, Classification.REFUSED_BRINGUP),
    (admission_refused, W.REFUSED, Classification.REFUSED_ADMISSION),
    (preparation_failed, W.ABORTED, Classification.FAILED_PREPARATION),
    (preparation_timed_out, W.ABORTED, Classification.FAILED_PREPARATION),
    (crashed_while_preparing, W.ABORTED, Classification.FAILED_PREPARATION),
    (crashed_when_ready, W.ABORTED, Classification.FAILED_PREPARATION),
    (runner_failed_while_preparing, W.ABORTED, Classification.FAILED_PREPARATION),
    (other_device_than_measured, W.ABORTED, Classification.FAILED_PREPARATION),
    (silent, W.REPLAY_REQUIRED, Classification.REPLAY_REQUIRED),
    (dead, W.REPLAY_REQUIRED, Classification.REPLAY_REQUIRED),
    (runner_failed, W.REPLAY_REQUIRED, Classification.FAILED_CONTRIBUTION),
    (no_room_on_its_disk, W.REPLAY_REQUIRED, Classification.REPLAY_REQUIRED),
    (runner_left, W.REPLAY_REQUIRED, Classification.FAILED_CONTRIBUTION),
    (journal_broken, W.REJECTED, Classification.REJECTED),
    (unknown_record, W.REJECTED, Classification.REJECTED),
    (began_without_permission, W.REJECTED, Classification.REJECTED),
    (produced_without_permission, W.REJECTED, Classification.REJECTED),
    (manifest_of_another_digest, W.REJECTED, Classification.REJECTED),
    (manifest_mismatch, W.REJECTED, Classification.REJECTED),
    (artifact_mismatch, W.REJECTED, Classification.REJECTED),
    (skewed, W.WAIT_THEN_REPLAY, Classification.WAIT_THEN_REPLAY),
    (arrived_late, W.WAIT_THEN_REPLAY, Classification.WAIT_THEN_REPLAY),
    (replay_disagrees, W.REJECTED, Classification.REJECTED),
    (replay_failed, W.ABORTED, Classification.FAILED_VALIDATION),
    (merge_failed, W.ABORTED, Classification.FAILED_VALIDATION),
    (inputs_failed, W.ABORTED, Classification.FAILED_VALIDATION),
    (drifted_before_shipping, W.ABORTED, Classification.CONTRACT_DRIFT),
    (drifted_in_training, W.ABORTED, Classification.CONTRACT_DRIFT),
    (drifted_while_validating, W.ABORTED, Classification.CONTRACT_DRIFT),
    (promoted, W.PROMOTED, Classification.BOUNDED_SUCCESS),
    (held, W.HELD, Classification.BOUNDED_SUCCESS),
)
