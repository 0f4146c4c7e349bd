"""An outcome document as found, with the bundle that it cites: read once, judged by rules, never believed."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.folder import FileRead, Folder
from console.evidence.checks.layout import BUNDLE_FILE
from console.evidence.checks.real_run import check_real_run
from console.evidence.checks.rule import run_rule
from console.evidence.checks.shapes import Shape, misfit
from console.evidence.checks.stored import UnreadableError, digest_of, parse_stored
from console.evidence.checks.verdict import Finding, Mismatch, Verdict

Body = dict[str, Any]


class Outcome:
    """`body` is empty where the document can't be read, `evidence` None where the bundle isn't there."""

    def __init__(self, path: Path, shape: Shape, bundle: Path | None, allowed_signers: Path | None) -> None:
        self.path, self.where = path, path.name
        self.missing = not path.is_symlink() and not path.exists()
        self.body: Body = {}
        self.unreadable: Mismatch | None = None
        if not self.missing:
            self.body, self.unreadable = read_document(Folder(path.parent), path.name, shape)
        self._given = bundle
        self.bundle_dir = self.find(self.body.get("run", {}).get("run_id", "")) if self.body else None
        self.evidence = Evidence(self.bundle_dir) if self.bundle_dir else None
        self.verdict = check_real_run(self.bundle_dir, allowed_signers=allowed_signers) if self.bundle_dir else None

    @property
    def e(self) -> Evidence:
        """For rules that run only after `cited_bundle_is_there`."""
        assert self.evidence is not None
        return self.evidence

    def find(self, run_id: str) -> Path | None:
        """The cited bundle: as given, beside this folder (a run of this machine), or among retained runs."""
        home = self.path.absolute().parent.parent
        given = self._given.parent if self._given and self._given.name == BUNDLE_FILE else self._given
        places = [given] if given else [*sorted(home.glob("bundle*")), home / "runs" / run_id]
        there = [place for place in places if (place / BUNDLE_FILE).is_file()]
        # Of a run's revisions the cited one; where none is, the first stands for the stale link.
        cited = self.body["run"]["bundle_sha256"]
        return next((place for place in there if _sha256(place / BUNDLE_FILE) == cited), next(iter(there), None))


Rule = Callable[[Outcome], Iterator[Mismatch]]


def judge(outcome: Outcome, first: Sequence[Rule], then: Sequence[Rule]) -> Verdict:
    """`first` ends at the first rule that fails: what comes later would only repeat it. `then` says everything."""
    findings: list[Finding] = []
    for rule in first:
        findings = run_rule(rule, outcome, outcome.where)
        if findings:
            return _verdict(outcome, findings, len(first) + len(then))
    for rule in then:
        findings += run_rule(rule, outcome, outcome.where)
    return _verdict(outcome, findings, len(first) + len(then))


def read_document(folder: Folder, name: str, shape: Shape) -> tuple[Body, Mismatch | None]:
    """The body, or why it can't be had."""
    got = folder.read(name)
    if not isinstance(got, FileRead):
        return {}, Mismatch(name, got.expected, got.got)
    if not got.whole:
        return {}, Mismatch(name, "a document that fits in memory", f"{got.size} bytes")
    try:
        body = parse_stored(got.head)
    except UnreadableError as error:
        return {}, Mismatch(name, error.expected, error.got)
    wrong = misfit(shape, body, name)
    return ({}, wrong) if wrong else (body, None)


def _sha256(path: Path) -> str:
    got = Folder(path.parent).read(path.name)
    return got.sha256 if isinstance(got, FileRead) else ""


def digest_holds(where: str, body: Body) -> Iterator[Mismatch]:
    expected = digest_of(body)
    if body["digest"] != expected:
        yield Mismatch(f"{where} digest", expected, body["digest"])


def _verdict(outcome: Outcome, findings: list[Finding], rules: int) -> Verdict:
    """The documents are not signed; who stands behind them is who signed the bundle that they cite."""
    signer = outcome.verdict.signer if outcome.verdict else "missing"
    return Verdict(not findings, signer, tuple(findings), {"rules": rules})
