"""Lies about the plan, the window, the work, the merge and the summaries."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from console.aggregation.merge import WeightedAdapter, merge
from console.validation.adapter import Adapter
from runners.contract.canonical import readable_bytes, sha256_hex
from runners.contract.plan import ADAPTER_CONFIG_FILE as CONFIG
from runners.contract.plan import ADAPTER_FILE as ADAPTER
from runners.contract.plan import RECEIPT_FILE as RECEIPT
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
from tests.checks.forge import Forge
from tests.checks.forged_hosts import LINUX, MAC
from tests.checks.forged_journal import Said
from tests.checks.forged_plan import RANK
from tests.checks.forged_work import adapter_of
from tests.checks.lies import Lies
from tests.checks.resealing import reseal_body, rewrite
from tests.checks.tiny_training import Trained

OTHER = "e" * 64
PLAN = "contract/window_plan.json"
REPORT = "retained_artifacts/merged_artifact_report.json"


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


# The window.


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


# The work.


def _start_instead(run: Forge, node: str, result: Trained) -> Trained:
    """Nothing was trained: the initial adapter under another name."""
    return Trained(run.start, np.zeros_like(result.b), result.losses) if node == LINUX else result


def _copy_of_the_contribution(run: Forge, node: str, _: Trained) -> Trained:
    return run.results[node]


def _skipped_a_step(run: Forge, node: str, result: Trained) -> Trained:
    return Trained(result.a, (result.b * np.float32(1.01)), result.losses) if node == LINUX else result


def _claims_tolerance(body: Body) -> None:
    body |= {"outcome": "within_tolerance", "relative_difference": 3e-6, "max_loss_difference": 1e-6}


def _never_ran() -> Lies:
    return Lies(replayed=_start_instead, documents={f"receipts/replay_{LINUX}.json": _claims_tolerance})


def _never_trained() -> Lies:
    return Lies(
        trained=_start_instead,
        replayed=_start_instead,
        documents={f"receipts/replay_{LINUX}.json": _claims_tolerance},
    )


def _ran_otherwise() -> Lies:
    return Lies(replayed=_skipped_a_step, documents={f"receipts/replay_{LINUX}.json": _claims_tolerance})


def _wild(run: Forge, node: str, result: Trained) -> Trained:
    return Trained(result.a, result.b * np.float32(1e4), result.losses)


def _dora(data: bytes) -> bytes:
    return data.replace(b'"use_rslora": false', b'"use_rslora": true')


def _tight_norm(body: Body) -> None:
    body["governance"]["delta_norm_bound"] = 0.001


# The merge.


def _factors_averaged(run: Forge, merged: Adapter) -> Adapter:
    """A and B averaged one by one and stacked twice, so that rank and shapes are right."""
    a = sum((run.results[node].a for node in (MAC, LINUX)), np.zeros((RANK, 8), np.float32)) / np.float32(2)
    b = sum((run.results[node].b for node in (MAC, LINUX)), np.zeros((32, RANK), np.float32)) / np.float32(4)
    return Adapter(np.vstack([a, a]), np.hstack([b, b]), merged.alpha, {})


def _weights(body: Body) -> None:
    for share, numerator in zip(body["contributions"], (3, 1), strict=True):
        share |= {"weight_numerator": numerator, "weight_denominator": 4}


def _merged_by_other_weights() -> Lies:
    """The merge was really made so, and its scores and gates are those of that merge."""
    told: Body = {}

    def merged(run: Forge, _: Adapter) -> Adapter:
        shares = ((LINUX, Fraction(3, 4)), (MAC, Fraction(1, 4)))
        outcome = merge(tuple(WeightedAdapter(adapter_of(run.results[node]), weight) for node, weight in shares))
        told.update(delta_norm=outcome.delta_norm, residual=outcome.residual)
        return outcome.merged

    def report(body: Body) -> None:
        _weights(body)
        body |= told

    return Lies(merged=merged, documents={REPORT: report})


def _journaled_weights(body: Body) -> None:
    body["contributions"][0] |= {"weight_numerator": 3, "weight_denominator": 4}


def _gate_missing(body: Body) -> None:
    body["gates"].pop(2)


def _promoted_anyway() -> Lies:
    def high_bar(body: Body) -> None:
        body["governance"]["minimum_improvement"] = 9.0

    def promoted(body: Body) -> None:
        body["disposition"] = "promoted"
        body["gates"][2]["passed"] = True

    return Lies(contract=high_bar, documents={"receipts/promotion.json": promoted})


def _held_anyway(body: Body) -> None:
    body["disposition"] = "held"


def _flattering_value(body: Body) -> None:
    body["gates"][2]["value"] = "9.500000 nats per token below the base"


# The summaries.


def _remove(*paths: str) -> Any:
    def after(bundle: Path) -> None:
        for path in paths:
            (bundle / path).unlink()

    return after


def _add(path: str, data: bytes) -> Any:
    def after(bundle: Path) -> None:
        (bundle / path).parent.mkdir(parents=True, exist_ok=True)
        (bundle / path).write_bytes(data)

    return after


def _document_after(path: str, edit: Any) -> Any:
    return lambda bundle: rewrite(bundle / path, edit)


def _last_line_cut(bundle: Path) -> None:
    """And the account of the contributor told to match: only what the coordinator saw is left against it."""
    path = bundle / f"journals/{LINUX}.contributor.r0.e0.jsonl"
    lines = path.read_bytes().split(b"\n")[:-2]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    head = {"offset": path.stat().st_size, "sha256": sha256_hex(lines[-1]), "next_seq": len(lines)}

    def edit(body: Body) -> None:
        account = next(item for item in body["contributors"] if item["node_id"] == LINUX)
        account["journal_heads"][0] |= head
        del account["record_counts"]["exited"]
        account["exit_reason"] = "unknown"

    rewrite(bundle / "contributor_runtime_report.json", edit)


def _spare_host(bundle: Path) -> None:
    """A true-looking report of a machine that took no part."""
    key = Forge.named("spare")
    report = json.loads((bundle / f"reports/{LINUX}_bringup.json").read_bytes())
    report |= {"node_id": "spare", "node_public_key": key.public_hex}
    reseal_body(report)
    path = bundle / "reports" / "spare_bringup.json"
    path.write_bytes(readable_bytes(report))
    signature = key.sign(b"swarm.bringup_report.v1\0" + bytes.fromhex(report["digest"]))
    path.with_name("spare_bringup.json.sig").write_bytes(signature.encode() + b"\n")


def _report_that_stops_early(bundle: Path) -> None:
    """The contributor's account ends before its journal does, so that the rest could be dropped later."""
    lines = (bundle / f"journals/{LINUX}.contributor.r0.e0.jsonl").read_bytes().split(b"\n")[:-2]
    head = {
        "offset": sum(len(line) + 1 for line in lines),
        "sha256": sha256_hex(lines[-1]),
        "next_seq": len(lines),
    }

    def edit(body: Body) -> None:
        account = next(item for item in body["contributors"] if item["node_id"] == LINUX)
        account["journal_heads"][0] |= head

    rewrite(bundle / "contributor_runtime_report.json", edit)


def _counts(bundle: Path) -> None:
    rewrite(bundle / "first_swarm_real_run_bundle.json", sets(accepted_contributions=3))


def _scores(bundle: Path) -> None:
    def better(body: Body) -> None:
        contributors = [score for score in body["held_out_scores"] if score["subject"] in (LINUX, MAC)]
        min(contributors, key=lambda score: score["mean_loss"])["mean_loss"] = 0.1  # the worse one bounds a gate

    rewrite(bundle / "first_swarm_real_run_bundle.json", better)


def _second_operator(bundle: Path) -> None:
    body = json.loads((bundle / "first_swarm_real_run_bundle.json").read_bytes())
    rewrite(bundle / "operator_manifest.json", sets(operator_public_key=body["coordinator_public_key"]))


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
    Defect("heartbeats_stopped_unnoticed", "silence_was_noticed", own(LINUX, _stopped_breathing)),
    Defect("skew_of_another_clock", "skew_is_the_measured_one", coordinator(
        said("skew_measured", sets(skew_ms=9000))
    )),
    Defect("skew_past_the_bound_called_within", "skew_is_the_measured_one", coordinator(
        said("skew_measured", sets(skew_ms=16_000))
    )),
)  # fmt: skip
WORK = (
    Defect("seen_other_bytes_than_produced", "produced_is_seen_and_kept", coordinator(
        said("contribution_seen", lambda body: body["files"][0].update(sha256=OTHER), LINUX)
    )),
    Defect("judged_other_bytes", "submissions_are_the_kept_bytes", coordinator(
        said("submission_judged", sets(adapter_sha256=OTHER), LINUX)
    )),
    Defect("config_changes_the_scale", "adapters_have_the_planned_shape", lambda: Lies(
        files={f"retained_artifacts/{LINUX}/{CONFIG}": _dora}
    )),
    Defect("receipt_of_fewer_steps", "receipts_speak_of_this_work", document(
        f"retained_artifacts/{LINUX}/{RECEIPT}", sets(steps=3)
    )),
    Defect("contribution_that_never_trained", "work_left_a_trace", _never_trained),
    Defect("contribution_past_the_norm", "work_left_a_trace", lambda: Lies(contract=_tight_norm)),
    Defect("replay_that_never_ran", "work_left_a_trace", _never_ran),
    Defect("replay_that_ran_otherwise", "replay_figures_are_recomputed", _ran_otherwise),
    Defect("replay_copied_from_the_contribution", "replay_figures_are_recomputed", lambda: Lies(
        replayed=_copy_of_the_contribution
    )),
    Defect("replay_losses_invented", "replay_figures_are_recomputed", document(
        f"receipts/replay_{LINUX}.json", lambda body: body["step_losses"].__setitem__(0, 1.0)
    )),
    Defect("replay_under_a_looser_bound", "replays_are_about_this_work", document(
        f"receipts/replay_{LINUX}.json", sets(relative_bound=0.5)
    )),
    Defect("replay_of_other_bytes", "replays_are_about_this_work", document(
        f"receipts/replay_{LINUX}.json", sets(contribution_sha256=OTHER)
    )),
    Defect("replay_journaled_better", "replays_are_journaled_as_they_are", coordinator(
        said("replay_judged", sets(relative_difference=0.0), LINUX)
    )),
)  # fmt: skip
MERGE = (
    Defect("merge_is_not_the_mean", "merge_is_the_mean", lambda: Lies(merged=_factors_averaged)),
    Defect("weights_are_not_the_samples", "weights_are_the_sample_counts", _merged_by_other_weights),
    Defect("weights_other_than_merged_by", "weights_are_the_sample_counts", document(REPORT, _weights), also=(
        "merge_is_the_mean",
    )),
    Defect("weights_differ_in_the_journal", "weights_are_the_sample_counts", coordinator(
        said("merged", _journaled_weights)
    )),
    Defect("scores_better_in_the_bundle", "scores_agree", after=_scores),
    Defect("score_of_other_tokens", "scores_agree", document(
        "receipts/score.json", lambda body: body["scores"][0].update(tokens=3)
    )),
    Defect("promotion_without_a_gate", "gates_follow_from_evidence", document(
        "receipts/promotion.json", _gate_missing
    )),
    Defect("promoted_below_the_bar", "gates_follow_from_evidence", _promoted_anyway),
    Defect("held_in_spite_of_the_gates", "gates_follow_from_evidence", document(
        "receipts/promotion.json", _held_anyway
    )),
    Defect("gate_with_a_flattering_value", "gates_follow_from_evidence", document(
        "receipts/promotion.json", _flattering_value
    )),
    Defect("refused_to_publish_without_a_reason", "nothing_was_published", document(
        "receipts/promotion.json", sets(publish_reason="")
    )),
)  # fmt: skip
SUMMARIES = (
    Defect("signature_of_a_report_left_out", "journaled_things_exist", after=_remove(
        f"reports/{LINUX}_bringup.json.sig"
    )),
    Defect("begin_left_out", "journaled_things_exist", after=_remove("contract/begin.json")),
    Defect("report_that_nobody_journaled", "receipts_are_journaled", after=_spare_host),
    Defect("quarantine_without_a_record", "quarantine_is_as_recorded", after=_add(
        f"quarantine/{LINUX}/{ADAPTER}", b"refused"
    )),
    Defect("counts_invented", "bundle_counts_are_recounted", after=_counts),
    Defect("states_left_out", "coordinator_report_repeats_the_journal", after=_document_after(
        "coordinator_runtime_report.json", lambda body: body["states"].pop(3)
    )),
    Defect("steps_never_done", "contributor_report_repeats_the_journals", after=_document_after(
        "contributor_runtime_report.json", lambda body: body["contributors"][0].update(steps_done=400)
    )),
    Defect("journal_cut_after_the_run", "cited_heads_are_in_the_journals", after=_last_line_cut),
    Defect("report_that_stops_early", "reports_cover_the_whole_journals", after=_report_that_stops_early),
    Defect("two_operators", "keys_are_the_same_everywhere", after=_second_operator),
)  # fmt: skip
DEFECTS = (*PLANS, *WINDOW, *WORK, *MERGE, *SUMMARIES)
