"""The other host behind Debian's own sshd and a cable: nothing of ours on it but what `swarm host add` puts there."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults import hooks
from tests.faults.cable import Cable
from tests.faults.rig import CellFailed, FaultRun
from tests.hosts.sshd_rig import SshdRig, need_sshd

# The command line over sshd names its own PYTHONPATH: holds get in by the interpreter, as nothing else would.
PYTHON = '#!/bin/sh\nPYTHONPATH="{site}:$PYTHONPATH" exec {python} "$@"\n'
SITE = "from pathlib import Path\nfrom fault_hooks import install\ninstall(Path({folder!r}))\n"
ADD_S = 120.0


@contextmanager
def behind_sshd(run: FaultRun) -> Iterator[None]:
    """`run` reaches its contributor by the alias `box`. Raises CellFailed where no sshd can be had."""
    try:
        need_sshd()
    except pytest.skip.Exception as reason:
        raise CellFailed(f"expected a system sshd, got: {reason}") from reason
    box = SshdRig(run.folder / "box")
    box.start()
    try:
        with Cable(("127.0.0.1", box.port)) as cable:
            _through(cable, box)
            run.cable, run.box, run.options = cable, box, ("--remote", "box")
            run.far_root = box.home / "swarm-runs" / run.run_id / "linux"
            _add(run, box)
            yield
    finally:
        run.end()
        box.end()


def _through(cable: Cable, box: SshdRig) -> None:
    """The alias leads to the cable, not to sshd itself."""
    for file, before, after in (
        (box.ssh_config, f"Port {box.port}", f"Port {cable.port}"),
        (box.known_hosts, f"]:{box.port} ", f"]:{cable.port} "),
    ):
        file.write_text(file.read_text().replace(before, after))


def _add(run: FaultRun, box: SshdRig) -> None:
    python = _python_with_holds(run)
    added = subprocess.run(
        [
            sys.executable, "-m", "console.cli.main", "host", "add", "box",
            "--ssh-config", str(box.ssh_config), "--python", str(python),
        ],
        cwd=run.folder, env=run.env(), capture_output=True, text=True, timeout=ADD_S, check=False,
    )  # fmt: skip
    if added.returncode != 0:
        raise CellFailed(f"expected `swarm host add` to end well, got: {added.stdout[-300:]}{added.stderr[-600:]}")


def _python_with_holds(run: FaultRun) -> Path:
    site = run.folder / "far-site"
    site.mkdir()
    shutil.copy(hooks.__file__, site / "fault_hooks.py")
    (site / "sitecustomize.py").write_text(SITE.format(folder=str(run.folder)))
    python = site / "python"
    python.write_text(PYTHON.format(site=site, python=sys.executable))
    python.chmod(0o755)
    return python
