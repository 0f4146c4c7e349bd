"""`swarm lane new|list|show`: the arrangements that can be run."""

import argparse
import re
import sys
from pathlib import Path

from console.cli.errors import UsageError
from console.coordination.lane_file import freeze, lane_files, load_lane
from console.evidence.lane_documents.lane_text import lane_toml
from console.evidence.lane_documents.places import coordinator, endpoint
from runners.contract.lane import RunContract
from runners.records.durable import create_once

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
NEW_BOUNDARY = (
    "An operator's own lane, made from {base}. What it proves is what a retained run bundle of it shows, on the "
    "machines that this bundle names; nothing is claimed for other machines, other lanes or the public internet."
)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("lane", help="lanes there are, what one freezes to, and a new one of your own")
    acts = parser.add_subparsers(dest="what", metavar="new|list|show", required=True)
    every = acts.add_parser(
        "list",
        help="name, hosts, ports and digest of each",
        description="One line a shipped lane: its name, the beginning of its contract's digest, and each node with "
        "host and port.",
    )
    every.set_defaults(act=list_lanes)
    one = acts.add_parser(
        "show",
        help="one lane as TOML, or with --json as its frozen contract",
        description="Everything that a run of the lane is held to: hosts, devices, recipe, bounds, gates, data.",
    )
    one.add_argument("lane", help="name, or a .toml file")
    one.add_argument("--json", action="store_true", help="print the frozen contract, with its digest")
    one.set_defaults(act=show_lane)
    new = acts.add_parser(
        "new",
        help="write a lane file of your own, from one that exists",
        description="Writes NAME.toml, to be used with --lane NAME.toml. What is not named here is as in --from; edit "
        "the file for the rest. Every change is another contract with another digest.",
    )
    new.add_argument("name", help="of the lane and its file: letters, digits, _ and -")
    new.add_argument("--from", dest="base", default="loopback", help="lane to start from (default: loopback)")
    new.add_argument("--out", type=Path, help="file to write (default: NAME.toml here)")
    for where in ("mac", "linux"):
        new.add_argument(f"--{where}-host", metavar="ALIAS", help=f"where the {where} host is reached")
        new.add_argument(f"--{where}-node", metavar="ID", help="its name in the lane")
        new.add_argument(f"--{where}-devices", metavar="KINDS", help="device kinds that may compute, by comma")
    new.add_argument("--coordinator-port", type=int, metavar="P", help="where the coordinator listens")
    new.add_argument("--contributor-port", type=int, metavar="P", help="SSH port of the contributor")
    new.set_defaults(act=new_lane)


def list_lanes(_: argparse.Namespace) -> int:
    for name in lane_files():
        contract = load_lane(name)
        hosts = "  ".join(f"{node.node_id}@{endpoint(node)}" for node in contract.nodes)
        print(f"{name:<30} {contract.digest[:12]}  {hosts}")
    return 0


def show_lane(options: argparse.Namespace) -> int:
    contract = load_lane(options.lane)
    sys.stdout.write(contract.to_bytes().decode() if options.json else lane_toml(contract))
    return 0


def new_lane(options: argparse.Namespace) -> int:
    if not NAME.fullmatch(options.name):
        raise UsageError(f"lane new: expected a name of up to 64 letters, digits, _ and -, got {options.name!r:.80}")
    base = load_lane(options.base)
    if len(base.nodes) != 2:
        raise UsageError(f"--from {options.base}: expected a lane of two hosts, got {len(base.nodes)}; copy its file")
    path = options.out or Path(f"{options.name}.toml")
    if path.suffix != ".toml" or options.name in lane_files():
        raise UsageError(f"lane new {options.name}: expected a new name and a .toml file, got {path}")
    contract = freeze(_body(options, base), str(path))
    try:
        create_once(path, lane_toml(contract).encode(), mode=0o644)
    except FileExistsError as error:
        raise UsageError(f"{path}: expected no such file yet, got one; choose another name or --out") from error
    print(f"{path}  {contract.digest}")
    print(f"use it with --lane {path}; every edit of the file is another contract", file=sys.stderr)
    return 0


def _body(options: argparse.Namespace, base: RunContract) -> dict[str, object]:
    body = base.to_json()
    own = coordinator(base).node_id
    for node in body["nodes"]:
        where = "mac" if node["node_id"] == own else "linux"
        port = options.coordinator_port if where == "mac" else options.contributor_port
        devices = getattr(options, f"{where}_devices")
        chosen = {
            "node_id": getattr(options, f"{where}_node"),
            "host_alias": getattr(options, f"{where}_host"),
            "required_devices": devices.split(",") if devices else None,
            "cluster_port": port,
        }
        node.update({name: value for name, value in chosen.items() if value is not None})
    named = {
        "lane_id": options.name,
        "run_family_id": f"swarm.{options.name}.open_adapter.v1",
        "namespace": f"cluster.swarm.{options.name}",
        "claim_boundary": NEW_BOUNDARY.format(base=base.lane_id),
    }
    return {name: value for name, value in {**body, **named}.items() if name not in ("digest", "schema_version")}
