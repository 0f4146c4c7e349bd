"""`swarm audit RUN`: a new after-action audit beside the bundle, or under docs/audits for a retained run."""

import argparse
from pathlib import Path

from console.cli.find import find_bundle, retained_runs
from console.cli.outcomes import publication_of
from console.evidence.checks.real_run import check_real_run
from console.evidence.outcomes.closed_bundle import open_closed
from console.evidence.outcomes.later_audit import audit_name, later_audit
from console.evidence.outcomes.places import home_of
from console.places import data_dir
from runners.records.durable import write_durable


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "audit",
        help="write the readable account of a closed run, from its records",
        description="The bundle is checked and stays as it is; the audit cites its digest.",
    )
    parser.add_argument("run", metavar="RUN", help="run id or bundle folder")
    parser.add_argument("--out", type=Path, metavar="D", help="folder for it (default: beside the bundle; docs/audits)")
    parser.add_argument("--allowed-signers", type=Path, metavar="FILE", help="ssh-keygen's format: whom you trust")
    parser.set_defaults(act=audit)


def audit(options: argparse.Namespace) -> int:
    run = open_closed(find_bundle(options.run))
    verdict = check_real_run(run.folder, allowed_signers=options.allowed_signers)
    text = later_audit(run, verdict, publication_of(run))
    folder = options.out or _folder(run.folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / audit_name(run)
    write_durable(path, text.encode())
    print(text, end="")
    print(f"\ndocument   {path}")
    return 0


def _folder(bundle: Path) -> Path:
    """docs/ lies beside fixtures/ in a checkout; an installed package keeps its retained runs' audits beside them."""
    if bundle.parent != retained_runs():
        return home_of(bundle) / "audits"
    docs = data_dir("fixtures").parent / "docs"
    return docs / "audits" if docs.is_dir() else home_of(bundle) / "audits"
