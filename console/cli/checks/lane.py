"""`swarm check lan|plan|drills`: a lane's frozen documents, or an operator bundle made from them."""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
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


def _lane_and_launcher(place: Path, checked: Checked) -> Checked:
    """The lane freezes to the bytes that lie there, and a bundle materialized now is true as well."""
    from console.cli.launch import materialize
    from console.evidence.checks.lane.operator_bundle import check_operator_bundle
    from console.evidence.errors import EvidenceError

    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        try:
            materialize(place.stem, "check-lan", bundle, fixtures=place.absolute().parents[2])
        except EvidenceError as error:
            return replace(checked, lines=(f"  launcher: {error}",), also_holds=False)
        verdict = check_operator_bundle(bundle)
    word = "verified" if verdict.consistent else f"NOT verified: {verdict.findings[0]}"
    more = {"fresh_operator_bundle": verdict.to_json()}
    return replace(checked, more=more, lines=(f"  fresh operator bundle: {word}",), also_holds=verdict.consistent)


def _check(what: str) -> Callable[[Path, argparse.Namespace], Checked]:
    def check(place: Path, _: argparse.Namespace) -> Checked:
        from console.evidence.checks.lane import frozen
        from console.evidence.checks.lane.operator_bundle import check_operator_bundle

        if place.suffix == ".toml" and place.is_file() and len(place.absolute().parents) > 2:
            rules = {"lan": frozen.check_lane, "plan": frozen.check_plan, "drills": frozen.check_drills}
            checked = _lane(place, rules[what])
            launches = what == "lan" and checked.verified and place.parent == data_dir("fixtures") / "swarm" / "lanes"
            return _lane_and_launcher(place, checked) if launches else checked
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
