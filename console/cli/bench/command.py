"""`swarm bench`: what can be measured here."""

import argparse

from console.cli.bench import heartbeats, lmhead, merge
from console.cli.bench.console import command as console


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    bench_of = commands.add_parser("bench", help="measure this installation", description="Measures; changes nothing.")
    kinds = bench_of.add_subparsers(dest="what", metavar="WHAT", required=True)
    lmhead.add(kinds)
    merge.add(kinds)
    console.add(kinds)
    heartbeats.add(kinds)
