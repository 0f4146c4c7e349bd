"""Is what a contributor told on its way true to its assignment, to its clock and to its receipt?

Its lines are chained and signed, so they are its own; that makes none of them true. Whoever merged work with a story
that contradicts itself would keep a bundle that nobody believes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from runners.contract.coordinator_records import AdmissionDecided, BringupReceived, Finding, Launched
from runners.contract.journal import JournalRecord
from runners.contract.plan import Assignment
from runners.contract.receipts import ContributorReceipt

ORDER = ("opened", "claimed", "acknowledged", "ready", "began", "produced")
AS_PLANNED = ("backend_label", "tf32", "chunk_tokens")
OF_THE_DEVICE = {"backend_label": "backend_label", "device_name": "name", "threads": "threads", "blas": "blas",
                 "tf32": "tf32"}  # fmt: skip
SLACK_MS = 1000  # between what a record tells and the moment that it was written
Body = dict[str, Any]


@dataclass(frozen=True)
class Story:
    """`records` go up to and with `produced`; `lengths` are the tokens of the slice's samples, in their order."""

    records: tuple[JournalRecord, ...]
    assignment: Assignment
    receipt: ContributorReceipt
    launched: Launched
    bringup: BringupReceived
    admission: AdmissionDecided
    lengths: tuple[int, ...]
    silence_ms: int  # the stale bound, and what the coordinator itself was late by

    def said(self, kind: str) -> list[Body]:
        return [record.body for record in self.records if record.kind == kind]


Rule = Callable[[Story], tuple[Finding, ...]]


def judge_story(story: Story) -> tuple[Finding, ...]:
    """The findings of the first rule that found something; later rules may rely on what earlier ones established."""
    return next((findings for rule in RULES if (findings := rule(story))), ())


def _differs(rule: str, expected: object, got: object) -> tuple[Finding, ...]:
    if expected == got:
        return ()
    return (Finding(rule=rule, expected=str(expected)[:1000], got=str(got)[:1000]),)


def each_step_once_in_its_order(story: Story) -> tuple[Finding, ...]:
    told = tuple(record.kind for record in story.records if record.kind in ORDER)
    return _differs("story_order", ORDER, told)


def the_launched_process_opened_it(story: Story) -> tuple[Finding, ...]:
    opened, launched = story.said("opened")[0], story.launched
    expected = {
        "pid": launched.pid,
        "process_started_ms": launched.process_started_ms,
        "admission_digest": story.admission.receipt_digest,
        "node_public_key": story.bringup.node_public_key,
    }
    findings = _differs("story_opened", expected, {name: opened[name] for name in expected})
    return findings + _differs("story_previous_journal", True, _goes_on(story, opened["previous_file"]))


def _goes_on(story: Story, named: str | None) -> bool:
    """From no journal before, or in a later revision from the one of the process start before this one."""
    launched = story.launched
    if named is None or launched.revision == 0:
        return named is None and launched.epoch == 0
    match = re.fullmatch(rf"{re.escape(launched.node_id)}\.contributor\.r([0-9]+)\.e([0-9]+)\.jsonl", named)
    return match is not None and int(match[1]) < launched.revision and int(match[2]) == launched.epoch - 1


def it_is_about_the_assignment(story: Story) -> tuple[Finding, ...]:
    digests = {body["assignment_digest"] for kind in ORDER[:3] for body in story.said(kind)}
    return _differs("story_assignment", {story.assignment.digest}, digests)


def ready_is_as_planned_and_measured(story: Story) -> tuple[Finding, ...]:
    ready, assignment, bringup = story.said("ready")[0], story.assignment, story.bringup
    device, execution, planned = ready["device"], ready["execution"], assignment.execution.to_json()
    expected = {
        "head_sha256": assignment.head.sha256,
        "slice_sha256": assignment.slice.shard.sha256,
        "initial_adapter_sha256": assignment.initial_adapter.sha256,
        "start": assignment.start.to_json() if assignment.start else None,
    }
    labels = (bringup.backend_label, bringup.device_label, bringup.device_label.split(":")[0], False)
    got = tuple(device[name] for name in ("backend_label", "device_label", "kind", "tf32"))
    return (
        *_differs("story_ready", expected, {name: ready[name] for name in expected}),
        *_differs("story_device", labels, got),
        *_differs("story_execution", _some(planned, AS_PLANNED), _some(execution, AS_PLANNED)),
        *_differs("story_execution_device", _some(device, OF_THE_DEVICE.values()), _some(execution, OF_THE_DEVICE)),
        *_differs("story_execution_receipt", execution, story.receipt.execution.to_json()),
        *_differs(
            "receipt_software",
            (execution["backend"], execution["runners_sha256"]),
            (story.receipt.software.backend, story.receipt.software.runners_sha256),
        ),
        *_differs("receipt_device", _some(execution, OF_THE_DEVICE), _some(
            story.receipt.device.to_json(), OF_THE_DEVICE.values()
        )),
    )  # fmt: skip


def _some(body: Body, names: Any) -> tuple[Any, ...]:
    return tuple(body[name] for name in names)


def its_card_is_the_one_that_computes(story: Story) -> tuple[Finding, ...]:
    labels = {body["device_label"] for body in story.said("accelerator_read")}
    return _differs("story_card", set(), labels - {story.said("ready")[0]["device"]["device_label"]})


def it_counts_up(story: Story) -> tuple[Finding, ...]:
    beats, steps = story.said("heartbeat"), story.assignment.recipe.steps
    for one, other in pairwise(beats):
        if other["beat"] <= one["beat"] or other["step"] < one["step"]:
            return _differs("story_beats", "beat and step that go on", (_step(one), _step(other)))
    wrong = [_step(beat) for beat in beats if beat["steps"] != steps or beat["step"] > steps]
    return _differs("story_steps", [], wrong[:3])


def _step(beat: Body) -> str:
    return f"beat {beat['beat']}: {beat['step']} of {beat['steps']}"


def its_clock_goes_on(story: Story) -> tuple[Finding, ...]:
    """And it was never silent for longer than a coordinator may overlook."""
    for one, other in pairwise(story.records):
        if other.mono_ms < one.mono_ms:
            return _differs("story_clock", f"{one.mono_ms} ms or later in record {other.seq}", other.mono_ms)
    kinds = [record.kind for record in story.records]
    signs = [
        record for record in story.records[kinds.index("began") :] if record.kind in ("began", "heartbeat", "produced")
    ]
    longest = max(other.mono_ms - one.mono_ms for one, other in pairwise(signs))
    bound = story.silence_ms + SLACK_MS
    return () if longest <= bound else _differs("story_silence", f"a sign of life within {bound} ms", f"{longest} ms")


def figures_follow_from_the_work(story: Story) -> tuple[Finding, ...]:
    receipt, assignment = story.receipt, story.assignment
    by_step = [sum(story.lengths[index] for index in batch) for batch in assignment.batches]
    trained = sum(by_step[assignment.start.step if assignment.start else 0 :])
    clock = {record.kind: record.mono_ms for record in story.records}
    within = [
        record.mono_ms
        for record in story.records
        if record.kind == "heartbeat" and record.body["phase"] == "training" and 0 < record.body["step"] < receipt.steps
    ]
    least, most = (within[-1] - within[0] if within else 0), clock["produced"] - clock["began"]
    took = receipt.train_seconds * 1000
    fits = least - SLACK_MS <= took <= most + SLACK_MS
    return (
        *_differs("receipt_tokens_presented", sum(by_step), receipt.tokens_presented),
        *_differs("receipt_tokens_trained", trained, receipt.tokens_trained),
        *(() if fits else _differs("receipt_train_seconds", f"{least / 1000} to {most / 1000} s", took / 1000)),
    )


RULES: tuple[Rule, ...] = (
    each_step_once_in_its_order,
    the_launched_process_opened_it,
    it_is_about_the_assignment,
    ready_is_as_planned_and_measured,
    its_card_is_the_one_that_computes,
    it_counts_up,
    its_clock_goes_on,
    figures_follow_from_the_work,
)
