"""`swarm bringup mac|linux|all`: the gate of this host; `swarm bringup lane`: of every host of the lane, by its way."""

import argparse
import asyncio
import json
import secrets
import shutil
import sys
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from console.cli.bringup_lane import gate_lane, way_of
from console.cli.errors import UsageError
from console.cli.progress_bar import meanwhile
from console.cli.start import GATE_STEPS
from console.cli.start_options import host_home
from console.coordination.lane_file import load_lane
from console.evidence.lane_documents.places import bringup_report
from console.hosts.bringup import bring_up
from console.hosts.errors import HostError
from console.hosts.local_host import LocalHost
from console.places import data_dir, runs_dir
from runners.contract.bringup import BringupReport
from runners.contract.lane import NodeContract, RunContract
from runners.contract.requests import BringupResponse
from runners.records.durable import write_durable
from runners.records.verb_process import VerbEnvironment

READY = "ready_to_attempt"
ALL = "all"
LANE = "lane"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "bringup",
        help="measure a host, judge it by the lane, and train the gate on it; exit 0 ready, 1 refused",
        description="mac and linux are the lane's nodes with that run root, and all is both: measured on this machine. "
        "lane gates every host where it stands, at once: this one here, the others over SSH as a run reaches them. "
        "Writes each signed report, and its signature beside it. A host of `swarm host add` keeps its report as well.",
    )
    parser.add_argument("host", metavar="HOST", choices=("mac", "linux", ALL, LANE), help="mac | linux | all | lane")
    parser.add_argument("--lane", default="loopback", help="name of a lane, or a .toml file (default: loopback)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where to write (default: in ~/swarm-runs/reports)")
    parser.add_argument("--model", type=Path, help="this host's own checkpoint (default: the shipped base)")
    ways = parser.add_argument_group("the way to the contributor, with lane; as `swarm run` takes it")
    ways.add_argument(
        "--remote", metavar="HOST", help="a name of `swarm host list`, or HOST:PORT of an agent that runs"
    )
    ways.add_argument("--remote-host-key", type=Path, metavar="FILE", help="its OpenSSH public host key, pinned")
    ways.add_argument("--dial-in", metavar="ADDRESS", help="listen at this address of ours until it dials in")
    ways.add_argument("--client-key", type=Path, metavar="FILE", help="our Ed25519 SSH key for it")
    ways.add_argument("--coordinator-port", type=int, metavar="P", help="where it dials (default: the lane's)")
    parser.add_argument("--json", action="store_true", help="print the report; with `all` and `lane` one for each node")
    parser.set_defaults(act=bringup, left="no report was written, and its runner is gone")


def bringup(options: argparse.Namespace) -> int:
    if options.report and options.host in (ALL, LANE):
        raise UsageError(
            f"bringup {options.host}: expected no --report, got one for two hosts; ask for mac and linux one by one"
        )
    if options.host == LANE:
        return _gate_lane(options)
    if way := way_of(options).words():
        raise UsageError(f"{way[0]}: expected `bringup lane`, got `bringup {options.host}`, which measures this host")
    contract = load_lane(options.lane)
    nodes = nodes_of(contract, options.host)
    model = (options.model or data_dir("fixtures") / "swarm" / "base").absolute()
    reports: dict[str, BringupReport] = {}
    for node in nodes:
        print(f"{node.node_id}: bringing up this host with {node.backend} for {contract.lane_id}", file=sys.stderr)
        try:
            response = take(contract, node, model)
        except HostError as error:
            print(f"swarm: {node.node_id}: {error}", file=sys.stderr)
            return 1
        path = options.report or default_place(contract, node)
        keep(path, response)
        reports[node.run_root] = response.report
        if not options.json:
            _print(response.report, path)
    if options.json:
        said = {host: report.to_json() for host, report in reports.items()}
        print(json.dumps(said if options.host == ALL else said[options.host], indent=2, sort_keys=True))
    return 0 if all(report.disposition == READY for report in reports.values()) else 1


def _gate_lane(options: argparse.Namespace) -> int:
    contract, gates = gate_lane(options)
    reports: dict[str, BringupReport] = {}
    for gated in gates:
        if gated.response is None:
            if not options.json:
                print(f"{gated.node.node_id}  no_report  {gated.reason}")
            continue
        path = default_place(contract, gated.node)
        keep(path, gated.response)
        reports[gated.node.run_root] = gated.response.report
        if not options.json:
            _print(gated.response.report, path)
    if options.json:
        print(json.dumps({host: report.to_json() for host, report in reports.items()}, indent=2, sort_keys=True))
    ready = [report for report in reports.values() if report.disposition == READY]
    return 0 if len(ready) == len(gates) else 1


def nodes_of(contract: RunContract, host: str) -> tuple[NodeContract, ...]:
    """Raises UsageError for a lane without that host."""
    found = tuple(node for node in contract.nodes if host in (ALL, node.run_root))
    if not found:
        there = ", ".join(node.run_root for node in contract.nodes)
        raise UsageError(f"bringup {host}: expected a host of lane {contract.lane_id} ({there}), got none of that name")
    return found


def take(contract: RunContract, node: NodeContract, model: Path) -> BringupResponse:
    """On this host, in a process of its own, for no run. Raises HostError, ContractError."""
    run_id = f"bringup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    run_root = runs_dir() / ".bringup" / run_id
    environment = VerbEnvironment(home=key_home(node), run_root=run_root, model_dir=model, backend=node.backend)
    try:
        return asyncio.run(_measured(LocalHost(node.node_id, environment), contract, run_id))
    finally:
        shutil.rmtree(run_root, ignore_errors=True)


async def _measured(host: LocalHost, contract: RunContract, run_id: str) -> BringupResponse:
    async with meanwhile(sys.stderr, f"{host.node_id}: measuring, and training the gate"):
        return await bring_up(host, contract, run_id=run_id, gate_steps=GATE_STEPS)


def key_home(node: NodeContract) -> Path:
    """Where the node's key lies, so that a run on this host has the same one: behind our own agent a folder apart."""
    behind_agent = node.transport == "ssh" and _is_loopback(node.host_alias)
    return runs_dir() / ".hosts" / node.node_id if behind_agent else host_home()


def default_place(contract: RunContract, node: NodeContract) -> Path:
    return runs_dir() / "reports" / contract.lane_id / bringup_report(node)


def keep(path: Path, response: BringupResponse) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durable(path, response.report.to_bytes())
    write_durable(path.with_name(f"{path.name}.sig"), response.signature.encode() + b"\n")


def _print(report: BringupReport, path: Path) -> None:
    print(f"{report.node_id}  {report.disposition}  {report.digest}")
    for finding in report.findings:
        print(f"  {'ok' if finding.holds else 'NO':<3} {finding.rule:<19} {finding.value}  ({finding.limit})")
    speed = report.throughput
    if speed is not None:
        low, high = speed.lowest_tokens_per_second, speed.highest_tokens_per_second
        print(f"  speed {speed.median_tokens_per_second:.0f} tokens/s, band {low:.0f} to {high:.0f}")
    print(f"  key {report.node_key_fingerprint}  report {path}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
