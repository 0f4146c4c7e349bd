"""The folders of one run on the coordinator's host (docs/layout.md draws them)."""

from dataclasses import dataclass
from pathlib import Path

from runners.contract.lane import RunContract


@dataclass(frozen=True)
class RunPaths:
    """`root` is `<runs>/<run_id>`. Nothing here names a path of another host."""

    root: Path
    own: str = "mac"  # run_root of the coordinator's node
    revision: int = 0  # each has a coordinator's folder and a bundle of its own; the contributors' folders go on

    @classmethod
    def of(cls, runs: Path, run_id: str, contract: RunContract, revision: int = 0) -> "RunPaths":
        own = next(node.run_root for node in contract.nodes if "coordinator" in node.roles)
        return cls(runs / run_id, own, revision)

    @property
    def coordinator(self) -> Path:
        return self.root / self.own / _named("coordinator", self.revision)

    @property
    def local_runner(self) -> Path:
        return self.root / self.own / "runner"

    @property
    def spec(self) -> Path:
        return self.coordinator / "spec.json"

    @property
    def inbox(self) -> Path:
        return self.coordinator / "inbox"

    @property
    def journals(self) -> Path:
        return self.coordinator / "journals"

    @property
    def mirror(self) -> Path:
        return self.coordinator / "mirror"

    @property
    def documents(self) -> Path:
        return self.coordinator / "documents"

    @property
    def reports(self) -> Path:
        return self.coordinator / "reports"

    @property
    def receipts(self) -> Path:
        return self.coordinator / "receipts"

    @property
    def artifacts(self) -> Path:
        return self.coordinator / "artifacts"

    def checkpoints(self, node_id: str) -> Path:
        """Training checkpoints of one contributor, all of them of its one slice, by step."""
        return self.artifacts / node_id / "checkpoints"

    @property
    def before(self) -> "RunPaths | None":
        """Of the revision before; None for a first one."""
        return RunPaths(self.root, self.own, self.revision - 1) if self.revision else None

    @property
    def quarantine(self) -> Path:
        return self.coordinator / "quarantine"

    @property
    def scratch(self) -> Path:
        return self.coordinator / "scratch"

    @property
    def log(self) -> Path:
        return self.coordinator / "log.txt"

    @property
    def operator_bundle(self) -> Path:
        """What was known when the run was created."""
        return self.root / "operator_bundle"

    @property
    def bundle(self) -> Path:
        return self.root / _named("bundle", self.revision)

    @property
    def previous(self) -> Path:
        """Of a replay: what it cites of the bundle before."""
        return self.documents / "previous"

    @property
    def admitted_before(self) -> Path | None:
        """Receipts of the revision before, where admissions hold from."""
        return None if self.before is None else self.before.receipts

    def make(self) -> None:
        folders = (
            self.inbox, self.journals, self.mirror, self.documents, self.reports,
            self.receipts, self.artifacts, self.quarantine, self.scratch,
        )  # fmt: skip
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _named(what: str, revision: int) -> str:
    return f"{what}-r{revision}" if revision else what
