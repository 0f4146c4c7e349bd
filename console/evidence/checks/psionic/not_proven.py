"""What the old runs look like and don't prove, each statement with the fact that shows it."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from console.evidence.checks.psionic.families import word
from console.evidence.checks.psionic.recipes_lane import cluster_digest
from console.evidence.checks.psionic.recipes_run import MOST_NODES, admission_token, provenance_digest, replay_digest
from console.evidence.checks.psionic.scene import Body, Document, InputMissingError, Scene, reach, spots
from console.evidence.checks.psionic.verdict import Basis, NotProven
from console.evidence.checks.verdict import shown

Fact = tuple[str, Basis, str]


def not_proven(scene: Scene, documents: list[Document]) -> Iterator[NotProven]:
    """Statements about the documents asked for. A fact that the documents don't show is left out, not guessed."""
    for document in documents:
        for kind, state in STATEMENTS:
            if kind == document.kind and (fact := _stated(state, scene, document)):
                yield NotProven(document.path, fact[0], fact[1], shown(fact[2]))


def _stated(state: "State", scene: Scene, document: Document) -> Fact | None:
    try:
        return state(scene, document)
    except (InputMissingError, KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
        return None


State = Callable[[Scene, Document], Fact | None]


def _pair(scene: Scene, document: Document) -> tuple[Body, Body]:
    """Both sides of a run, seen from its coordinator."""
    if document.body["runtime_role"] != "coordinator":
        raise InputMissingError("said once, of the coordinator")
    return document.body, scene.beside(document, "runtime_report", "contributor").body


def host_computation(scene: Scene, document: Document) -> Fact:
    """Receipts can't show a device; the old code and the bit-equal re-execution on a CPU do."""
    sides = _pair(scene, document)
    losses = [word(side["local_contribution"]["final_mean_loss"]) for side in sides]
    spans = []
    for side in sides:
        work = side["local_contribution"]["execution_summary"]
        spans.append(f"{work['completed_at_ms'] - work['started_at_ms']} ms")
    same_loss = "equal losses" if losses[0] == losses[1] else "losses"
    return (
        (
            "no GPU is shown to have computed: the contributions labelled MLX Metal and CUDA were both f32 computations"
            " on the host CPU, and give the same weights bit for bit"
        ),
        "recorded behaviour",
        (
            f"{same_loss} {losses[0]} and {losses[1]}, 12-step jobs of {spans[0]} and {spans[1]}; that the weights are"
            " equal was found by re-executing the job, since the adapters were not retained"
        ),
    )


def same_samples(scene: Scene, document: Document) -> Fact | None:
    sides = _pair(scene, document)
    slices = [a["source_sample_ids"] for a in scene.lane("workflow_plan")["contributor_assignments"]]
    counts = [reach(side, "local_contribution.contributor_receipt.manifest.sample_count") for side in sides]
    vocabulary = scene.lane("run_contract")["dataset"]["tokenizer"]["vocab_size"]
    shape = reach(sides[0], "local_contribution.contributor_receipt.manifest")
    if not all(count > len(part) for count, part in zip(counts, slices, strict=True)):
        return None
    return (
        "the assigned slices were not what was trained on: both sides used the same toy samples",
        "documents",
        (
            f"slices of {[len(part) for part in slices]} samples, receipts over {counts}; hidden size"
            f" {shape['hidden_size']}, vocabulary {shape['vocab_size']} where the tokenizer has {vocabulary};"
            " that both sides had the same four samples is recorded behaviour"
        ),
    )


def vacuous_replay(scene: Scene, document: Document) -> Fact | None:
    found = spots(scene, document, "replay_receipt_digests[]")[:MOST_NODES]
    matched = [spot for spot in found if replay_digest(spot) == spot.value]
    if not matched:
        return None
    return (
        "nothing was replayed: the replay receipts compare the submitted digest with itself",
        "documents",
        f"{len(matched)} of {len(found)} receipt digests recompute with the worker's own delta as both values",
    )


def bounds_not_applied(scene: Scene, document: Document) -> Fact | None:
    policy = scene.lane("topology_contract")["heartbeat_policy"]
    beats = document.body["heartbeat_receipts"]
    allowed = {beat["next_required_heartbeat_at_ms"] - beat["observed_at_ms"] for beat in beats}
    silence = _longest_silence(beats)
    ends = [item["execution_summary"]["completed_at_ms"] for item in document.body["submission_receipts"]]
    skew = max(ends) - min(ends)
    if min(allowed) <= policy["stale_after_ms"] and silence <= policy["stale_after_ms"]:
        return None
    return (
        (
            "the frozen heartbeat bounds were not applied: the run used bounds of its own and accepted what the"
            " contract calls stale"
        ),
        "documents",
        (
            f"next heartbeat due after {sorted(allowed)} ms, stale after {policy['stale_after_ms']} ms by contract;"
            f" longest silence {silence} ms; skew {skew} ms against {policy['max_worker_skew_ms']} ms"
        ),
    )


def _longest_silence(beats: list[Body]) -> int:
    times: dict[Any, list[int]] = {}
    for beat in beats:
        times.setdefault(beat["worker_id"], []).append(beat["observed_at_ms"])
    gaps = [late - early for seen in times.values() for early, late in itertools.pairwise(seen)]
    return max(gaps, default=0)


def invented_memory(scene: Scene, document: Document) -> Fact | None:
    def free(members: Body) -> dict[Any, Any]:
        return {status["node_id"]: status["free_memory_bytes"] for status in members["contributor_statuses"]}

    run, plan = free(document.body["membership_receipt"]), free(scene.lane("workflow_plan")["membership_receipt"])
    owned = scene.lane("mac_bringup_report")["host"]["unified_memory_bytes"]
    card = scene.lane("linux_bringup_report")["observed_cuda_devices"][0]["memory_capacity_bytes"]
    if run != plan:
        return None
    return (
        "memory and readiness of the hosts were not measured: the run repeats the plan's sample numbers",
        "documents",
        f"free memory {sorted(run.values())} bytes in plan and run, where the hosts have {owned} and {card} in all",
    )


def token_unused(scene: Scene, document: Document) -> Fact | None:
    (body, _), contract = _pair(scene, document), scene.lane("run_contract")
    token = admission_token(body["run_id"], body["topology_contract_digest"])
    if cluster_digest(contract["cluster_namespace"], token) != body["cluster_id"]:
        return None
    variable = scene.lane("topology_contract")["admission_token_env_var"]
    return (
        f"nobody was admitted by a secret: the token follows from public values, {variable} has no part in it",
        "documents",
        "the cluster id recomputes from a token that is a hash of the run id and the topology digest",
    )


def keys_public(scene: Scene, document: Document) -> Fact | None:
    _pair(scene, document)
    found = spots(scene, document, "promotion_receipt.accepted_contributions[].provenance_bundle_digest")[:MOST_NODES]
    signed = [spot for spot in found if provenance_digest(spot) == spot.value]
    if not signed:
        return None
    return (
        "the signatures say nothing about who contributed: the private keys follow from the public worker ids",
        "documents",
        f"{len(signed)} of {len(found)} provenance digests recompute with signatures made here",
    )


def invented_times(_: Scene, document: Document) -> Fact | None:
    body = document.body
    late = body["validator_summary"]["scored_at_ms"] - body["finished_at_ms"]
    first = body["membership_receipt"]["observed_at_ms"] - body["started_at_ms"]
    if late <= 0:
        return None
    return (
        "the times of admission, planning, scoring and aggregation were not read from a clock",
        "documents",
        f"membership exactly {first} ms after the start; scored {late} ms after the run had finished",
    )


def no_candidate(_: Scene, document: Document) -> Fact | None:
    score = document.body["validator_summary"]
    if "held_out_average_score_bps" in score:
        return None
    return (
        "the quality of the result was never judged: there was no held-out evaluation and no candidate to promote",
        "documents",
        "the validator's summary has neither a held-out score nor a benchmark rate",
    )


def two_weights(scene: Scene, document: Document) -> Fact | None:
    run = scene.beside(document, "runtime_report", "coordinator").body
    weights = [item["aggregation_weight_bps"] for item in run["promotion_receipt"]["accepted_contributions"]]
    shares = [word(item["contribution_share"]) for item in document.body["per_device_contributions"]]
    return (
        "the weights of the merge are not settled by these documents",
        "documents",
        f"{weights} bps in the promotion receipt, shares {shares} here",
    )


def other_machine(scene: Scene, document: Document) -> Fact | None:
    chip = scene.lane("mac_bringup_report")["host"]["chip_name"]
    devices = [str(device).split("_") for device in document.body["admitted_device_set"]]
    if any(part.lower() in device for part in chip.split()[1:] for device in devices):
        return None
    return (
        "the bring-up report that the lane binds is not of the Mac that ran",
        "documents",
        f"devices {document.body['admitted_device_set']}, bring-up of an {chip}",
    )


def merge_not_kept(_: Scene, document: Document) -> Fact | None:
    if document.body["merge_disposition"] != "merged" or "merged_artifact" in document.body:
        return None
    return (
        "no merge can be checked: the word merged was derived from two counts",
        "documents",
        "no adapter and no merged artifact in this bundle",
    )


def copied_inventory(_: Scene, document: Document) -> Fact:
    body = document.body
    name = str(body["source_inventory_report_path"]).rsplit("/", 1)[-1]
    return (
        "the card was not probed for this report: its inventory is a copy from another lane",
        "documents",
        f"source {name}, observed in {body['observed_wallclock_ms']} ms",
    )


def drills_declared(_: Scene, document: Document) -> Fact | None:
    drills = document.body["drills"]
    if any(name.endswith("_at_ms") or name == "run_id" for drill in drills for name in drill):
        return None
    return (
        (
            "no drill is shown to have been carried out: the file declares outcomes, and its one observed digest is"
            " made from the expected one"
        ),
        "documents",
        f"{len(drills)} drills without a time or a run id",
    )


def rehearsal_simulated(_: Scene, document: Document) -> Fact:
    phases = document.body["phases"]
    guessed = [phase["phase_id"] for phase in phases if phase["evidence_posture"] == "simulated"]
    return ("training, upload and validation were not timed", "documents", f"simulated phases: {guessed}")


def toy_snapshot(scene: Scene, document: Document) -> Fact | None:
    tensors = sorted(scene.below(document, "bundle_manifest").body["state_dict"]["tensors"])
    other_plan = scene.lane("workflow_plan")["plan_digest"] != document.body["workflow_plan_digest"]
    if any("lora" in name for name in tensors) or not other_plan:
        return None
    return (
        "the snapshot is not the result of a run: its tensors are literals of the publishing program",
        "documents",
        f"no LoRA among its tensors {tensors[:2]}; its plan is not the retained plan",
    )


STATEMENTS: tuple[tuple[str, State], ...] = (
    ("runtime_report", host_computation),
    ("runtime_report", same_samples),
    ("runtime_report", vacuous_replay),
    ("runtime_report", bounds_not_applied),
    ("runtime_report", invented_memory),
    ("runtime_report", token_unused),
    ("runtime_report", keys_public),
    ("runtime_report", invented_times),
    ("runtime_report", no_candidate),
    ("tailnet_summary", two_weights),
    ("tailnet_summary", other_machine),
    ("real_run_bundle", merge_not_kept),
    ("linux_bringup_report", copied_inventory),
    ("failure_drills", drills_declared),
    ("rehearsal_report", rehearsal_simulated),
    ("publication_report", toy_snapshot),
)
