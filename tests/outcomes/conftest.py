"""A run of this machine as a folder: a forged true bundle, and what is written beside it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from console.evidence.outcomes.attempt import attempt_evidence
from console.evidence.outcomes.closed_bundle import ClosedBundle, open_closed
from console.evidence.outcomes.closeout import closeout_report
from console.evidence.outcomes.places import documents_dir, write_document
from console.evidence.outcomes.rehearsal import rehearsal_report
from tests.checks.forge import forge
from tests.checks.forged_ends import refused_at_bring_up
from tests.checks.resealing import operator_key_file

LANE = "loopback"


@dataclass(frozen=True)
class Kept:
    """A closed run with its three later documents, written as the commands write them."""

    run: ClosedBundle

    @property
    def home(self) -> Path:
        return self.run.folder.parent

    def document(self, kind: str) -> Path:
        return documents_dir(self.run.folder) / f"{LANE}_{kind}_v1.json"


def keep(bundle: Path) -> Kept:
    run = open_closed(bundle)
    folder = documents_dir(bundle)
    evidence = attempt_evidence(run)
    write_document(folder, LANE, "rehearsal", rehearsal_report(run, bundle_ms=120))
    write_document(folder, LANE, "evidence_bundle", evidence)
    write_document(folder, LANE, "closeout", closeout_report(run, evidence.digest, None))
    return Kept(run)


@pytest.fixture(scope="session")
def promoted_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never changed."""
    return forge(tmp_path_factory.mktemp("promoted"))


@pytest.fixture(scope="session")
def refused_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never changed."""
    return refused_at_bring_up(tmp_path_factory.mktemp("refused"))


@pytest.fixture
def promoted(promoted_bundle: Path, tmp_path: Path) -> Kept:
    return keep(_copied(promoted_bundle, tmp_path))


@pytest.fixture
def refused(refused_bundle: Path, tmp_path: Path) -> Kept:
    return keep(_copied(refused_bundle, tmp_path))


def _copied(bundle: Path, tmp_path: Path) -> Path:
    target = tmp_path / "run" / "bundle"
    shutil.copytree(bundle, target)
    operator_key_file(target.parent)
    return target
