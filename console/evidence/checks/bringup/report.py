"""The verdict on one bring-up report, from its file, the signature beside it and the lane's contract."""

from pathlib import Path

from console.evidence.checks.bringup.held import Body, Held
from console.evidence.checks.bringup.rules import RULES
from console.evidence.checks.document_shapes import DOCUMENT_SHAPES
from console.evidence.checks.lane.plain_file import read_plain
from console.evidence.checks.rule import judge
from console.evidence.checks.shapes import misfit
from console.evidence.checks.stored import UnreadableError, parse_stored
from console.evidence.checks.verdict import Finding, Mismatch, Verdict, shown

SCHEMA = "swarm.bringup_report.v1"
LONGEST_SIGNATURE = 200


def check_bringup(path: Path, *, host: str, contract: Path | None = None) -> Verdict:
    """`host` is `mac` or `linux`: the run root that the report must be of. `contract` is the lane's frozen contract;
    without it the report's own requirements are taken as they are."""
    report = _read(path, SCHEMA)
    if isinstance(report, Mismatch):
        return _refused("report_has_its_form", report)
    frozen = None if contract is None else _read(contract, "swarm.run_contract.v1")
    if isinstance(frozen, Mismatch):
        return _refused("contract_has_its_form", frozen)
    if report["requirements"]["run_root"] != host:
        got = f"{report['requirements']['run_root']} ({report['node_id']})"
        return _refused("report_is_of_the_host", Mismatch("requirements.run_root", host, shown(got)))
    return judge(Held(report, _signature(path), frozen), RULES, {"findings": len(report["findings"])})


def _read(path: Path, schema: str) -> Body | Mismatch:
    raw = read_plain(path.parent, path.name)
    if isinstance(raw, str):
        return Mismatch(path.name, f"a {schema} document", raw or "no such file")
    try:
        body = parse_stored(raw)
    except UnreadableError as error:
        return Mismatch(path.name, error.expected, error.got)
    return misfit(DOCUMENT_SHAPES[schema], body, path.name) or body


def _signature(path: Path) -> str | None:
    """Hex and one LF; anything else is no signature that holds."""
    raw = read_plain(path.parent, f"{path.name}.sig")
    if isinstance(raw, str):
        return None if not raw else ""
    text = raw[:LONGEST_SIGNATURE].decode("ascii", errors="replace")
    return text.removesuffix("\n")


def _refused(rule: str, item: Mismatch) -> Verdict:
    finding = Finding(rule, shown(item.where), shown(item.expected), shown(item.got))
    return Verdict(consistent=False, signer="missing", findings=(finding,))
