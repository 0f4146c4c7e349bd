"""`swarm check WHAT`: verify retained evidence from files alone."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from console.cli.checks import bringup, lane, outcomes, psionic, real_run
from console.cli.checks.check import Check, Checked
from console.cli.errors import UsageError
from console.cli.progress_bar import ProgressBar
from runners.contract.jobs import Progress

# What can be verified, in the order of `swarm check all`. A new kind of evidence gets a line here.
CHECKS: dict[str, Check] = {
    "lan": lane.LAN,
    "plan": lane.PLAN,
    "drills": lane.DRILLS,
    "mac": bringup.MAC,
    "linux": bringup.LINUX,
    "real-run": real_run.CHECK,
    **outcomes.CHECKS,
    "psionic": psionic.CHECK,
}
ALL = "all"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "check",
        help="verify retained evidence; exit 0 verified, 1 not, with every finding",
        description="Recomputes every digest, link and count from files, importing nothing of the producer.\n\n"
        + "\n".join(f"  {what:<12} {kind.about}" for what, kind in CHECKS.items())
        + f"\n  {ALL:<12} everything that this repository keeps",
    )
    parser.add_argument("what", metavar="WHAT", choices=(*CHECKS, ALL), help="one of those above")
    place = "folder, first document or report (default: what this machine keeps)"
    parser.add_argument("--bundle", "--report", type=Path, metavar="PATH", help=place)
    parser.add_argument("--allowed-signers", type=Path, metavar="FILE", help="ssh-keygen's format: whom you trust")
    parser.add_argument("--reexecute", action="store_true", help="real-run: train again with the reference backend")
    parser.add_argument("--model", type=Path, help="checkpoint for --reexecute (default: the shipped base)")
    parser.add_argument(
        "--dataset", type=Path, metavar="DIR", help="samples for --reexecute (default: the shipped dataset)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(act=check, left="a check changes nothing")


def check(options: argparse.Namespace) -> int:
    signers = options.allowed_signers
    if signers is not None and not signers.is_file():
        raise UsageError(f"--allowed-signers {signers}: expected a file in ssh-keygen's form, got none there")
    kinds = CHECKS if options.what == ALL else {options.what: CHECKS[options.what]}
    checked = _all(kinds, options)
    if options.json:
        _print_json(options.what, checked)
    else:
        for what, found in checked.items():
            _print(what, found, kinds[what])
    verified = [one.verified for found in checked.values() for one in found]
    return 0 if verified and all(verified) else 1


def _all(kinds: dict[str, Check], options: argparse.Namespace) -> dict[str, list[Checked]]:
    """Says how far it is where there is more than one kind of evidence."""
    places = [(what, place) for what, kind in kinds.items() for place in _places(kind, options)]
    checked: dict[str, list[Checked]] = {what: [] for what in kinds}
    with ProgressBar(sys.stderr) as bar:
        for done, (what, place) in enumerate(places):
            if options.what == ALL:
                bar.show(Progress(stage="checks", done=done, total=len(places), detail=f"{what} {place.name}"))
            checked[what].append(kinds[what].check(place, options))
        if options.what == ALL and places:
            bar.show(Progress(stage="checks", done=len(places), total=len(places)))
    return checked


def _places(kind: Check, options: argparse.Namespace) -> Sequence[Path]:
    if options.what == ALL:
        return kind.retained()
    return kind.within(options.bundle) if options.bundle else kind.default()


def _print_json(what: str, checked: dict[str, list[Checked]]) -> None:
    """One place is one object; `all` lists them by kind."""
    said: object = {name: [one.to_json() for one in found] for name, found in checked.items()}
    if what != ALL and len(checked[what]) == 1:
        said = checked[what][0].to_json()
    print(json.dumps(said, indent=2, sort_keys=True))


def _print(what: str, found: list[Checked], kind: Check) -> None:
    if not found:
        print(f"{what}: nothing retained ({kind.about})")
    for one in found:
        word = "verified" if one.verdict.consistent else "NOT verified"
        signer = "" if one.verdict.signer == "missing" else f", signer {one.verdict.signer}"
        print(f"{one.place}: {word}{signer}")
        for line in (*(f"  {finding}" for finding in one.verdict.findings), *one.lines):
            print(line)
