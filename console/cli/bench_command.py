"""`swarm bench`: what can be measured here."""

import argparse

from console.cli import bench_lmhead, bench_merge
from console.cli.bench import command as bench_console
from console.cli.bench import heartbeats as bench_heartbeats


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    bench_of = commands.add_parser("bench", help="measure this installation", description="Measures; changes nothing.")
    kinds = bench_of.add_subparsers(dest="what", metavar="WHAT", required=True)
    bench_lmhead.add(kinds)
    bench_merge.add(kinds)
    bench_console.add(kinds)
    bench_heartbeats.add(kinds)
