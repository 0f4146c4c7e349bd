"""Lies about training checkpoints, about the segments between them, and about the settings under which bits hold."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from runners.contract.plan import MOMENTS_A, STEP_LOSSES, TENSOR_B
from runners.records.tensors import RawTensor, read_tensors, write_tensors
from tests.checks.defects import Body, Defect, document, moved, own, said
from tests.checks.forge import Forge
from tests.checks.forged_hosts import CHECKPOINT_STEPS, CHUNK_TOKENS, LINUX, MAC, device_of, execution_of, software_of
from tests.checks.forged_training import assigned_start
from tests.checks.lies import Lies
from tests.checks.tiny_training import Trained

CHECKPOINT = f"retained_artifacts/{LINUX}/checkpoints/step-000002.safetensors"
REPLAY = f"receipts/replay_{LINUX}.json"
OTHER = "e" * 64
Tensors = dict[str, RawTensor]


def _state(edit: Callable[[Tensors, dict[str, str]], None]) -> Callable[[], Lies]:
    """A checkpoint that was written so, and journaled by the digest that it has."""

    def changed(raw: bytes) -> bytes:
        tensors, metadata = read_tensors(raw, name="checkpoint")
        edit(tensors, metadata)
        return write_tensors(tensors, metadata)

    return lambda: Lies(files={CHECKPOINT: changed})


def _filled(tensors: Tensors, name: str, value: float) -> None:
    kept = tensors[name]
    dtype = "<f8" if kept.dtype == "F64" else "<f4"
    tensors[name] = RawTensor(kept.dtype, kept.shape, np.full(kept.shape, value, dtype).tobytes())


def _another_shape(tensors: Tensors, _: dict[str, str]) -> None:
    tensors[TENSOR_B] = RawTensor("F32", (1, 1), b"\0" * 4)


def _another_name(tensors: Tensors, _: dict[str, str]) -> None:
    tensors["adapter.b"] = tensors.pop(TENSOR_B)


def _other_losses(tensors: Tensors, _: dict[str, str]) -> None:
    _filled(tensors, STEP_LOSSES, 1.0)


def _segment(number: int, **fields: Any) -> Callable[[Body], None]:
    return lambda body: body["segments"][number].update(fields)


def _claimed_within(node: str, number: int) -> dict[str, Callable[[Body], None]]:
    """The segment, and so the whole replay, called near enough."""

    def claimed(body: Body) -> None:
        body["outcome"] = body["segments"][number]["outcome"] = "within_tolerance"

    return {f"receipts/replay_{node}.json": claimed}


def _first_segment_never_ran() -> Lies:
    def stood_still(run: Forge, node: str, result: Trained) -> Trained:
        if node != LINUX:
            return result
        start = assigned_start(run)
        stand = replace(start, step=CHECKPOINT_STEPS, losses=result.losses[:CHECKPOINT_STEPS])
        return replace(result, kept=result.kept | {CHECKPOINT_STEPS: stand})

    return Lies(replayed=stood_still, documents=_claimed_within(LINUX, 0))


def _other_bits_under_equal_settings() -> Lies:
    def rounded(_: Forge, node: str, result: Trained) -> Trained:
        return replace(result, b=np.nextafter(result.b, np.float32(np.inf))) if node == MAC else result

    return Lies(replayed=rounded, documents=_claimed_within(MAC, -1))


def _bound_of_another_pair(body: Body) -> None:
    body["tolerance"].update(contributor="mlx")


def _no_distance(body: Body) -> None:
    body["segments"][0]["distances"][1].update(difference=0.0)


def _settings(**fields: Any) -> Callable[[], Lies]:
    """One and the same untruth in bring-up, plan, journal and receipts."""
    told = execution_of(device_of(LINUX), software_of(LINUX)).model_copy(update=fields)
    return lambda: Lies(execution={LINUX: told})


def _exact_under_settings_that_nobody_planned() -> Lies:
    """Work and replay both under other tiles than the plan froze, as after a library was updated on their host: told
    by all, and called exact."""

    def other(body: Body) -> None:
        for name in ("execution", "contributor_execution", "replay_execution"):
            if name in body:
                body[name]["tiles"] = [{"name": "block_rows", "size": 77}]
        for told in (body, *body["segments"]) if "segments" in body else ():
            told["outcome"] = "exact"

    return Lies(
        own={MAC: said("ready", other)},
        documents={f"receipts/replay_{MAC}.json": other, f"retained_artifacts/{MAC}/contributor_receipt.json": other},
    )


UNREAD = ("segment_figures_are_recomputed",)  # no figure follows from a state that can't be read
NOT_EVEN_LOSSES = ("checkpoints_lead_to_the_adapter", *UNREAD)
DEFECTS = (
    Defect("checkpoint_journaled_with_another_digest", "checkpoints_are_kept_as_journaled", own(
        LINUX, said("checkpointed", lambda body: body["checkpoint"]["file"].update(sha256=OTHER))
    )),
    Defect("checkpoint_before_training_began", "checkpoints_are_kept_as_journaled", own(
        LINUX, moved("checkpointed", "began")
    )),
    Defect("checkpoint_after_the_work_was_produced", "checkpoints_are_kept_as_journaled", own(
        LINUX, moved("checkpointed", "exited")
    )),
    Defect("checkpoint_of_another_step", "checkpoints_are_whole", _state(
        lambda _, metadata: metadata.update(swarm_step="3")
    ), also=UNREAD),
    Defect("checkpoint_of_another_shape", "checkpoints_are_whole", _state(_another_shape), also=UNREAD),
    Defect("checkpoint_with_another_tensor", "checkpoints_are_whole", _state(_another_name), also=UNREAD),
    Defect("checkpoint_with_nan", "checkpoints_are_whole", _state(
        lambda tensors, _: _filled(tensors, TENSOR_B, np.nan)
    ), also=NOT_EVEN_LOSSES),
    Defect("checkpoint_with_a_negative_mean_square", "checkpoints_are_whole", _state(
        lambda tensors, _: _filled(tensors, MOMENTS_A[1], -1.0)
    ), also=NOT_EVEN_LOSSES),
    Defect("checkpoint_of_another_assignment", "checkpoints_are_whole", _state(
        lambda _, metadata: metadata.update(swarm_assignment=OTHER)
    )),
    Defect("checkpoint_with_other_losses", "checkpoints_lead_to_the_adapter", _state(_other_losses)),
    Defect("segment_from_another_start", "segments_cover_the_work", document(REPLAY, _segment(1, start_sha256=OTHER))),
    Defect("segment_to_another_end", "segments_cover_the_work", document(REPLAY, _segment(0, end_sha256=OTHER))),
    Defect("segment_left_out", "segments_cover_the_work", document(REPLAY, lambda body: body["segments"].pop(0))),
    Defect("segment_told_twice", "segments_cover_the_work", document(
        REPLAY, lambda body: body["segments"].append(body["segments"][-1])
    )),
    Defect("distance_left_out", "segment_figures_are_recomputed", document(REPLAY, _no_distance)),
    Defect("a_loss_difference_made_smaller", "segment_figures_are_recomputed", document(
        REPLAY, _segment(0, max_loss_difference=0.0)
    )),
    Defect("segment_that_never_ran", "segment_figures_are_recomputed", _first_segment_never_ran),
    Defect("near_enough_where_equal_bits_are_owed", "segment_figures_are_recomputed", _other_bits_under_equal_settings),
    Defect("bound_of_another_pair", "replays_are_about_this_work", document(REPLAY, _bound_of_another_pair)),
    Defect("exact_under_other_settings", "segment_figures_are_recomputed", document(
        REPLAY, _segment(0, outcome="exact")
    )),
    Defect("exact_under_settings_that_nobody_planned", "segment_figures_are_recomputed",
           _exact_under_settings_that_nobody_planned),
    Defect("threads_other_than_the_devices", "execution_is_of_the_device_and_software", _settings(threads=8)),
    Defect("blas_other_than_the_devices", "execution_is_of_the_device_and_software", _settings(blas="mkl@2025")),
    Defect("tf32_other_than_the_devices", "execution_is_of_the_device_and_software", _settings(tf32=True)),
    Defect("chunks_past_the_recipe", "bringups_are_true", _settings(chunk_tokens=1 << 20),
           also=("execution_is_of_the_device_and_software",)),
    Defect("ready_under_other_chunks", "execution_is_planned_and_told", own(
        LINUX, said("ready", lambda body: body["execution"].update(chunk_tokens=CHUNK_TOKENS // 2))
    )),
    Defect("receipt_under_other_tiles_than_ready", "execution_is_planned_and_told", own(
        LINUX, said("ready", lambda body: body["execution"].update(tiles=[]))
    )),
)  # fmt: skip
