"""A whole cycle of a runner, by real processes."""

import json
import os
import signal

import pytest

from runners.contract.plan import OUTBOX_FILES
from runners.contract.receipts import ContributorReceipt
from tests.process.inputs import contract, shipment
from tests.process.node import Node, runner_request

STORY = ["opened", "claimed", "acknowledged"]


def story(node: Node, launched: object) -> list[str]:
    return [kind for kind in node.kinds(launched) if kind != "preparing"]  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["reference", pytest.param("torch", marks=pytest.mark.torch)])
def test_a_launched_runner_goes_from_claim_to_release(node: Node, backend: str) -> None:
    node = node.on(backend)  # type: ignore[arg-type]
    sent = shipment(node.lane)
    launched = node.launch(sent)
    node.await_record(launched, "ready", 60)
    assert node.ask_here("begin", node.begin_request(sent)) == (0, {"done": True})
    node.await_record(launched, "produced")
    assert node.status()["alive"]
    assert node.ask_here("release", runner_request()) == (0, {"done": True})
    node.await_death()
    assert story(node, launched) == [*STORY, "ready", "began", "produced", "exited"]
    assert node.body(launched, "exited") == {"code": 0, "reason": "released"}
    produced = node.body(launched, "produced")
    assert produced["manifest"]["digest"] == sent.assignment.expected_upload.digest
    outbox = node.root.outbox(0)
    receipt = ContributorReceipt.read((outbox / "contributor_receipt.json").read_bytes())
    assert receipt.digest == produced["receipt_digest"]
    assert receipt.steps == len(sent.assignment.batches)
    assert [file["name"] for file in produced["files"]] == list(OUTBOX_FILES)
    assert max(node.beat_gaps_ms(launched)) < 2500
