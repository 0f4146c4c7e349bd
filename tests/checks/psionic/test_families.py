"""Each family of digests on documents written for the purpose."""

import json
from pathlib import Path

from console.evidence.checks.psionic import PsionicVerdict, check_psionic
from tests.checks.psionic.samples import bundle, drills, report, sha, write


def results(verdict: PsionicVerdict, rule: str) -> list[str]:
    return [row.result for row in verdict.digests if row.rule == rule]


def test_struct_digests_with_a_rust_float_and_non_ascii_text_verify(tmp_path: Path) -> None:
    verdict = check_psionic(write(tmp_path / "drills.json", drills()))
    assert results(verdict, "bundle_digest") == ["verified"]
    assert results(verdict, "drills[].drill_digest") == ["verified"]


def test_a_float_respelled_by_python_breaks_its_struct_digests(tmp_path: Path) -> None:
    text = drills().replace("5.5e-7", "5.5e-07")
    verdict = check_psionic(write(tmp_path / "drills.json", text))
    assert results(verdict, "drills[].drill_digest") == ["mismatch"]
    assert not verdict.consistent


def test_a_missing_own_digest_is_a_mismatch(tmp_path: Path) -> None:
    body = json.loads(drills())
    del body["bundle_digest"]
    verdict = check_psionic(write(tmp_path / "drills.json", json.dumps(body)))
    assert results(verdict, "bundle_digest") == ["mismatch"]


def test_a_heartbeat_digest_verifies_with_a_dash_for_the_absent_claim(tmp_path: Path) -> None:
    verdict = check_psionic(write(tmp_path / "report.json", json.dumps(report())))
    assert results(verdict, "heartbeat_receipts[].receipt_digest") == ["verified"]


def test_a_changed_heartbeat_time_breaks_its_bar_list(tmp_path: Path) -> None:
    body = report()
    body["heartbeat_receipts"][0]["observed_at_ms"] += 1
    verdict = check_psionic(write(tmp_path / "report.json", json.dumps(body)))
    assert results(verdict, "heartbeat_receipts[].receipt_digest") == ["mismatch"]


def test_a_split_digest_verifies_by_its_mixed_recipe(tmp_path: Path) -> None:
    digest = sha("psionic_first_swarm_split|key@1|train|sample|a|sample|b")
    split = {"split_name": "train", "sample_ids": ["a", "b"], "split_digest": digest}
    body = {
        "contract_id": "swarm.local_open_adapter_contract.v1",
        "dataset": {"dataset_storage_key": "key@1", "splits": [split]},
    }
    verdict = check_psionic(write(tmp_path / "contract.json", json.dumps(body)))
    assert results(verdict, "dataset.splits[].split_digest") == ["verified"]


def test_a_bundle_verifies_by_python_text_and_by_the_bytes_of_its_files(tmp_path: Path) -> None:
    verdict = check_psionic(bundle(tmp_path).parent)
    assert results(verdict, "bundle_sha256") == ["verified"]
    assert results(verdict, "coordinator_report_sha256") == ["verified"]
    assert results(verdict, "operator_manifest_sha256") == ["verified"]


def test_one_byte_added_to_a_report_breaks_the_digest_of_its_file(tmp_path: Path) -> None:
    bundle(tmp_path)
    place = tmp_path / "coordinator_runtime_report.json"
    place.write_text(place.read_text() + " ")
    assert results(check_psionic(tmp_path), "coordinator_report_sha256") == ["mismatch"]


def test_a_link_without_its_target_is_not_called_wrong(tmp_path: Path) -> None:
    body = json.loads(drills()) | {"topology_contract_digest": "0" * 64}
    verdict = check_psionic(write(tmp_path / "drills.json", json.dumps(body)))
    row = next(row for row in verdict.digests if row.rule == "topology_contract_digest")
    assert (row.result, row.reason) == ("not_recomputable", "no topology_contract lies beside this document")


def test_a_link_to_another_digest_is_a_mismatch(tmp_path: Path) -> None:
    topology = {"schema_version": "swarm.first_trusted_lan_topology_contract.v1", "contract_digest": "1" * 64}
    write(tmp_path / "topology.json", json.dumps(topology))
    body = json.loads(drills()) | {"topology_contract_digest": "0" * 64}
    verdict = check_psionic(write(tmp_path / "drills.json", json.dumps(body)))
    assert results(verdict, "topology_contract_digest") == ["mismatch"]
    assert any(finding.rule == "psionic_link" and finding.expected == "1" * 64 for finding in verdict.findings)
