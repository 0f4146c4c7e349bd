"""`swarm freeze`: a lane's TOML becomes its frozen documents."""

import argparse
import sys
from pathlib import Path

from console.cli.errors import UsageError
from console.coordination.lane_file import lane_files, load_lane
from console.evidence.lane_documents.drill_observation import observe
from console.evidence.lane_documents.failure_drills import DRILL_KINDS, PROMISES, DrillKind, Observations, affected
from console.evidence.lane_documents.frozen_lane import FrozenLane, freeze_lane, kept_observations
from console.evidence.lane_documents.places import KINDS, Kind
from console.evidence.lane_documents.sources import shipped_sources
from console.places import data_dir
from runners.contract.lane import RunContract
from runners.records.durable import write_durable

ALL = "all"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "freeze",
        help="write a lane's frozen documents; the same lane gives the same bytes",
        description="Writes run contract, receipt contract, workflow plan, topology, failure drills and binder "
        "projection of every lane (or of --lane) below --out. They hold no run, no key and no measurement of a host.",
    )
    parser.add_argument("what", nargs="?", metavar="WHAT", choices=(*KINDS, ALL), default=ALL,
                        help=f"{' | '.join(KINDS)} | {ALL} (default: {ALL})")  # fmt: skip
    parser.add_argument("--lane", help="name of a lane, or a .toml file (default: every shipped lane)")
    parser.add_argument("--out", type=Path, help="folder, or for one document a .json file (default: fixtures/)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    parser.add_argument(
        "--observed",
        action="append",
        default=[],
        metavar="KIND=BUNDLE",
        help="drills: the closed run bundle of a drill, read and held against its promise",
    )
    parser.set_defaults(act=freeze)


def freeze(options: argparse.Namespace) -> int:
    kinds: tuple[Kind, ...] = KINDS if options.what == ALL else (options.what,)
    root = options.out or data_dir("fixtures")
    single = root if root.suffix == ".json" else None
    if single is not None and (len(kinds) > 1 or not options.lane):
        raise UsageError(f"--out {root}: expected a folder, or one kind of one --lane, got several documents")
    if options.observed and not options.lane:
        raise UsageError("--observed: expected --lane L beside it, got none")
    lanes = [options.lane] if options.lane else list(lane_files())
    same = True
    for name in lanes:
        contract = load_lane(name)
        observed = {
            **kept_observations(data_dir("fixtures") if single else root, contract),
            **_observed(options, contract),
        }
        frozen = freeze_lane(shipped_sources(contract), observed)
        for kind in kinds:
            same &= _put(frozen, kind, single or root / frozen.places.of(kind), check=options.check)
    if same and options.check:
        print(f"{len(lanes) * len(kinds)} documents are what their lanes freeze to")
    return 0 if same or not options.check else 1


def _put(frozen: FrozenLane, kind: Kind, path: Path, *, check: bool) -> bool:
    """Whether the file was right already."""
    document = frozen.documents()[kind]
    data = document.to_bytes()
    same = path.is_file() and path.read_bytes() == data
    if check:
        if not same:
            got = "other bytes" if path.is_file() else "no such file"
            print(f"{path}: expected {document.digest} as frozen, got {got}; run `swarm freeze`", file=sys.stderr)
        return same
    if not same:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durable(path, data)
    print(f"{document.digest}  {path}{'' if same else '  (written)'}")
    return same


def _observed(options: argparse.Namespace, contract: RunContract) -> Observations:
    found: Observations = {}
    for said in options.observed:
        kind, _, bundle = said.partition("=")
        if kind not in DRILL_KINDS or not bundle:
            raise UsageError(f"--observed: expected KIND=BUNDLE with a KIND of {', '.join(DRILL_KINDS)}, got {said!r}")
        known: DrillKind = kind
        found[known] = observe(PROMISES[known], affected(contract, known), Path(bundle))
    return found
