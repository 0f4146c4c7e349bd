"""`swarm run --model DIR --dataset DIR`: the run's documents name what was given, not what the repository ships."""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.cli.coordinate import lane_documents
from console.cli.errors import UsageError
from console.cli.start import create_run, operator_key
from console.cli.start_options import StartOptions
from console.coordination import file_digest
from console.coordination.file_digest import file_sha256
from console.evidence.lane_documents.base_model import head_of
from console.places import data_dir
from tests.training.published import published

LANES = data_dir("fixtures") / "swarm" / "lanes"
DATASET = data_dir("fixtures") / "swarm" / "dataset"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWARM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWARM_RUNS", str(tmp_path / "runs"))
    return tmp_path


def own_lane(folder: Path) -> Path:
    """An operator's own, so that no frozen document is retained for it."""
    text = (LANES / "loopback.toml").read_text().replace('lane_id = "loopback"', 'lane_id = "own"')
    (folder / "own.toml").write_text(text)
    return folder / "own.toml"


def test_a_run_over_another_checkpoint_is_judged_by_the_lane_over_that_checkpoint(home: Path) -> None:
    model, dataset = published(home), shutil.copytree(DATASET, home / "dataset")
    options = StartOptions(lane=str(own_lane(home)), run_id="run-1", model=model, dataset=dataset)
    spec, paths = create_run(options, check_ports=lambda _: None)
    assert (spec.model_dir, spec.dataset_dir) == (str(model), str(dataset))
    assert [remote.model_dir for remote in spec.remotes] == [str(model)]
    planned = json.loads((paths.root / "operator_bundle" / "own_live_workflow_plan_v1.json").read_bytes())
    assert planned["head"] == head_of(model).to_json()
    assert lane_documents(spec).plan.digest == planned["digest"]


@pytest.mark.parametrize(("option", "missing"), [("model", "config.json"), ("dataset", "manifest.json")])
def test_a_folder_that_is_none_is_refused_before_anything_is_written(home: Path, option: str, missing: str) -> None:
    given = {option: home / "nothing"}
    with pytest.raises(UsageError, match=f"--{option} .*nothing: expected a folder with {missing}"):
        create_run(StartOptions(run_id="run-1", **given), check_ports=lambda _: None)  # type: ignore[arg-type]
    assert not (home / "runs" / "run-1").exists()


def test_runs_on_a_disk_without_hard_links_are_refused_before_anything_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on exFAT: the first record that is written once would end the run, in words about an agent."""

    def link(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    operator_key()  # lies at home, on another disk
    monkeypatch.setattr(os, "link", link)
    with pytest.raises(UsageError, match=r"SWARM_RUNS .*runs: expected a disk with hard links"):
        create_run(StartOptions(run_id="run-1"), check_ports=lambda _: None)
    assert list((home / "runs").iterdir()) == []


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, reads = tmp_path / "model.safetensors", []
    read = hashlib.file_digest

    def count(stream: Any, name: str) -> Any:
        reads.append(name)
        return read(stream, name)

    monkeypatch.setattr(file_digest, "hashlib", SimpleNamespace(file_digest=count))
    path.write_bytes(b"one")
    first = file_sha256(path)
    assert (file_sha256(path), len(reads)) == (first, 1)
    path.with_name("new").write_bytes(b"two")
    path.with_name("new").rename(path)  # same size: the inode tells
    assert file_sha256(path) != first
    assert len(reads) == 2
