"""What a contributor's own journal may not say, each told in a run whose every line is signed and chained."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from console.coordination.planning import parts
from console.evidence.checks.real_run import check_real_run
from console.validation.story import Story, judge_story
from runners.contract import coordinator_records as rec
from runners.contract.document import word_from_json
from runners.contract.journal import parse_line
from runners.contract.plan import RECEIPT_FILE
from tests.checks.defects import first
from tests.checks.forge import Forge
from tests.checks.forged_hosts import LINUX, NODES
from tests.checks.forged_journal import Said
from tests.checks.lies import Lies

Edit = Callable[[dict[str, Any]], None]
RECEIPT = f"retained_artifacts/{LINUX}/{RECEIPT_FILE}"


def _story(run: Forge) -> Story:
    """As the coordinator of that run had it before it judged the contribution."""
    told = [parse_line(line) for line in run.journals[LINUX].lines]
    said = {record.kind: record.body for record in reversed(run.journals["coordinator"].records)
            if record.body.get("node_id") == LINUX}  # fmt: skip
    offsets = run.train_shard.take(parts(run.contract, 16)[NODES.index(LINUX)].sample_indices).offsets
    return Story(
        records=tuple(told[: [record.kind for record in told].index("produced") + 1]),
        assignment=run.plan.assignment(LINUX),
        receipt=run.documents[RECEIPT],
        launched=word_from_json(rec.Launched, said["launched"]),
        bringup=word_from_json(rec.BringupReceived, said["bringup_received"]),
        admission=word_from_json(rec.AdmissionDecided, said["admission_decided"]),
        lengths=tuple(int(length) for length in np.diff(offsets)),
        silence_ms=run.contract.policies.stale_ms,
    )


def _says(kind: str, edit: Edit) -> Lies:
    def apply(records: list[Said]) -> list[Said]:
        edit(first(records, kind, None).body)
        return records

    return Lies(own={LINUX: apply})


def _twice(kind: str) -> Lies:
    def apply(records: list[Said]) -> list[Said]:
        place = records.index(first(records, kind, None))
        return [*records[:place], replace(records[place]), *records[place:]]

    return Lies(own={LINUX: apply})


def _moved(ms: int) -> Lies:
    def apply(records: list[Said]) -> list[Said]:
        place = records.index(first(records, "began", None)) + 2
        return records[:place] + [replace(record, mono_ms=record.mono_ms + ms) for record in records[place:]]

    return Lies(own={LINUX: apply})


def _receipt(**fields: Any) -> Lies:
    return Lies(documents={RECEIPT: lambda body: body.update(fields)})


def _card(records: list[Said]) -> list[Said]:
    place = records.index(first(records, "began", None))
    body = {"device_label": "cuda:0", "held": None, "card": None, "trouble": "no_nvml"}
    return [*records[:place], Said("accelerator_read", body, records[place].mono_ms), *records[place:]]


OTHER = "e" * 64
LIES: dict[str, tuple[str, Lies]] = {
    "claimed_twice": ("story_order", _twice("claimed")),
    "another_process": ("story_opened", _says("opened", lambda body: body.update(pid=1))),
    "another_admission": ("story_opened", _says("opened", lambda body: body.update(admission_digest=OTHER))),
    "a_journal_before_it": ("story_previous_journal", _says("opened", lambda body: body.update(
        previous_file=f"{LINUX}.contributor.r0.e7.jsonl", previous_tail=OTHER
    ))),
    "another_assignment": ("story_assignment", _says("claimed", lambda body: body.update(assignment_digest=OTHER))),
    "ready_with_another_slice": ("story_ready", _says("ready", lambda body: body.update(slice_sha256=OTHER))),
    "ready_on_another_device": ("story_device", _says("ready", lambda body: body["device"].update(
        device_label="cuda:0"
    ))),
    "ready_with_another_chunk": ("story_execution", _says("ready", lambda body: body["execution"].update(
        chunk_tokens=1
    ))),
    "ready_on_other_threads": ("story_execution_device", _says("ready", lambda body: body["execution"].update(
        threads=64
    ))),
    "a_card_of_its_own": ("story_card", Lies(own={LINUX: _card})),
    "more_steps_than_planned": ("story_steps", _says("heartbeat", lambda body: body.update(steps=400))),
    "beats_that_go_back": ("story_beats", _says("heartbeat", lambda body: body.update(beat=90))),
    "a_clock_that_goes_back": ("story_clock", _moved(-5000)),
    "a_minute_of_silence": ("story_silence", _moved(60_000)),
    "tokens_never_presented": ("receipt_tokens_presented", _receipt(tokens_presented=10**9)),
    "trained_in_no_time": ("receipt_train_seconds", _receipt(train_seconds=1e-4)),
}  # fmt: skip


def test_a_true_story_has_no_finding(tmp_path: Path) -> None:
    run = Forge(tmp_path)
    run.make()

    assert judge_story(_story(run)) == ()


@pytest.mark.parametrize("name", LIES)
def test_a_story_that_no_checker_would_believe_is_refused_before_it_is_merged(name: str, tmp_path: Path) -> None:
    rule, lie = LIES[name]
    run = Forge(tmp_path, lie)
    bundle = run.make()

    assert not check_real_run(bundle).consistent
    assert judge_story(_story(run))[0].rule == rule
