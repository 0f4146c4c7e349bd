"""`swarm check lan|plan|drills`: a lane's frozen documents, or an operator bundle made from them."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from console.cli.checks.check import Check, Checked
from console.cli.errors import UsageError
from console.evidence.checks.verdict import Verdict
from console.places import data_dir

Verify = Callable[[Path, str], Verdict]


def _sources() -> Sequence[Path]:
    """The lanes there are: each stands for the documents frozen from it."""
    return tuple(sorted((data_dir("fixtures") / "swarm" / "lanes").glob("*.toml")))


def _lane(place: Path, verify: Verify) -> Checked:
    """`place` is a lane's TOML: its documents lie two folders above it, in the layout of fixtures."""
    return Checked(place, verify(place.absolute().parents[2], place.stem))


def _check(what: str) -> Callable[[Path, argparse.Namespace], Checked]:
    def check(place: Path, _: argparse.Namespace) -> Checked:
        from console.evidence.checks.lane import frozen
        from console.evidence.checks.lane.operator_bundle import check_operator_bundle

        if place.suffix == ".toml":
            rules = {"lan": frozen.check_lane, "plan": frozen.check_plan, "drills": frozen.check_drills}
            return _lane(place, rules[what])
        if place.is_dir():
            return Checked(place, check_operator_bundle(place))
        raise UsageError(f"check {what}: expected a lane's .toml or the folder of an operator bundle, got {place}")

    return check


LAN = Check(
    "a lane's frozen documents: digests, links, base, data, commands, drills; --bundle DIR: an operator bundle",
    _sources,
    _sources,
    _check("lan"),
)
PLAN = Check("a lane's workflow plan against contract, base and dataset", _sources, _sources, _check("plan"))
DRILLS = Check("a lane's four drills: promises, bounds, and what was observed", _sources, _sources, _check("drills"))
