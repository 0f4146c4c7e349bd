"""`swarm publish RUN`: the promoted merge as a local Hugging Face style snapshot, by the operator's own act."""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from console.cli.find import find_bundle
from console.cli.progress_bar import meanwhile
from console.evidence.outcomes.closed_bundle import open_closed
from console.evidence.outcomes.peft_smoke import peft_smoke
from console.evidence.outcomes.places import publications_dir
from console.evidence.outcomes.publication import PeftSmoke
from console.evidence.outcomes.publish import publish
from console.places import data_dir


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "publish",
        help="write the local snapshot of a promoted run; refuses and names the missing gate otherwise",
        description="Checks the bundle, asks every promotion gate, loads the merge through PEFT and generates, then "
        "writes the snapshot. Nothing is uploaded. Exit 0 published, 1 refused.",
    )
    parser.add_argument("run", metavar="RUN", help="run id or bundle folder")
    parser.add_argument("--out", type=Path, metavar="D", help="folder of publications (default: beside the bundle)")
    parser.add_argument("--model", type=Path, help="the checkpoint of the run (default: the shipped base)")
    parser.add_argument("--json", action="store_true", help="print the publication report")
    parser.set_defaults(act=publish_run, left="no snapshot was written")


def publish_run(options: argparse.Namespace) -> int:
    run = open_closed(find_bundle(options.run))
    model = (options.model or data_dir("fixtures") / "swarm" / "base").absolute()
    out = (options.out or publications_dir(run.folder)).absolute()
    with tempfile.TemporaryDirectory(prefix="swarm-publish-") as folder:
        log = Path(folder) / "log.txt"

        async def smoke(adapter_dir: Path) -> PeftSmoke:
            print("loading the merge through PEFT, in a process of its own", file=sys.stderr)
            async with meanwhile(sys.stderr, "loading, and generating with it"):
                return await peft_smoke(model, adapter_dir, log)

        root, report = asyncio.run(publish(run, model, out, smoke))
    if options.json:
        print(json.dumps(report.to_json(), indent=2, sort_keys=True))
        return 0
    for gate in report.gates:
        print(f"✓ {gate.gate}: {gate.value}")
    print(f"snapshot   {root}")
    return 0
