"""Which document a command means: of a run's revisions, of a folder's documents, and what it says of a wrong place."""

import json
import shutil
from pathlib import Path

import pytest

from console.cli.find import find_bundle
from console.cli.main import main
from console.evidence.checks.outcomes.publication import check_publication
from console.evidence.outcomes.closed_bundle import open_closed
from console.evidence.outcomes.later_audit import audit_name
from console.evidence.outcomes.places import publications_dir
from tests.checks.forge import forge
from tests.checks.forged_hosts import RUN_ID
from tests.checks.lies import Lies
from tests.checks.resealing import operator_key_file
from tests.outcomes.conftest import Kept, keep
from tests.outcomes.publishing import publish_forged, write_checkpoint


@pytest.fixture
def replayed(promoted_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of this machine with two closed revisions; its folder."""
    run = tmp_path / "runs" / RUN_ID
    shutil.copytree(promoted_bundle, run / "bundle")
    shutil.copytree(forge(tmp_path / "again", Lies(revision=1)), run / "bundle-r1")
    operator_key_file(run)
    monkeypatch.setenv("SWARM_RUNS", str(run.parent))
    return run


def test_a_run_id_means_its_last_revision(replayed: Path) -> None:
    assert find_bundle(RUN_ID) == find_bundle(str(replayed)) == replayed / "bundle-r1"


def test_each_revision_has_documents_of_its_own_that_verify(replayed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, last = keep(replayed / "bundle"), keep(replayed / "bundle-r1")

    assert last.document("closeout") == replayed / "outcomes-r1" / "loopback_closeout_v1.json"
    for kept in (first, last):
        for what in ("rehearsal", "evidence", "closeout"):
            assert main(["check", what, "--bundle", str(kept.document("closeout").parent)]) == 0, capsys.readouterr()
    assert audit_name(first.run).removesuffix("-audit.md") + "-r1-audit.md" == audit_name(last.run)


def test_a_publication_of_the_last_revision_cites_that_one(replayed: Path, tmp_path: Path) -> None:
    run = open_closed(replayed / "bundle-r1")
    publish_forged(run, write_checkpoint(tmp_path / "base"), publications_dir(run.folder))

    assert publications_dir(run.folder) == replayed / "publications"
    assert check_publication(replayed / "publications").findings == ()


def test_every_document_of_a_folder_is_judged(promoted: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    folder = promoted.document("rehearsal").parent
    other = folder / "zz_other_rehearsal_v1.json"
    other.write_bytes(b"{}\n")

    assert main(["check", "rehearsal", "--bundle", str(folder), "--json"]) == 1
    judged = json.loads(capsys.readouterr().out)["rehearsal"]
    assert [(Path(item["place"]).name, item["verified"]) for item in judged] == [
        ("loopback_rehearsal_v1.json", True), (other.name, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["real-run", "--bundle", "nowhere"], 1, "expected a bundle document, got no such file"),
        (["closeout", "--bundle", "nowhere"], 1, "document_is_there: nowhere"),
        (["lan", "--bundle", "nowhere.toml"], 2, "expected a lane's .toml or the folder of an operator bundle"),
        (["mac", "--report", "nowhere"], 1, "expected a swarm.bringup_report.v1 document, got no such file"),
        (["all", "--allowed-signers", "nowhere"], 2, "--allowed-signers nowhere: expected a file"),
    ],
    ids=["run", "document", "lane", "report", "signers"],
)
def test_a_place_with_nothing_there_is_named(
    words: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)

    assert main(["check", *words]) == code
    told = capsys.readouterr()
    assert said in told.out + told.err


def test_a_folder_that_cannot_be_made_is_named_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    place = tmp_path / "file" / "bundle"

    assert main(["launch", "--run-id", "r", "--bundle-dir", str(place), "--manifest-only"]) == 1
    assert f"swarm: {place}: " in capsys.readouterr().err
