"""`swarm check mac|linux`: a host's bring-up report, against its own measurements and the lane's contract."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from console.cli.checks.check import Check, Checked
from console.cli.errors import UsageError
from console.evidence.checks.lane.names import LANE_NAME, place
from console.places import data_dir, runs_dir

PATTERN = "*_bringup_v1.json"


def of_host(host: str) -> Check:
    """The check of the reports with that run root."""

    def retained() -> Sequence[Path]:
        return _of(host, data_dir("fixtures") / "swarm" / "reports", (PATTERN,))

    def newest() -> Sequence[Path]:
        """Of this machine's bring-ups and runs, else what this repository keeps."""
        patterns = (f"reports/*/{PATTERN}", f"*/{host}/reports/{PATTERN}")
        for found in (_of(host, runs_dir(), patterns), retained()):
            if found:
                return (max(found, key=lambda path: path.stat().st_mtime),)
        raise UsageError(
            f"check {host}: expected a bring-up report, got none on this machine; "
            f"`swarm bringup {host}` makes one, --report FILE names one"
        )

    about = f"the {host} host's bring-up report: seal, gate trained again, product, speed, every threshold"
    return Check(about, retained, newest, _check(host))


def _check(host: str) -> Callable[[Path, argparse.Namespace], Checked]:
    def check(report: Path, _: argparse.Namespace) -> Checked:
        from console.evidence.checks.bringup.report import check_bringup

        contract = _contract(report)
        verdict = check_bringup(report, host=host, contract=contract)
        lines = () if contract else ("  no frozen contract of its lane here: requirements are as the report has them",)
        return Checked(report, verdict, {"contract": contract and str(contract)}, lines)

    return check


def _contract(report: Path) -> Path | None:
    """The frozen contract of the lane that the report names, where this repository has it."""
    lane = _said(report, "lane_id")
    if not isinstance(lane, str) or not LANE_NAME.fullmatch(lane):
        return None
    path = data_dir("fixtures") / place(lane, "contract")
    return path if path.is_file() else None


def _of(host: str, folder: Path, patterns: Sequence[str]) -> list[Path]:
    found = [path for pattern in patterns for path in folder.glob(pattern)]
    return sorted(path for path in found if _run_root(path) in (host, None))


def _run_root(path: Path) -> object:
    """None for what can't be read: the check says why, rather than passing over it."""
    requirements = _said(path, "requirements")
    return requirements.get("run_root") if isinstance(requirements, dict) else None


def _said(path: Path, name: str) -> object:
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return body.get(name) if isinstance(body, dict) else None


MAC, LINUX = of_host("mac"), of_host("linux")
