"""Our packages are ours, light where it is promised, and whole in a wheel."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.setup.checkout import REPOSITORY

ACCELERATORS = ("torch", "mlx", "mlx_lm", "transformers", "peft", "tokenizers")
ARRAYS = ("numpy", "safetensors")
LIGHT = [
    ("console.cli.main", (*ACCELERATORS, "textual")),
    ("console.tui.app", (*ACCELERATORS, *ARRAYS, "asyncssh")),
    ("console.coordination.process", (*ACCELERATORS, "textual")),
    ("console.evidence.checks.real_run", (*ACCELERATORS, "textual", "pydantic", "asyncssh", "runners")),
    ("runners.process.verbs", (*ACCELERATORS, *ARRAYS, "asyncssh", "textual", "console")),
    ("runners.agent.main", (*ACCELERATORS, *ARRAYS, "textual", "console")),
    ("runners.contract.coordinator_records", (*ACCELERATORS, *ARRAYS, "asyncssh", "cryptography", "psutil")),
]


def python(code: str, *, cwd: Path, path: Path) -> str:
    env = {**os.environ, "PYTHONPATH": str(path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("package", ["console", "runners"])
def test_a_package_of_ours_is_the_one_that_python_finds(package: str) -> None:
    # PyPI has another `console`: installed beside ours, it would be found first.
    spec = importlib.util.find_spec(package)

    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).resolve() == REPOSITORY / package / "__init__.py"


def test_no_other_distribution_brings_a_package_of_our_name() -> None:
    owners = packages_distributions()

    assert {*owners.get("console", ()), *owners.get("runners", ())} <= {"swarm-console"}


@pytest.mark.parametrize(("module", "absent"), LIGHT, ids=[name for name, _ in LIGHT])
def test_importing_a_module_leaves_heavy_libraries_alone(module: str, absent: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(sorted(set({absent!r}) & set(sys.modules)))"

    assert python(code, cwd=REPOSITORY, path=REPOSITORY) == "[]"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_a_wheel_holds_both_packages_with_themes_and_fixtures_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {"console/py.typed", "runners/py.typed", "runners/__main__.py", "console/cli/main.py"} <= names
    assert "console/_data/themes/swarm-dark.toml" in names
    assert "console/_data/fixtures/swarm/base/model.safetensors" in names
    assert "console/_data/fixtures/swarm/lanes/loopback.toml" in names
    assert [name for name in names if name.startswith(("tests/", "locks/")) or name.endswith(".pyc")] == []


def test_an_unpacked_wheel_finds_its_own_data(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import json; from console.places import data_dir as d; print(json.dumps([*map(str, map(d, NAMES))]))"
    code = code.replace("NAMES", "('themes', 'fixtures')")

    found = json.loads(python(code, cwd=tmp_path, path=tmp_path))

    data = tmp_path.resolve() / "console" / "_data"
    assert found == [str(data / "themes"), str(data / "fixtures")]
