"""Each rule of the rooms is really held: an import against it breaks it."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.setup.checkout import REPOSITORY

AGAINST = {
    "A runner never sees the console or a screen": ("runners/process/wire.py", "import console.places"),
    "The contract knows words only": ("runners/contract/names.py", "import numpy"),
    "What a bare host is sent first imports nothing of ours": (
        "runners/bootstrap/look.py",
        "import runners.records.lock",
    ),
    "Records are files and keys": ("runners/records/clock.py", "import safetensors"),
    "The console reaches training only through a process": ("console/hosts/host.py", "import runners.training.steps"),
    "The checker shares nothing with the producer": (
        "console/evidence/checks/verdict.py",
        "import runners.contract.names",
    ),
    "Only tui imports Textual": ("console/observation/plain.py", "import textual"),
    "Rooms of the console": ("console/validation/rules.py", "import console.aggregation.merge"),
    "Rooms of the runners": ("runners/training/steps.py", "import runners.process.wire"),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy in which every rule is broken once."""
    copy = tmp_path_factory.mktemp("rooms")
    for package in ("console", "runners"):
        shutil.copytree(REPOSITORY / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", copy)
    for file, line in AGAINST.values():
        with (copy / file).open("a") as source:
            source.write(f"\n{line}\n")
    env = {**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "200"}
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(lint, cwd=copy, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("rule", AGAINST)
def test_an_import_against_a_rule_breaks_it(report: str, rule: str) -> None:
    verdicts = [line for line in report.splitlines() if line.startswith(rule)]

    assert verdicts[0].endswith("BROKEN")


def test_every_rule_is_tried_here(report: str) -> None:
    kept = [line for line in report.splitlines() if line.endswith("KEPT")]

    assert kept == []


def test_no_file_imports_from_a_test() -> None:
    """What tests share lies beside them; a test that is collected runs nobody else's."""
    found = []
    for path in sorted((REPOSITORY / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            places = [f"{node.module}.{name}" if isinstance(node, ast.ImportFrom) else name for name in names]
            found += [f"{path.name}: {place}" for place in places if re.search(r"^tests\..*\btest_", place)]

    assert found == []
