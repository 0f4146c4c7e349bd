"""What `install.py` leaves on a host: all of a tree or nothing, by digest; run here as a host would run it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console.hosts.outfit import Tree
from tests.hosts.free_port import free_port

SCRIPT = Path(__file__).resolve().parents[2] / "runners" / "bootstrap" / "install.py"
TREE = Tree("runners", "a" * 64, {"runners/__init__.py": b"", "runners/contract/words.py": b"WORD = 1\n"})


def install(
    directory: Path, order: dict[str, Any], archive: bytes, **more: object
) -> tuple[int, list[dict[str, Any]], str]:
    said = {"mark": "mark ", "directory": str(directory), "trees": [order], "requirements": [], "venv": "", **more}
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT],
        input=json.dumps(said).encode() + b"\n" + archive,
        capture_output=True,
        check=False,
    )
    lines = [json.loads(line.removeprefix("mark ")) for line in done.stdout.decode().splitlines()]
    return done.returncode, lines, done.stderr.decode()


def outcomes(lines: list[dict[str, Any]]) -> list[str]:
    return [line["outcome"] for line in lines if line["step"] == "tree"]


def test_a_tree_is_put_in_place_once_and_found_again(tmp_path: Path) -> None:
    code, lines, errors = install(tmp_path / "ours", TREE.order(sent=True), TREE.archive)
    assert (code, outcomes(lines)) == (0, ["made"]), errors
    folder = tmp_path / "ours" / "runners" / TREE.name
    assert (folder / "runners" / "contract" / "words.py").read_bytes() == b"WORD = 1\n"
    assert (tmp_path / "ours").stat().st_mode & 0o077 == 0
    (folder / "runners" / "__pycache__").mkdir()
    (folder / "runners" / "__pycache__" / "x.pyc").write_bytes(b"")
    assert outcomes(install(tmp_path / "ours", TREE.order(sent=False), b"")[1]) == ["reused"]


@pytest.mark.parametrize("spoil", ["changed", "missing", "extra", "link"])
def test_a_tree_that_is_not_what_its_name_says_is_told_and_made_anew(tmp_path: Path, spoil: str) -> None:
    install(tmp_path, TREE.order(sent=True), TREE.archive)
    file = tmp_path / "runners" / TREE.name / "runners" / "contract" / "words.py"
    if spoil == "changed":
        file.write_bytes(b"WORD = 2\n")
    elif spoil == "missing":
        file.unlink()
    elif spoil == "extra":
        file.with_name("more.py").write_bytes(b"")
    else:
        file.rename(tmp_path / "elsewhere")
        file.symlink_to(tmp_path / "elsewhere")
    assert outcomes(install(tmp_path, TREE.order(sent=False), b"")[1]) == ["spoiled"]
    assert outcomes(install(tmp_path, TREE.order(sent=True), TREE.archive)[1]) == ["made"]
    assert file.read_bytes() == b"WORD = 1\n"
    assert not file.is_symlink()


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_an_archive_that_came_badly_leaves_nothing_in_its_place(tmp_path: Path, damage: str) -> None:
    """As when the link is lost in the middle of it."""
    archive = TREE.archive[:700] if damage == "cut" else TREE.archive.replace(b"WORD = 1", b"WORD = 3")
    code, lines, errors = install(tmp_path, TREE.order(sent=True), archive)
    assert code == 1
    assert "sha256" in errors
    assert [line["step"] for line in lines] == []
    assert not (tmp_path / "runners" / TREE.name).exists()


def test_a_pip_that_fails_is_told_and_leaves_no_environment_that_counts(tmp_path: Path) -> None:
    """Against an index that isn't there: what a host without a way out would see."""
    nowhere = f"http://127.0.0.1:{free_port()}/simple"
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {nowhere}\nretries = 0\n")
    needs = {"requirements": ["no-such-package-of-ours==1"], "venv": "v" * 32, "index": None}
    said = {"mark": "mark ", "directory": str(tmp_path / "ours"), "trees": [], **needs}
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT], input=json.dumps(said).encode() + b"\n", capture_output=True, check=False,
        env={"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert b"no-such-package-of-ours" in done.stderr
    assert not (tmp_path / "ours" / "venvs" / ("v" * 32) / "swarm-venv.json").exists()
