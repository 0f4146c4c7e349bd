"""Nothing that a folder holds makes the reader raise or leave the folder."""

import json
import os
from pathlib import Path

import pytest

from console.evidence.checks.psionic import check_psionic
from console.evidence.checks.psionic.scene import Document, resolve
from tests.checks.psionic.samples import bundle, drills, report, write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 200_000, "levels"),
        ('{"a":' * 40 + "1" + "}" * 40, "levels"),
        ('{"schema_version":1,"schema_version":2}', "unique keys"),
        ('{"loss":NaN}', "finite"),
        ('{"loss":1e999}', "finite"),
        ('{"n":' + "9" * 5000 + "}", "digits"),
        ('{"x":"\\ud800"}', "Unicode"),
        ('{"x":', "JSON"),
        ("[1,2]", "document of the old system"),
        ('{"schema_version":"swarm.unknown.v1"}', "document of the old system"),
        (" " * (4 * 1024 * 1024 + 1), "at most"),
    ],
    ids=["lists", "objects", "keys", "nan", "infinity", "digits", "surrogate", "cut", "list", "unknown", "long"],
)
def test_a_hostile_text_becomes_a_finding(tmp_path: Path, text: str, expected: str) -> None:
    verdict = check_psionic(write(tmp_path / "drills.json", text))
    assert expected in verdict.findings[0].expected
    assert not verdict.consistent


def test_bytes_that_are_no_text_become_a_finding(tmp_path: Path) -> None:
    (tmp_path / "drills.json").write_bytes(b'{"a":"\xff"}')
    assert check_psionic(tmp_path).findings[0].expected == "UTF-8"


def test_a_missing_path_becomes_a_finding(tmp_path: Path) -> None:
    assert check_psionic(tmp_path / "nowhere").findings[0].got == "nothing there"


def test_a_path_that_no_system_allows_becomes_a_finding() -> None:
    assert check_psionic(Path("a\0b")).findings


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside.json", drills())
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "drills.json").symlink_to(outside)
    verdict = check_psionic(folder)
    assert not verdict.documents
    assert verdict.findings[0].got == "a symbolic link"


def test_a_fifo_in_the_folder_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "drills.json")
    assert check_psionic(tmp_path).findings[0].got == "a fifo"


@pytest.mark.parametrize("value", [None, 1, True, "x", [], {}, [[]], [{}], [None], {"a": {"b": []}}])
def test_any_value_in_the_place_of_any_field_is_judged(tmp_path: Path, value: object) -> None:
    bundle(tmp_path)
    for name in ("coordinator_runtime_report.json", "first_swarm_real_run_bundle.json"):
        body = json.loads((tmp_path / name).read_text())
        for field in body:
            if field not in {"schema_version", "runtime_role"}:
                write(tmp_path / name, json.dumps(body | {field: value}))
                assert not check_psionic(tmp_path).consistent


def test_more_receipts_than_a_window_has_nodes_are_not_searched(tmp_path: Path) -> None:
    body = report() | {"replay_receipt_digests": ["0" * 64] * 10_000}
    rows = check_psionic(write(tmp_path / "report.json", json.dumps(body))).digests
    found = [row for row in rows if row.rule == "replay_receipt_digests[]"]
    assert [(row.result, row.got) for row in found] == [("mismatch", "10000")]


def test_the_authors_absolute_paths_lead_to_the_files_of_the_bundle() -> None:
    document = Document("runs/r/bundle.json", "real_run_bundle", {}, "")
    assert resolve(document, "/srv/a/runs/r", "/srv/a/runs/r/report.json") == "runs/r/report.json"
    assert resolve(document, "/srv/a/runs/r", "/srv/a/plan.json") == "plan.json"


@pytest.mark.parametrize("path", ["/etc/passwd", "/srv/plan.json", "../../../x", "/srv/a/runs/r/\0"])
def test_a_path_that_leads_out_of_the_folder_is_not_resolved(path: str) -> None:
    document = Document("runs/r/bundle.json", "real_run_bundle", {}, "")
    assert resolve(document, "/srv/a/runs/r", path) is None


def test_a_bundle_whose_report_is_gone_has_a_missing_file(tmp_path: Path) -> None:
    bundle(tmp_path)
    (tmp_path / "contributor_runtime_report.json").unlink()
    missing = [finding for finding in check_psionic(tmp_path).findings if finding.rule == "missing_file"]
    assert [finding.where for finding in missing] == ["first_swarm_real_run_bundle.json: contributor_report_sha256"]


def test_a_bundle_that_names_a_file_of_this_machine_does_not_open_it(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.json", "{}")
    place = bundle(tmp_path / "run")
    body = json.loads(place.read_text())
    body["artifacts"]["coordinator_report_path"] = str(secret)
    write(place, json.dumps(body))
    row = next(row for row in check_psionic(tmp_path / "run").digests if row.rule == "coordinator_report_sha256")
    assert row.result == "not_recomputable"
