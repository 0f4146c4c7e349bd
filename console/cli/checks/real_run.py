"""`swarm check real-run`: a run bundle from its files alone, and with --reexecute trained again.

A bundle of the old system is recognised by its schema and judged as what it is.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from console.cli.checks import psionic
from console.cli.checks.check import Check, Checked
from console.cli.errors import UsageError
from console.cli.progress_bar import ProgressBar
from console.evidence.checks.verdict import Verdict
from console.places import data_dir, runs_dir

BUNDLE_FILE = "first_swarm_real_run_bundle.json"


def retained() -> Sequence[Path]:
    return _bundles(data_dir("fixtures") / "swarm" / "runs", "*")


def newest() -> Sequence[Path]:
    """Of this repository's retained runs, else of this machine's closed ones."""
    for found in (retained(), _bundles(runs_dir(), "*/bundle*")):
        if found:
            return (max(found, key=lambda path: path.stat().st_mtime),)
    raise UsageError("check real-run: expected a bundle, got none on this machine; give --bundle PATH")


def check(bundle: Path, options: argparse.Namespace) -> Checked:
    from console.evidence.checks.real_run import check_real_run

    if psionic.is_psionic(bundle / BUNDLE_FILE if bundle.is_dir() else bundle):
        return psionic.check(bundle, options)
    bundle = bundle.parent if bundle.name == BUNDLE_FILE else bundle
    verdict = check_real_run(bundle, allowed_signers=options.allowed_signers)
    facts, lines = _contract(bundle, verdict)
    if not (options.reexecute and verdict.consistent):
        return Checked(bundle, verdict, {"reexecution": None, **facts}, lines)
    from console.evidence.reexecute import reexecute

    model = options.model or data_dir("fixtures") / "swarm" / "base"
    dataset = options.dataset or data_dir("fixtures") / "swarm" / "dataset"
    with ProgressBar(sys.stderr) as bar:
        again = reexecute(bundle, model, dataset, on_progress=bar.show)
    return Checked(bundle, verdict, {"reexecution": again.to_json(), **facts}, (*lines, str(again)), again.consistent)


def _contract(bundle: Path, verdict: Verdict) -> tuple[dict[str, bool], tuple[str, ...]]:
    """Whether this tree froze the contract: bounds and policies of any other are whoever's that wrote it."""
    if not verdict.consistent:
        return {}, ()
    body = json.loads((bundle / "contract" / "run_contract.json").read_bytes())
    frozen = [json.loads(path.read_bytes())["digest"] for path in _frozen_contracts()]
    known = body["digest"] in frozen
    said = "as frozen here" if known else "not frozen here: its bounds and policies are the bundle's own, read them"
    return {"contract_frozen_here": known}, (f"  contract {body['digest'][:16]} of lane {body['lane_id']}: {said}",)


def _frozen_contracts() -> Sequence[Path]:
    return sorted((data_dir("fixtures") / "swarm").glob("*_run_contract_v1.json"))


def _bundles(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if (path / BUNDLE_FILE).is_file())


CHECK = Check("a run bundle: every digest, chain and signature, the replays and the merge", retained, newest, check)
