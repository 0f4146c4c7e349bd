"""The coordinator's process: `python -m console.cli.coordinate SPEC`. Started by `swarm run`, never by hand."""

import os
import sys
from pathlib import Path

from console.cli.start import OPERATOR
from console.coordination.paths import RunPaths
from console.coordination.process import read_spec, run_coordinator
from console.evidence.bundle import ClosedRun, write_bundle
from runners.records.errors import AlreadyHeld
from runners.records.keys import SigningKey
from runners.records.lock import FolderLock
from runners.records.verb_process import TOKEN_FD_ENV

ALREADY_RUNNING = 3


def main(argv: list[str]) -> int:
    spec = read_spec(Path(argv[0]))
    paths = RunPaths.of(Path(argv[0]).parents[3], spec.run_id, spec.contract)
    try:
        with FolderLock(paths.coordinator):
            outcome = run_coordinator(spec, paths, _inherited_token())
            # The operator of the run, whoever attached to it.
            key_file = Path(spec.host_home) / "keys" / OPERATOR
            bundle = write_bundle(ClosedRun(spec, paths, outcome.state), SigningKey.load_or_create(key_file), key_file)
            print(f"bundle: {bundle}", file=sys.stderr)
    except AlreadyHeld:
        print("another coordinator of this run is alive: nothing to do", file=sys.stderr)
        return ALREADY_RUNNING
    return 0


def _inherited_token() -> str | None:
    """From the pipe that the starter wrote; read once, then nobody can read it again."""
    number = os.environ.pop(TOKEN_FD_ENV, None)
    if number is None:
        return None
    with os.fdopen(int(number)) as pipe:
        return pipe.readline().strip() or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
