"""docs/reliability.md names a test for every hostile input; each of them exists."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
DOCUMENT = TESTS.parent / "docs" / "reliability.md"
NAMED = re.compile(r"`([a-z_/]+\.py)::(test_[a-z0-9_]+)(?:\[([^\]]+)\])?`")


def rows() -> list[str]:
    section = DOCUMENT.read_text().partition("## Hostile input")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| ")][1:]


def test_every_hostile_input_has_a_test_that_exists() -> None:
    assert len(rows()) > 30
    for row in rows():
        named = NAMED.findall(row)
        assert named, f"no test for {row}"
        for file, function, case in named:
            text = (TESTS / file).read_text()
            assert f"def {function}(" in text, f"{file}::{function}"
            assert case in text, f"{file}::{function}[{case}]"
