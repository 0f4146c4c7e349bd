"""A whole cycle of a runner, by real processes."""

import os
import signal
import subprocess
import sys

from runners.contract.canonical import canonical_bytes
from runners.contract.plan import OUTBOX_FILES
from runners.contract.receipts import ContributorReceipt
from runners.contract.requests import LaunchResponse
from runners.records.keys import SigningKey
from tests.patience import PATIENCE_S
from tests.process.inputs import contract, shipment
from tests.process.node import Node, runner_request

STORY = ["opened", "claimed", "acknowledged"]


def story(node: Node, launched: LaunchResponse) -> list[str]:
    return [kind for kind in node.kinds(launched) if kind != "preparing"]


def test_a_launched_runner_goes_from_claim_to_release(node: Node) -> None:
    sent = shipment(node.lane)
    launched = node.launch(sent)
    node.await_record(launched, "ready")
    assert node.ask_here("begin", node.begin_request(sent)) == (0, {"done": True})
    node.await_record(launched, "produced")
    assert node.status()["alive"]
    assert node.ask_here("release", runner_request()) == (0, {"done": True})
    node.await_death()
    assert story(node, launched) == [*STORY, "ready", "began", "produced", "exited"]
    assert node.records(launched)[-1].record.kind == "exited"
    assert node.body(launched, "exited") == {"code": 0, "reason": "released"}
    assert node.body(launched, "ready")["device"]["backend_label"].startswith("open_adapter_backend.reference.")
    produced = node.body(launched, "produced")
    assert produced["manifest"]["digest"] == sent.assignment.expected_upload.digest
    outbox = node.root.outbox(0)
    receipt = ContributorReceipt.read((outbox / "contributor_receipt.json").read_bytes())
    assert receipt.digest == produced["receipt_digest"]
    assert receipt.steps == len(sent.assignment.batches)
    assert [file["name"] for file in produced["files"]] == list(OUTBOX_FILES)
    assert {path.name: path.stat().st_mode & 0o777 for path in outbox.iterdir()} == dict.fromkeys(OUTBOX_FILES, 0o444)


def test_without_permission_nothing_is_trained(node: Node) -> None:
    launched = node.launch(shipment(node.lane), SWARM_ORPHAN_MS="300")
    node.await_death()
    assert story(node, launched) == [*STORY, "ready", "log", "exited"]
    assert node.body(launched, "exited") == {"code": 4, "reason": "orphaned"}
    assert not node.root.outbox(0).exists()


def test_a_runner_that_nobody_releases_leaves_as_orphaned_with_its_outbox(node: Node) -> None:
    sent = shipment(node.lane)
    launched = node.launch(sent, SWARM_ORPHAN_MS="1500")
    node.await_record(launched, "ready")
    node.ask_here("begin", node.begin_request(sent))
    node.await_death()
    assert story(node, launched) == [*STORY, "ready", "began", "produced", "log", "exited"]
    assert node.body(launched, "exited")["reason"] == "orphaned"
    assert node.root.outbox(0).is_dir()


def test_a_permission_that_was_forged_on_disk_is_journaled_as_failure(node: Node) -> None:
    sent = shipment(node.lane)
    launched = node.launch(sent)
    forged = node.begin_request(sent)
    signature = SigningKey.generate().sign(b"swarm.begin.v1\0" + canonical_bytes(forged.begin.to_json()))
    node.root.keep_begin(forged.begin, signature)
    node.await_death()
    assert story(node, launched) == [*STORY, "ready", "failed", "exited"]
    assert node.body(launched, "failed")["reason"] == "bad_signature"
    assert node.body(launched, "exited") == {"code": 1, "reason": "failed"}


def test_a_checkpoint_that_is_gone_is_journaled_without_its_path(node: Node) -> None:
    launched = node.launch(shipment(node.lane), SWARM_MODEL_DIR=str(node.folder / "nowhere"))
    node.await_death()
    assert story(node, launched) == [*STORY, "failed", "exited"]
    failed = node.body(launched, "failed")
    assert failed["reason"] == "checkpoint_error"
    assert str(node.folder) not in failed["detail"]


def test_sigterm_in_training_stops_at_a_step_and_produces_nothing(node: Node) -> None:
    node.lane = contract(steps=4000)
    sent = shipment(node.lane)
    launched = node.launch(sent)
    node.await_record(launched, "ready")
    node.ask_here("begin", node.begin_request(sent))
    node.await_record(launched, "began")
    os.kill(launched.pid, signal.SIGTERM)
    node.await_death()
    told = [kind for kind in story(node, launched) if kind != "checkpointed"]  # how many depends on when it is hit
    assert told == [*STORY, "ready", "began", "exited"]
    assert node.body(launched, "exited") == {"code": 143, "reason": "stopped"}
    assert not node.root.outbox(0).exists()


def test_the_next_revision_names_the_tail_of_the_killed_one(node: Node) -> None:
    first = node.launch(shipment(node.lane))
    node.await_record(first, "ready")
    os.kill(first.pid, signal.SIGKILL)
    node.await_death()
    journal = node.root.folder / first.journal
    with journal.open("ab") as torn:
        torn.write(b'{"torn":')
    second = node.launch(shipment(node.lane, revision=1))
    node.await_record(second, "ready")
    opened = node.body(second, "opened")
    assert (second.revision, second.epoch) == (1, first.epoch + 1)
    assert opened["previous_file"] == first.journal
    assert opened["previous_tail"] == node.records(first)[-1].head.sha256
    assert node.body(second, "recovered") == {"cut_bytes": 8}
    assert journal.read_bytes().endswith(b"}\n")


def test_a_full_disk_ends_the_runner_and_leaves_whole_lines(node: Node) -> None:
    """A file size limit is the full disk here: the kernel refuses the write in the middle of a line."""
    node.lane = contract(heartbeat_ms=50)
    node.admit()
    sent = shipment(node.lane)
    node.ship(sent)
    node.settings.make_run_root()
    node.root.keep(node.root.request(0), node.launch_request(sent))
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
    limited += "from runners.__main__ import main; sys.exit(main(['work', '--revision', '0']))"
    done = subprocess.run(
        [sys.executable, "-c", limited],
        env=node.environment(SWARM_ORPHAN_MS="3000"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 74, done.stderr
    launched = node.root.launched(0)
    assert launched is not None
    assert len(node.records(launched)) > 3
    assert (node.root.folder / launched.journal).read_bytes().endswith(b"}\n")
    assert node.status()["proven_dead"]
    assert node.status()["detail"].endswith("lock free")  # nobody else ended it
