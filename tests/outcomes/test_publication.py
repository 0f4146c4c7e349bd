"""A promoted run becomes a snapshot; everything else is refused by the gate it lacks, and leaves nothing behind."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.evidence.checks.outcomes import publication
from console.evidence.checks.outcomes.closeout import check_closeout
from console.evidence.checks.outcomes.publication import check_publication
from console.evidence.errors import BundleNotVerified, PublicationRefused
from console.evidence.outcomes.attempt import attempt_evidence
from console.evidence.outcomes.closed_bundle import open_closed
from console.evidence.outcomes.closeout import closeout_report
from console.evidence.outcomes.places import publications_dir, write_document
from console.evidence.outcomes.publication import PublicationReport
from console.evidence.outcomes.publish import promotion_gates
from runners.contract.receipts import GateValue
from tests.checks.forge import forge
from tests.checks.lies import Lies
from tests.checks.resealing import rewrite
from tests.outcomes.conftest import LANE, Kept
from tests.outcomes.false_publications import LIES, Body, Lie
from tests.outcomes.publishing import (
    REPORT_FILE,
    SNAPSHOT_DIR,
    authored_smoke,
    publish_forged,
    reseal_publication,
    write_checkpoint,
)


@dataclass(frozen=True)
class Published:
    kept: Kept
    model: Path

    @property
    def out(self) -> Path:
        return publications_dir(self.kept.run.folder)

    @property
    def snapshot(self) -> Path:
        return self.out / SNAPSHOT_DIR

    def rules(self) -> list[str]:
        return [finding.rule for finding in check_publication(self.out).findings]


@pytest.fixture
def published(promoted: Kept, tmp_path: Path) -> Published:
    found = Published(promoted, write_checkpoint(tmp_path / "base"))
    publish_forged(promoted.run, found.model, found.out)
    return found


def _bytes_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_promoted_run_is_published_and_verifies(published: Published) -> None:
    assert check_publication(published.out).findings == ()
    assert sorted(_bytes_below(published.snapshot)) == [
        *publication.FILES[:6],
        "publish_manifest.json",
        publication.FILES[6],
    ]


def test_publishing_twice_gives_the_same_bytes_and_the_bundle_stays_as_it_was(
    published: Published, tmp_path: Path
) -> None:
    bundle, first = _bytes_below(published.kept.run.folder), _bytes_below(published.out)
    publish_forged(published.kept.run, published.model, published.out)
    publish_forged(published.kept.run, published.model, tmp_path / "elsewhere")

    assert _bytes_below(published.out) == first
    assert _bytes_below(tmp_path / "elsewhere") == first
    assert _bytes_below(published.kept.run.folder) == bundle


def test_another_snapshot_at_the_place_is_never_replaced(published: Published) -> None:
    card = published.snapshot / "README.md"
    card.write_text("something else\n")

    with pytest.raises(PublicationRefused, match="got another one"):
        publish_forged(published.kept.run, published.model, published.out)
    assert card.read_text() == "something else\n"


def _held(body: Body) -> None:
    body["governance"]["minimum_improvement"] = 50.0


def test_a_held_run_is_refused_by_the_gate_it_lacks(tmp_path: Path) -> None:
    run = open_closed(forge(tmp_path, Lies(contract=_held)))

    with pytest.raises(PublicationRefused, match="gate held_out_improvement: expected at least 50"):
        publish_forged(run, write_checkpoint(tmp_path / "base"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_that_lacks_two_gates_is_told_of_both() -> None:
    gates = tuple(
        GateValue(gate=gate, passed=passed, value="0.01", threshold="at least 0.05")
        for gate, passed in (("one", False), ("two", True), ("three", False))
    )
    run: Any = SimpleNamespace(promotion=SimpleNamespace(gates=gates, disposition="held"))

    with pytest.raises(PublicationRefused) as refused:
        promotion_gates(run)
    assert str(refused.value) == (
        "publication refused: gate one: expected at least 0.05, got 0.01; gate three: expected at least 0.05, got 0.01"
    )


def test_a_refused_run_is_refused_because_no_gate_was_reached(refused: Kept, tmp_path: Path) -> None:
    with pytest.raises(PublicationRefused, match="gate promotion_reached: expected promoted, got refused_bringup"):
        publish_forged(refused.run, write_checkpoint(tmp_path / "base"), tmp_path / "out")


@pytest.mark.parametrize(
    ("changed", "gate"),
    [({"seed": 8}, "base_is_the_planned_one"), ({"tokenizer": b"{}\n"}, "tokenizer_is_the_planned_one")],
)
def test_another_checkpoint_is_refused(changed: Body, gate: str, promoted: Kept, tmp_path: Path) -> None:
    with pytest.raises(PublicationRefused, match=gate):
        publish_forged(promoted.run, write_checkpoint(tmp_path / "base", **changed), tmp_path / "out")


@pytest.mark.parametrize("changed", [{"max_logit_difference": 0.5}, {"largest_delta": 0.0}, {"generated_tokens": (3,)}])
def test_an_adapter_that_peft_does_not_run_as_it_says_is_refused(changed: Body, promoted: Kept, tmp_path: Path) -> None:
    with pytest.raises(PublicationRefused, match="adapter_loads_and_generates_through_peft"):
        publish_forged(promoted.run, write_checkpoint(tmp_path / "base"), tmp_path / "out", authored_smoke(**changed))
    assert _bytes_below(tmp_path / "out") == {}


def test_a_bundle_that_does_not_verify_is_never_opened(promoted: Kept) -> None:
    audit = promoted.run.folder / "audit.md"
    audit.write_bytes(audit.read_bytes() + b"!")

    with pytest.raises(BundleNotVerified, match="expected a bundle that verifies"):
        open_closed(promoted.run.folder)


def test_a_closeout_after_publication_says_published_and_verifies(published: Published) -> None:
    run = published.kept.run
    report = PublicationReport.read((published.out / REPORT_FILE).read_bytes())
    document = closeout_report(run, attempt_evidence(run).digest, report)
    path = write_document(published.kept.document("closeout").parent, LANE, "closeout", document)

    assert document.publish_disposition == "published"
    assert check_closeout(path).findings == ()
    shutil.rmtree(published.snapshot)
    assert [finding.rule for finding in check_closeout(path).findings] == ["published_means_a_true_publication"]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_a_resealed_lie_is_refused_by_its_rule_alone(lie: Lie, published: Published) -> None:
    if lie.snapshot:
        lie.snapshot(published.snapshot)
    reseal_publication(published.out, lie.report, relist=lie.relisted)

    assert set(published.rules()) == {lie.rule}


def test_bytes_that_the_manifest_does_not_list_are_found(published: Published) -> None:
    manifest = published.snapshot / "publish_manifest.json"
    rewrite(manifest, lambda body: body["files"][0].update(size_bytes=1))
    digest = json.loads(manifest.read_bytes())["digest"]
    rewrite(published.out / REPORT_FILE, lambda body: body.update(publish_manifest_digest=digest))

    assert published.rules() == ["manifest_lists_the_bytes"]


def test_a_missing_file_and_a_document_without_its_digest_are_two_findings(published: Published) -> None:
    contract = published.snapshot / "tokenizer_contract.json"
    contract.write_bytes(contract.read_bytes().replace(b'"vocab_size": 32', b'"vocab_size": 33'))
    assert published.rules() == ["snapshot_documents_are_readable"]

    contract.unlink()
    assert published.rules() == ["snapshot_is_there"]


def test_a_snapshot_of_a_held_run_is_refused_whoever_wrote_it(published: Published, tmp_path: Path) -> None:
    """The same forged run, held by a stricter contract: its publication cites it as if it had been promoted."""
    held = forge(tmp_path / "strict", Lies(contract=_held))
    bundle = json.loads((held / "first_swarm_real_run_bundle.json").read_bytes())
    citation = open_closed(held).citation.to_json()
    rewrite(published.snapshot / "publish_manifest.json", lambda body: body.update(run=citation))

    def cite(body: Body) -> None:
        body.update(run=citation, contract_digest=bundle["contract_digest"])

    reseal_publication(published.out, cite)
    found = [finding.rule for finding in check_publication(published.out, bundle=held).findings]

    assert found[0] == "run_was_promoted"


def test_every_rule_of_a_publication_has_a_lie_or_a_test_of_its_own() -> None:
    elsewhere = {"run_was_promoted", "manifest_lists_the_bytes", "snapshot_is_there", "snapshot_documents_are_readable"}
    rules = {rule.__name__ for rule in (*publication.FIRST, *publication.RULES)}

    assert rules - {lie.rule for lie in LIES} == elsewhere


def test_a_changed_byte_anywhere_in_a_publication_is_found(published: Published) -> None:
    for path in [file for file in published.out.rglob("*") if file.is_file()]:
        data = path.read_bytes()
        for place in {0, len(data) // 2, len(data) - 1}:
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            assert published.rules(), (path.name, place)
        path.write_bytes(data)
    assert published.rules() == []
