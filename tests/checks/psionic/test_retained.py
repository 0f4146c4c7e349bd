"""The old system's own documents, where they are at hand."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.evidence.checks.psionic import PsionicVerdict, check_psionic
from console.evidence.checks.psionic.check import RULES, check_document
from console.evidence.checks.psionic.notation import Spelled, parse
from console.evidence.checks.psionic.reading import read_tree
from console.evidence.checks.psionic.scene import Document
from tests.checks.psionic.samples import interop, reference

# Rows that the earlier recomputation verified from inputs that no retained file holds.
NEEDS_MORE = (
    "initial_state_dict_digest",
    "final_state_dict_digest",
    "contributor_receipt.adapter_artifact_digest",
    "upload.upload_manifest_digest",
    "dataset_report.splits[].object_digest",
    "dataset_report.splits[].datastream_manifest_digest",
    "dataset_report.dataset_manifest_digest",
    "source_inventory_report_digest",
    "merge_report_digest",
)
OF_OTHER_TEXT = ("aggregation_compatibility_digest", "workflow_plan_digest")  # over something else than their owner
SEALS = tuple(rule for rule in RULES if rule.family in {"struct", "python_text"})
LAN_RUN, TAILNET_RUN = "runs/first-swarm-live-20260327-real-2", "runs/tailrun-home-admitted-20260327e"


@pytest.fixture(scope="module")
def verdict() -> PsionicVerdict:
    return check_psionic(interop())


def test_the_whole_tree_is_consistent_and_its_stale_links_are_known(verdict: PsionicVerdict) -> None:
    assert verdict.findings == ()
    assert verdict.counts() == {
        "verified": 195,
        "link_ok": 114,
        "stale_link": 7,
        "not_recomputable": 34,
        "mismatch": 0,
    }


def test_every_row_of_the_reference_table_has_the_result_that_it_gives(verdict: PsionicVerdict) -> None:
    mine: dict[tuple[str, str], set[str]] = {}
    for row in verdict.digests:
        mine.setdefault((f"swarm/{row.document}", row.rule), set()).add(row.result)
    for row in reference()["rows"]:
        for path, result in row["results"].items():
            if not path.startswith("swarm/"):
                continue
            unretained = row["field_path"].endswith(NEEDS_MORE)
            expected = "not_recomputable" if unretained else result
            if row["field_path"].endswith("upload.payload_bytes"):
                expected = "link_ok"  # the bytes are gone; the two documents that give their number agree
            assert mine[path, row["field_path"]] == {expected}, (path, row["field_path"])


def test_what_is_not_recomputed_always_has_a_reason(verdict: PsionicVerdict) -> None:
    assert all(row.reason for row in verdict.digests if row.result in {"not_recomputable", "stale_link"})


@pytest.mark.parametrize("run", [LAN_RUN, TAILNET_RUN])
def test_a_run_folder_is_checked_alone_with_its_lane_around_it(run: str) -> None:
    verdict = check_psionic(interop() / run)
    assert verdict.consistent
    assert all(found.path.startswith(run) for found in verdict.documents)
    assert {row.result for row in verdict.digests if row.rule == "workflow_plan_digest"} == {"link_ok"}


def test_a_copied_run_folder_keeps_its_digests_and_loses_only_links(tmp_path: Path) -> None:
    shutil.copytree(interop() / LAN_RUN, tmp_path / "run")
    verdict = check_psionic(tmp_path / "run")
    assert verdict.consistent
    assert {row.result for row in verdict.digests if row.rule == "bundle_sha256"} == {"verified"}
    assert {row.result for row in verdict.digests if row.rule == "workflow_plan_digest"} == {"not_recomputable"}


def test_a_publication_folder_is_checked_alone() -> None:
    verdict = check_psionic(interop() / "publications")
    assert verdict.consistent
    assert verdict.counts()["verified"] > 20


def test_the_older_bundles_are_told_from_later_ones(verdict: PsionicVerdict) -> None:
    shapes = {found.path: found.shape for found in verdict.documents if found.kind == "real_run_bundle"}
    assert len(shapes) == 2
    assert all(shape.startswith("older shape") for shape in shapes.values())


@pytest.mark.parametrize(
    "path",
    [
        "first_swarm_live_workflow_plan_v1.json",
        "first_swarm_open_adapter_receipt_contract_v1.json",
        "first_swarm_run_contract_v1.json",
        "first_swarm_trusted_lan_topology_contract_v1.json",
        "publications/first_swarm_local_snapshot_publication_v1.json",
        "reports/first_swarm_trusted_lan_closeout_v1.json",
        "reports/first_swarm_trusted_lan_evidence_bundle_v1.json",
        "reports/first_swarm_trusted_lan_failure_drills_v1.json",
        "reports/first_swarm_trusted_lan_rehearsal_v1.json",
        "reports/swarm_linux_rtx4080_bringup_v1.json",
        "reports/swarm_mac_mlx_bringup_v1.json",
        f"{LAN_RUN}/contributor_runtime_report.json",
        f"{LAN_RUN}/coordinator_runtime_report.json",
        f"{LAN_RUN}/first_swarm_real_run_bundle.json",
        f"{TAILNET_RUN}/contributor_runtime_report.json",
        f"{TAILNET_RUN}/coordinator_runtime_report.json",
        f"{TAILNET_RUN}/first_swarm_real_run_bundle.json",
        f"{TAILNET_RUN}/tailrun_admitted_home_run_summary.json",
    ],
)
def test_a_change_of_any_leaf_breaks_the_document_and_every_struct_digest_over_it(path: str) -> None:
    scene = read_tree(interop()).scene
    raw = (interop() / path).read_bytes()
    sealed = [row for row in check_document(scene, scene.documents[path], SEALS) if row.result == "verified"]
    for where, changed in changes(parse(raw)):
        document = Document(path, scene.documents[path].kind, changed, "")
        broken = {row.where for row in check_document(scene, document, SEALS) if row.result == "mismatch"}
        covering = {row.where for row in sealed if covers(row.where, where)}
        assert covering, where
        assert broken >= covering, where


def test_a_changed_value_in_any_document_of_the_tree_is_found(tmp_path: Path) -> None:
    """One leaf of each, also where only the digest of the file or another document's link covers it."""
    shutil.copytree(interop(), tmp_path / "swarm")
    missed = []
    for path in sorted((tmp_path / "swarm").rglob("*.json")):
        raw = path.read_bytes()
        body = parse(raw)
        steps = [steps for _, steps in leaves(body, "", ())][-1]
        text = raw.decode()
        value = body
        for step in steps:
            value = value[step]
        spelled = json.dumps(value, ensure_ascii=False) if not isinstance(value, Spelled) else value.text
        place = text.rindex(spelled) + len(spelled) // 2
        path.write_text(f"{text[:place]}{'1' if text[place] != '1' else '2'}{text[place + 1 :]}")
        if check_psionic(tmp_path / "swarm").consistent:
            missed.append(path.name)
        path.write_bytes(raw)

    assert missed == []


def covers(digest: str, leaf: str) -> bool:
    """Whether the object that owns the digest holds the leaf."""
    owner = digest.rpartition(".")[0]
    return digest not in OF_OTHER_TEXT and (not owner or leaf.startswith((f"{owner}.", f"{owner}[")))


def changes(body: Any) -> Iterator[tuple[str, Any]]:
    """The body with one leaf changed, for each leaf. What says which document it is stays: see `leaves`."""
    for where, steps in list(leaves(body, "", ())):
        copy = parse_again(body)
        owner = copy
        for step in steps[:-1]:
            owner = owner[step]
        owner[steps[-1]] = other(owner[steps[-1]])
        yield where, copy


def leaves(value: Any, where: str, steps: tuple[str | int, ...]) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if not (steps == () and name in {"schema_version", "scope_window", "contract_id"}):
                yield from leaves(item, f"{where}.{name}" if where else name, (*steps, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from leaves(item, f"{where}[{at}]", (*steps, at))
    else:
        yield where, steps


def parse_again(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: parse_again(item) for name, item in value.items()}
    return [parse_again(item) for item in value] if isinstance(value, list) else value


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, Spelled):
        return Spelled("0.125")
    return value + 1 if isinstance(value, int) else f"{value}x"


def test_a_byte_changed_in_the_model_file_breaks_its_digests(tmp_path: Path) -> None:
    shutil.copytree(interop(), tmp_path / "swarm")
    (model,) = (tmp_path / "swarm").rglob("model.safetensors")
    raw = bytearray(model.read_bytes())
    raw[-1] ^= 1
    model.write_bytes(raw)
    broken = {(row.kind, row.rule) for row in check_psionic(tmp_path / "swarm").digests if row.result == "mismatch"}
    assert ("publish_manifest", "files[].sha256") in broken
    assert ("bundle_manifest", "state_dict.digest") in broken


def test_what_the_runs_did_not_prove_is_said_with_its_basis(verdict: PsionicVerdict) -> None:
    said = {item.statement.split(":")[0]: item for item in verdict.not_proven if LAN_RUN in item.about}
    for start in ("no GPU", "the assigned slices", "nothing was replayed", "the frozen heartbeat", "memory and"):
        assert any(statement.startswith(start) for statement in said), start
    assert next(item.basis for name, item in said.items() if name.startswith("no GPU")) == "recorded behaviour"
    assert next(item.basis for name, item in said.items() if name.startswith("nothing was")) == "documents"


def test_a_replay_over_two_values_is_not_called_vacuous(tmp_path: Path) -> None:
    shutil.copytree(interop() / LAN_RUN, tmp_path / "run")
    place = tmp_path / "run" / "coordinator_runtime_report.json"
    body = json.loads(place.read_text())
    body["replay_receipt_digests"] = ["0" * 64, "1" * 64]
    place.write_text(json.dumps(body))
    verdict = check_psionic(tmp_path / "run")
    assert not any(item.statement.startswith("nothing was replayed") for item in verdict.not_proven)


def test_the_report_prints_and_serialises(verdict: PsionicVerdict) -> None:
    assert json.loads(json.dumps(verdict.to_json()))["counts"]["verified"] == 195
    assert verdict.lines()[0].startswith("consistent: 24 documents, 195 verified")
