"""A closed run bundle as the writers of outcomes read it: verified first, then typed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from console.evidence.account import Account, Entry, account_of
from console.evidence.checks.real_run import check_real_run
from console.evidence.errors import BundleNotVerified
from console.evidence.lane_documents.places import LanePlaces
from console.evidence.models import BUNDLE_FILE, RealRunBundle
from console.evidence.outcomes.citation import RunCitation
from runners.contract.bringup import BringupReport
from runners.contract.canonical import sha256_hex
from runners.contract.document import Document, Word
from runners.contract.lane import NodeContract, RunContract
from runners.contract.plan import WindowPlan
from runners.contract.receipts import (
    ContributorReceipt,
    MembershipReceipt,
    MergeReport,
    PromotionReceipt,
    ReplayReceipt,
    ScoreReceipt,
)

D = TypeVar("D", bound=Document)
W = TypeVar("W", bound=Word)


@dataclass(frozen=True)
class ClosedBundle:
    folder: Path
    bundle: RealRunBundle
    contract: RunContract
    account: Account

    @property
    def citation(self) -> RunCitation:
        return RunCitation(
            run_id=self.bundle.run_id,
            bundle_digest=self.bundle.digest,
            bundle_sha256=sha256_hex((self.folder / BUNDLE_FILE).read_bytes()),
        )

    @property
    def places(self) -> LanePlaces:
        return LanePlaces(self.contract.lane_id)

    @property
    def contributors(self) -> tuple[NodeContract, ...]:
        return tuple(sorted(self.contract.contributors, key=lambda node: node.node_id))

    @property
    def records(self) -> tuple[Entry, ...]:
        return self.account.coordinator.entries

    def said(self, cls: type[W], node_id: str | None = None) -> Iterator[W]:
        """The coordinator's bodies of a type, about a node if one is given, in order."""
        for entry in self.records:
            if isinstance(entry.body, cls) and node_id in (None, getattr(entry.body, "node_id", None)):
                yield entry.body

    def last(self, cls: type[W], node_id: str | None = None) -> W | None:
        return next(iter(reversed(list(self.said(cls, node_id)))), None)

    # Documents, None where the run did not get that far.

    @property
    def plan(self) -> WindowPlan | None:
        return self._read("contract/window_plan.json", WindowPlan)

    @property
    def membership(self) -> MembershipReceipt | None:
        return self._read("contract/membership_receipt.json", MembershipReceipt)

    @property
    def merge_report(self) -> MergeReport | None:
        return self._read("retained_artifacts/merged_artifact_report.json", MergeReport)

    @property
    def promotion(self) -> PromotionReceipt | None:
        return self._read("receipts/promotion.json", PromotionReceipt)

    @property
    def scores(self) -> ScoreReceipt | None:
        return self._read("receipts/score.json", ScoreReceipt)

    def bringup(self, node_id: str) -> BringupReport | None:
        return self._read(f"reports/{node_id}_bringup.json", BringupReport)

    def receipt(self, node_id: str) -> ContributorReceipt | None:
        return self._read(f"retained_artifacts/{node_id}/contributor_receipt.json", ContributorReceipt)

    def replay(self, node_id: str) -> ReplayReceipt | None:
        return self._read(f"receipts/replay_{node_id}.json", ReplayReceipt)

    def _read(self, path: str, cls: type[D]) -> D | None:
        file = self.folder / path
        return cls.read(file.read_bytes()) if file.is_file() else None


def open_closed(folder: Path) -> ClosedBundle:
    """Raises BundleNotVerified: nothing is concluded from a bundle that contradicts itself."""
    folder = folder.parent if folder.name == BUNDLE_FILE else folder
    verdict = check_real_run(folder)
    if not verdict.consistent:
        first = verdict.findings[0]
        raise BundleNotVerified(
            f"{folder}: expected a bundle that verifies, got {len(verdict.findings)} findings: {first}"
        )
    bundle = RealRunBundle.read((folder / BUNDLE_FILE).read_bytes())
    contract = RunContract.read((folder / "contract" / "run_contract.json").read_bytes())
    return ClosedBundle(folder, bundle, contract, account_of(folder / "journals", bundle.run_id))
