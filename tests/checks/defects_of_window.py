"""Lies about the plan and the window."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.checks.defects import (
    Body,
    Defect,
    changed_to,
    coordinator,
    document,
    first,
    moved,
    own,
    said,
    said_again,
    sets,
    without,
)
from tests.checks.forged_hosts import LINUX
from tests.checks.forged_journal import Said
from tests.checks.lies import Lies

OTHER = "e" * 64

PLAN = "contract/window_plan.json"


def _assignment(index: int, edit: Any) -> Any:
    return lambda body: edit(body["assignments"][index])


def _overlap(body: Body) -> None:
    one, other = (item["slice"]["sample_ids"] for item in body["assignments"])
    other[0] = one[0]


def _flip(path: str) -> Any:
    def after(bundle: Path) -> None:
        data = bytearray((bundle / path).read_bytes())
        data[-1] ^= 1
        (bundle / path).write_bytes(bytes(data))

    return after


def _b_not_zero(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[-4:] = np.float32(1.0).tobytes()
    return bytes(changed)


def _skips_sealed(records: list[Said]) -> list[Said]:
    changed_to(records, "validating").body["before"] = "collecting"
    return [record for record in records if record is not changed_to(records, "sealed")]


def _goes_back(records: list[Said]) -> list[Said]:
    seal = changed_to(records, "sealed")
    place = records.index(seal) + 1
    back = Said("window_changed", {**seal.body, "before": "sealed", "after": "active"}, seal.mono_ms)
    again = Said("window_changed", {**seal.body, "before": "active", "after": "sealed"}, seal.mono_ms)
    return [*records[:place], back, again, *records[place:]]


def _active_before_ready(records: list[Said]) -> list[Said]:
    active, opened = changed_to(records, "active"), first(records, "window_opened", None)
    rest = [record for record in records if record not in (active, opened)]
    place = rest.index(first(rest, "runner_ready", LINUX))
    opened, active = (replace(record, mono_ms=rest[place].mono_ms) for record in (opened, active))
    return [*rest[:place], opened, active, *rest[place:]]


def _merged_before_acceptance(records: list[Said]) -> list[Said]:
    return moved("merged", "replay_judged")(records)


def _success_of_a_refusal(records: list[Said]) -> list[Said]:
    first(records, "closed", None).body["classification"] = "rejected"
    return records


def _began_before_ready(records: list[Said]) -> list[Said]:
    return moved("began", "ready")(records)


def _stopped_breathing(records: list[Said]) -> list[Said]:
    """Six seconds of silence in the middle of the work, and nobody was told."""
    place = next(i for i, record in enumerate(records) if record.kind == "heartbeat" and record.body["step"] == 2)
    return records[:place] + [replace(record, mono_ms=record.mono_ms + 6000) for record in records[place:]]


def _beats_back(records: list[Said]) -> list[Said]:
    beats = [record for record in records if record.kind == "heartbeat"]
    beats[2].body["step"] = 4
    return records


PLANS = (
    Defect("recipe_of_one_node_changed", "assignments_repeat_the_contract", document(
        PLAN, _assignment(0, lambda item: item["recipe"].update(learning_rate=0.5))
    )),
    Defect("batches_chosen_by_hand", "batches_follow_from_the_recipe", document(
        PLAN, _assignment(0, lambda item: item["batches"].reverse())
    )),
    Defect("slices_overlap", "slices_share_no_sample", document(PLAN, _overlap)),
    Defect("slice_swapped_after_the_run", "inputs_are_the_planned_bytes", after=_flip(
        f"retained_artifacts/slice_{LINUX}.safetensors"
    )),
    Defect("slice_of_other_size", "shards_have_the_planned_shape", document(
        PLAN, _assignment(1, lambda item: item["slice"].update(tokens=5))
    )),
    Defect("captured_with_another_head", "manifests_stand_behind_the_plan", document(
        "contract/held_out_manifest.json", lambda body: body["head"].update(sha256=OTHER)
    )),
    Defect("start_with_luggage", "the_start_is_no_adapter_yet", lambda: Lies(
        files={"retained_artifacts/initial_adapter.safetensors": _b_not_zero}
    )),
    Defect("upload_expected_of_another_rank", "uploads_are_expected_in_full", document(
        PLAN, _assignment(1, lambda item: item["expected_upload"]["identity"].update(rank=9))
    )),
)  # fmt: skip

WINDOW = (
    Defect("window_skips_a_gate", "window_moves_are_allowed", coordinator(_skips_sealed)),
    Defect("window_goes_back", "window_moves_are_allowed", coordinator(_goes_back)),
    Defect("active_before_ready", "moves_follow_their_evidence", coordinator(_active_before_ready)),
    Defect(
        "aggregated_without_a_merge", "moves_follow_their_evidence", coordinator(without("merged")),
        also=("decisions_follow_their_evidence", "gates_follow_from_evidence"),
    ),
    Defect(
        "validated_without_a_replay", "moves_follow_their_evidence", coordinator(without("replay_judged", LINUX)),
        also=("decisions_follow_their_evidence", "gates_follow_from_evidence"),
    ),
    Defect("merged_before_acceptance", "decisions_follow_their_evidence", coordinator(_merged_before_acceptance)),
    Defect("accepted_with_findings", "decisions_follow_their_evidence", coordinator(said(
        "contribution_judged", sets(findings=[{"rule": "norm", "expected": "1", "got": "2"}])
    ))),
    Defect("merged_twice", "decided_once", coordinator(said_again("merged"))),
    Defect("verdict_against_the_window", "one_verdict_at_the_end", coordinator(_success_of_a_refusal)),
    Defect("trained_before_permission", "contributors_waited_for_permission", own(LINUX, _began_before_ready)),
    Defect("produced_nothing", "records_cover_what_they_speak_of", coordinator(said(
        "contribution_seen", lambda body: body["head"].update(offset=0, sha256="0" * 64, next_seq=0), LINUX
    ))),
    Defect("beats_that_go_back", "beats_count_up", own(LINUX, _beats_back)),
    Defect("heartbeats_stopped_unnoticed", "silence_was_noticed", lambda: Lies(
        own={LINUX: _stopped_breathing},
        documents={f"retained_artifacts/{LINUX}/contributor_receipt.json": sets(train_seconds=9.0)},
    )),
    Defect("skew_of_another_clock", "skew_is_the_measured_one", coordinator(
        said("skew_measured", sets(skew_ms=9000))
    )),
    Defect("skew_past_the_bound_called_within", "skew_is_the_measured_one", coordinator(
        said("skew_measured", sets(skew_ms=16_000))
    )),
)  # fmt: skip


def _bound_plan_called_drift(records: list[Said]) -> list[Said]:
    bound = first(records, "plan_bound", None)
    digest = bound.body["plan_digest"]
    finding = {"rule": "window_plan_as_bound", "expected": digest, "got": digest}
    place = records.index(bound) + 1
    drift = Said("drift_found", {"document": "window_plan", "findings": [finding]}, bound.mono_ms)
    return [*records[:place], drift, *records[place:]]


def _success_weighed_for_a_replay(records: list[Said]) -> list[Said]:
    closed = first(records, "closed", None)
    place = records.index(closed)
    outlook = Said("replay_outlook", {"possible": True, "findings": []}, closed.mono_ms)
    return [*records[:place], outlook, *records[place:]]


STOPS = (
    Defect("drift_of_a_plan_that_is_the_bound_one", "drift_is_as_found", coordinator(_bound_plan_called_drift)),
    Defect("outlook_of_a_window_that_needs_none", "replay_outlook_is_true", coordinator(_success_weighed_for_a_replay)),
)  # fmt: skip
DEFECTS = (
    *STOPS,
    *PLANS,
    *WINDOW,
)
