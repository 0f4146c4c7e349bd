"""A real rehearsal on loopback, and everything that is concluded and published from it, by the commands themselves.

The lane also asks for the per-device summary, as the tailnet lane does: over 127.0.0.1, no tailnet can be had here.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from console.evidence.device_summary import SUMMARY_FILE
from tests.live.conftest import MakeRun
from tests.live.rig import PATIENCE_S, LiveRun
from tests.outcomes.publishing import SNAPSHOT_DIR

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]


def _said(run: LiveRun, *arguments: str, expected: int = 0) -> str:
    process = run.swarm(*arguments)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == expected, f"swarm {' '.join(arguments)}: {err[-2000:]}"
    return out


def _bytes_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_rehearsed_loopback_run_says_go_is_published_and_closed_out_by_command(make_run: MakeRun) -> None:
    run = make_run(extra_documents='["per_device_summary"]')
    ports = ("--coordinator-port", "0", "--contributor-port", "0")
    report: dict[str, Any] = json.loads(_said(run, "rehearse", "--lane", str(run.lane), *ports, "--json"))
    run.run_id = report["run"]["run_id"]
    bundle = _bytes_below(run.bundle)

    assert (report["recommendation"], report["remaining_blockers"]) == ("go", [])
    assert SUMMARY_FILE in bundle
    assert (run.root / "outcomes" / "loopback_evidence_bundle_v1.json").is_file()  # left by the coordinator itself

    assert json.loads(_said(run, "closeout", run.run_id, "--json"))["publish_disposition"] == "not_requested"
    _said(run, "publish", run.run_id)
    first = _bytes_below(run.root / "publications")
    _said(run, "publish", run.run_id)
    assert _bytes_below(run.root / "publications") == first
    assert f"{SNAPSHOT_DIR}/README.md" in first

    assert json.loads(_said(run, "closeout", run.run_id, "--json"))["publish_disposition"] == "published"
    assert report["run"]["bundle_digest"] in _said(run, "audit", run.run_id)
    for what in ("rehearsal", "evidence", "closeout"):
        _said(run, "check", what, "--bundle", str(run.root / "outcomes"))
    _said(run, "check", "publication", "--bundle", str(run.root / "publications"))
    _said(run, "check", "real-run", "--bundle", str(run.bundle))
    assert _bytes_below(run.bundle) == bundle


@pytest.mark.soak
def test_a_run_whose_merge_is_held_is_not_published_and_says_why(make_run: MakeRun) -> None:
    run = make_run("run-held", minimum_improvement="50.0")
    out, _ = run.start().communicate(timeout=PATIENCE_S)
    assert run.bundle.is_dir(), out
    process = run.swarm("publish", run.run_id)
    _, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 1
    assert "gate held_out_improvement: expected at least 50" in err
    assert not (run.root / "publications").exists()
    closeout = json.loads(_said(run, "closeout", run.run_id, "--json"))
    assert (closeout["merge_disposition"], closeout["publish_disposition"]) == ("merged", "refused")
    assert closeout["remaining_blockers"] == ["promotion_earned_local_snapshot"]
