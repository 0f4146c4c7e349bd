"""What a list says of closed runs."""

import json
from pathlib import Path

from console.observation.endings import with_endings
from console.observation.runs import list_runs
from console.tui.drawing.places import standing
from runners.contract.states import Classification
from tests.observation.recorded_journals import Recording
from tests.tui.stage import Stage


def test_a_run_that_failed_as_its_drill_had_promised_is_no_failure(stale: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", stale, 0)
    stage.finish(Classification.REPLAY_REQUIRED, stale.end_ms + 100)
    assert stage.run_dir is not None

    def told() -> str:
        (run,) = with_endings(list_runs(stage.runs_dir))
        return standing(run)[0]

    assert told() == "✗ replay required"
    report = stage.run_dir / "drill.json"
    report.write_text(json.dumps({"result": "pass"}))
    assert told() == "✓ drill PASS"
    report.unlink()
    report.write_text(json.dumps({"result": "fail", "reasons": ["found stale too late"]}))
    assert told() == "✗ drill FAIL"
