"""`swarm check real-run`: verify a bundle from its files alone, and with --reexecute train it again."""

import argparse
import json
import sys
from pathlib import Path

from console.cli.errors import UsageError
from console.evidence.checks.real_run import check_real_run
from console.evidence.checks.verdict import Verdict
from console.evidence.reexecute import reexecute
from console.places import data_dir, runs_dir


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "check",
        help="verify retained evidence; exit 0 verified, 1 not, with every finding",
        description="real-run: recomputes every digest, chain and signature, the replay comparison and the merge "
        "of a run bundle, importing nothing of the producer.",
    )
    parser.add_argument("what", choices=("real-run",))
    parser.add_argument("--bundle", type=Path, help="folder, or its first document (default: the newest retained run)")
    parser.add_argument("--allowed-signers", type=Path, metavar="FILE", help="ssh-keygen's format: whom you trust")
    parser.add_argument("--reexecute", action="store_true", help="train again with the reference backend and compare")
    parser.add_argument("--model", type=Path, help="checkpoint for --reexecute (default: the shipped base)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(act=check)


def check(options: argparse.Namespace) -> int:
    bundle = options.bundle or _newest()
    bundle = bundle if bundle.is_dir() else bundle.parent
    verdict = check_real_run(bundle, allowed_signers=options.allowed_signers)
    again = None
    if options.reexecute and verdict.consistent:
        model = options.model or data_dir("fixtures") / "swarm" / "base"
        again = reexecute(bundle, model, on_progress=lambda text: print(text, file=sys.stderr))
    if options.json:
        said = verdict.to_json()
        print(json.dumps({**said, "reexecution": again.to_json() if again else None}, indent=2, sort_keys=True))
    else:
        _print(bundle, verdict)
        if again is not None:
            print(again)
    return 0 if verdict.consistent and (again is None or again.consistent) else 1


def _newest() -> Path:
    """Of this repository's retained runs, else of this machine's closed ones."""
    for folder, pattern in ((data_dir("fixtures") / "swarm" / "runs", "*"), (runs_dir(), "*/bundle")):
        found = [path for path in folder.glob(pattern) if (path / "first_swarm_real_run_bundle.json").is_file()]
        if found:
            return max(found, key=lambda path: path.stat().st_mtime)
    raise UsageError("check real-run: expected a bundle, got none on this machine; give --bundle PATH")


def _print(bundle: Path, verdict: Verdict) -> None:
    print(f"{bundle}: {'verified' if verdict.consistent else 'NOT verified'}, signer {verdict.signer}")
    for finding in verdict.findings:
        print(f"  {finding}")
