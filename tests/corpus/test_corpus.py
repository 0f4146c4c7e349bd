"""The corpus as a stranger has it: files and an index, judged by the command alone."""

import json
from pathlib import Path

import pytest

from console.cli.main import main
from tests.corpus.build import INDEX_FILE, build

# The lies that a lane of this kind must be able to name, whatever else is in the corpus.
NAMED_BY_THE_LANE = (
    "replay_that_never_ran",
    "replay_copied_from_the_contribution",
    "merged_before_acceptance",
    "weights_differ_in_the_journal",
    "cuda_everywhere_on_a_cpu_build",
    "metal_everywhere_on_linux",
    "heartbeats_stopped_unnoticed",
    "promotion_without_a_gate",
    "merge_is_not_the_mean",
    "another_runs_admission",
)


@pytest.mark.soak  # builds and checks them all; each defect has a fast test of its own beside its checker
@pytest.mark.timeout(600)
def test_every_bad_bundle_of_the_corpus_is_refused_for_its_own_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "corpus"
    build(out)
    index = json.loads((out / INDEX_FILE).read_bytes())["bad"]
    wrong = []
    for bad in index:
        code = main(["check", bad["what"], "--bundle", str(out / bad["place"]), "--json"])
        found = [finding["rule"] for finding in json.loads(capsys.readouterr().out)["findings"]]
        if (code, set(found)) != (1, {bad["rule"]}):
            wrong.append((bad["what"], bad["name"], code, sorted(set(found))))

    named = {(bad["what"], bad["name"]) for bad in index}
    assert len({bad["place"] for bad in index}) == len(index) > 200
    assert {what for what, _ in named} == {
        "real-run", "mac", "linux", "lan", "rehearsal", "evidence", "closeout", "publication",
    }  # fmt: skip
    assert {("real-run", name) for name in NAMED_BY_THE_LANE} <= named
    assert wrong == []
