"""The corpus as a stranger has it: files and an index, judged by the command alone."""

import json
from pathlib import Path

import pytest

from console.cli.main import main
from tests.corpus.build import INDEX_FILE, build


@pytest.mark.soak  # builds and checks some two hundred; each defect has a fast test of its own beside its checker
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
        if (code, found[:1]) != (1, [bad["rule"]]):
            wrong.append((bad["what"], bad["name"], code, found[:2]))

    assert len(index) >= 40
    assert {bad["what"] for bad in index} == {"real-run", "lan", "rehearsal", "evidence", "closeout", "publication"}
    assert wrong == []
