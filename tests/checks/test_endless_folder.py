"""A folder that costs its sender nothing must not cost its reader a machine."""

import os
from pathlib import Path

import pytest

from console.evidence.checks import evidence, folder
from console.evidence.checks.real_run import check_real_run
from console.evidence.models import BUNDLE_FILE
from tests.checks.resealing import reseal_bundle, rewrite


def _holes(path: Path, size: int) -> None:
    """A file that takes no room on the disk of whoever sends it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.truncate(size)


def _read_bytes(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How much of a folder a check reads, all in all."""
    read, taken = os.read, 0

    def counted(fd: int, count: int) -> bytes:
        nonlocal taken
        data = read(fd, count)
        taken += len(data)
        return data

    monkeypatch.setattr(os, "read", counted)
    assert not check_real_run(bundle).consistent
    return taken


def test_what_nobody_listed_is_refused_unread(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred sparse files of 256 MiB took the memory of any machine, three of 4 GiB took more than a minute."""
    true_bytes = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    for number in range(100):
        _holes(bundle / f"quarantine/x/f{number}", 256 * 1024**2)
    _holes(bundle / "reports/x_bringup.json", 4 * 1024**3)

    assert _read_bytes(bundle, monkeypatch) < 2 * true_bytes  # states are read twice


def test_a_listing_of_more_than_a_bundle_may_hold_is_refused_unread(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        _holes(bundle / f"quarantine/x/f{number}", 4 * 1024**3)
    listed = [{"path": f"quarantine/x/f{n}", "size_bytes": 4 * 1024**3, "sha256": "0" * 64} for n in range(20)]

    def every(body: dict[str, object]) -> None:
        files = [*body["files"], *listed]  # type: ignore[misc]
        body["files"] = sorted(files, key=lambda item: str(item["path"]))

    rewrite(bundle / BUNDLE_FILE, every)

    assert _read_bytes(bundle, monkeypatch) < 16 * 1024**2
    assert "at most" in next(f.expected for f in check_real_run(bundle).findings if f.rule == "listed_bytes_are_there")


def test_documents_that_fit_alone_and_not_together_are_refused(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(evidence.ROOM, "document", 200_000)
    (bundle / "operator_commands").mkdir(exist_ok=True)
    for number in range(10):
        (bundle / f"operator_commands/c{number}.json").write_bytes(b" " * 100_000)
    reseal_bundle(bundle)

    found = check_real_run(bundle).findings
    assert "200000 bytes of such files at most" in {finding.expected for finding in found}


@pytest.mark.parametrize("name", [BUNDLE_FILE, "bundle.sig", "audit.md"])
def test_a_document_of_gigabytes_is_refused_unread(bundle: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    true_bytes = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    _holes(bundle / name, 3 * 1024**3)

    assert _read_bytes(bundle, monkeypatch) < 2 * true_bytes  # states are read twice


def test_folders_without_files_have_an_end_too(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_ENTRIES", 100)
    for number in range(200):
        (bundle / f"quarantine/n{number}").mkdir(parents=True)

    assert "at most 100 entries" in {finding.expected for finding in check_real_run(bundle).findings}
