"""docs/runbook.md from top to bottom, every command as written there, in one shell."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from console.cli.check import ALL, CHECKS
from console.cli.main import COMMANDS
from tests.live.rig import LANE, ROOT, LiveRun

RUNBOOK = ROOT / "docs" / "runbook.md"
INVENTORY = ROOT.parent / "shared" / "reference" / "runbook.txt"
# A script, a document (by its extension), the snapshot's folder, or a cargo binary.
NAMED = re.compile(r"(?:scripts|fixtures|docs)/[\w./-]*(?:\.\w+|snapshot)|--bin (\w+)")
# The line's number is the runbook's own: see `shell_lines`. fd 9 tells which lines began.
PRELUDE = (
    r"""set -euETo pipefail; trap 'echo "docs/runbook.md:$LINENO: exit status $?: $BASH_COMMAND" >&2' ERR; """
    r"""trap '[ "${BASH_SUBSHELL}" = 0 ] && echo "$LINENO" >&9 || true' DEBUG"""
)


def shell_lines(text: str) -> list[str]:
    """As many lines as the page has: those of its sh blocks, all others empty, so that bash counts as a reader does."""
    found, inside = [], False
    for line in text.splitlines():
        fence = line.startswith("```")
        found.append(line if inside and not fence else "")
        inside = line == "```sh" if fence else inside
    return found


def command_lines(lines: list[str]) -> list[int]:
    """Numbers of the lines at which a command begins."""
    before = ["", *lines]
    return [
        number
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#") and not before[number - 1].endswith("\\")
    ]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LiveRun]:
    """Folders of its own, nothing captured before: as on a fresh checkout."""
    (tmp_path / "prepared").mkdir()
    (tmp_path / "tmp").mkdir()
    run = LiveRun(tmp_path, tmp_path / "prepared", LANE)
    yield run
    run.end()


def walk(place: LiveRun, lines: list[str]) -> tuple[subprocess.CompletedProcess[str], list[int]]:
    """Exit status and output, and the numbers of the lines that began."""
    script, began = place.folder / "walk.sh", place.folder / "began.txt"
    script.write_text("\n".join([f"{PRELUDE}; {lines[0]}".rstrip("; "), *lines[1:]]) + "\n")
    binaries = Path(sys.executable).parent
    bash = shutil.which("bash")
    assert bash, "expected bash on PATH"
    assert (binaries / "swarm").exists(), f"expected `swarm` in {binaries}, got none; `make setup` installs it"
    env = place.env(PATH=f"{binaries}:/usr/bin:/bin", TMPDIR=str(place.folder / "tmp"), WALK_BEGAN=str(began))
    ended = subprocess.run(
        [bash, "-c", f'exec 9>"$WALK_BEGAN"; source {script}'], cwd=ROOT, env=env, text=True, capture_output=True,
        stdin=subprocess.DEVNULL, timeout=840, check=False,
    )  # fmt: skip
    return ended, [int(number) for number in began.read_text().split()]


@pytest.mark.live
@pytest.mark.soak  # the whole lane with its hundred steps, captured anew
@pytest.mark.timeout(900)
def test_every_command_of_the_runbook_ends_well_as_written(place: LiveRun) -> None:
    lines = shell_lines(RUNBOOK.read_text())
    ended, began = walk(place, lines)

    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    assert set(command_lines(lines)) <= set(began)
    assert len(command_lines(lines)) >= 15


def test_a_command_that_fails_is_named_by_the_line_of_the_page(place: LiveRun) -> None:
    ended, began = walk(place, shell_lines("# Page\n\n```sh\ntrue\ntest 1 = 2\ntrue\n```\n"))

    assert ended.returncode == 1
    assert "docs/runbook.md:5: exit status 1: test 1 = 2" in ended.stderr
    assert 6 not in began


def _rows() -> list[list[str]]:
    """Cells of the table that maps the old runbook's words to ours."""
    text = RUNBOOK.read_text().split("## From the old runbook's words to ours")[1].split("\n## ")[0]
    return [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]


def _has_row(name: str) -> bool:
    """`...` at the front of a cell's name stands for the lane's; a cargo command is named by its binary."""
    words = [re.sub(r"^\.\.\.", "*", span.split()[0]) for row in _rows() for span in re.findall(r"`([^`]+)`", row[0])]
    return any(fnmatch(name, word) or fnmatch(name, f"*/{word}") or fnmatch(name, f"*/{word}/*") for word in words)


def test_every_script_command_and_file_of_the_old_runbook_has_its_row() -> None:
    if not INVENTORY.is_file():
        pytest.skip("the old system's runbook is not at hand (../shared/reference/runbook.txt)")
    named = {found.group(1) or found.group(0) for found in NAMED.finditer(INVENTORY.read_text())}

    assert len(named) > 30
    assert sorted(name for name in named if not _has_row(name)) == []


def test_every_command_of_the_table_is_one_of_swarms() -> None:
    named = {tuple(span.split()[1:3]) for row in _rows() for span in re.findall(r"`(swarm [^`]+)`", " ".join(row[1:]))}

    assert len(named) > 15
    assert {word for word, _ in named} <= COMMANDS.keys()
    assert {what for word, what in named if word == "check"} <= {*CHECKS, ALL}
