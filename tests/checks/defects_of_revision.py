"""Lies about a replay: that it is one, what it repeats, and whether it may."""

import dataclasses
from pathlib import Path
from typing import Any

from tests.checks.defects import Defect, coordinator, said
from tests.checks.forged_hosts import LINUX
from tests.checks.forged_journal import Said
from tests.checks.lies import Lies

Body = dict[str, Any]
RECEIPT = f"retained_artifacts/{LINUX}/contributor_receipt.json"
REPLAYED = f"receipts/replay_{LINUX}.json"


def replay(**lies: Any) -> Lies:
    return dataclasses.replace(Lies(revision=1), **lies)


def _opens_a_revision(records: list[Said]) -> list[Said]:
    body: Body = {"revision": 1, "previous_bundle_digest": "b" * 64, "previous_classification": "replay_required"}
    body["continued"] = []
    return [records[0], Said("revision_opened", body, records[0].mono_ms + 1), *records[1:]]


def _leaves_a_previous_plan(bundle: Path) -> None:
    (bundle / "previous").mkdir()
    (bundle / "previous" / "window_plan.json").write_bytes((bundle / "contract" / "window_plan.json").read_bytes())


def _other_batches(plan: Body) -> None:
    first = plan["assignments"][0]
    first["batches"] = [*first["batches"][1:], first["batches"][0]]


def _no_epoch_before(records: list[Said]) -> list[Said]:
    records[0].body.update(previous_file=f"{LINUX}.contributor.r1.e0.jsonl")
    return records


def _goes_on_from_nowhere(body: Body) -> None:
    file = {"name": "step-000002.safetensors", "size_bytes": 9, "sha256": "d" * 64}
    body["continued"] = [{"node_id": LINUX, "checkpoints": [{"revision": 0, "step": 2, "file": file}]}]


def _listed_otherwise(body: Body) -> None:
    body["files"][1].update(sha256="d" * 64)


def _tells_nothing_of_it(body: Body) -> None:
    body["continued"] = []


GOES_ON = "a_replay_goes_on_from_what_was_kept"
DEFECTS = (
    Defect(
        "goes_on_from_what_the_earlier_bundle_does_not_list",
        GOES_ON,
        lambda: replay(continued=True, previous=lambda body: body["files"].pop()),
    ),
    Defect(
        "goes_on_from_other_bytes_than_the_earlier_bundle_lists",
        GOES_ON,
        lambda: replay(continued=True, previous=_listed_otherwise),
    ),
    Defect(
        "goes_on_and_its_opening_does_not_tell",
        GOES_ON,
        lambda: replay(continued=True, coordinator=said("revision_opened", _tells_nothing_of_it)),
    ),
    Defect(
        "goes_on_and_its_receipt_says_from_the_start",
        "checkpoints_lead_to_the_adapter",
        lambda: replay(continued=True, documents={RECEIPT: lambda body: body.update(continued_from=None)}),
    ),
    Defect(
        "goes_on_and_the_replay_says_from_the_start",
        "replays_are_about_this_work",
        lambda: replay(continued=True, documents={REPLAYED: lambda body: body.update(continued_from=None)}),
    ),
    Defect(
        "goes_on_and_was_ready_at_the_start",
        "execution_is_planned_and_told",
        lambda: replay(continued=True, own={LINUX: said("ready", lambda body: body.update(start=None))}),
    ),
    Defect(
        "a_replay_that_says_it_went_on",
        "a_replay_goes_on_from_what_was_kept",
        lambda: replay(coordinator=said("revision_opened", _goes_on_from_nowhere)),
    ),
    Defect("a_first_revision_calls_itself_a_replay", "one_revision_everywhere", coordinator(_opens_a_revision)),
    Defect("a_first_revision_has_an_earlier_plan", "a_replay_cites_what_it_repeats", after=_leaves_a_previous_plan),
    Defect(
        "a_replay_of_a_rejected_run",
        "a_replay_cites_what_it_repeats",
        lambda: replay(previous=lambda body: body.update(result_classification="rejected")),
    ),
    Defect(
        "a_replay_of_a_merged_run",
        "a_replay_cites_what_it_repeats",
        lambda: replay(previous=lambda body: body.update(merge_disposition="merged")),
    ),
    Defect(
        "a_replay_cites_another_bundle",
        "a_replay_cites_what_it_repeats",
        lambda: replay(coordinator=said("revision_opened", lambda body: body.update(previous_bundle_digest="c" * 64))),
    ),
    Defect(
        "a_replay_past_the_lanes_last_revision",
        "a_replay_cites_what_it_repeats",
        lambda: Lies(revision=3),
    ),
    Defect("a_replay_in_another_order", "a_replay_is_the_same_work", lambda: replay(previous_plan=_other_batches)),
    Defect(
        "a_replay_of_two_revisions_before",
        "a_replay_is_the_same_work",
        lambda: replay(previous_plan=lambda plan: plan.update(revision=7)),
    ),
    Defect(
        "a_replay_whose_host_names_no_earlier_process",
        "epochs_are_linked",
        lambda: replay(own={LINUX: _no_epoch_before}),
    ),
)
