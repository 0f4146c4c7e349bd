"""Makes whole run bundles with keys of its own: true ones, and ones with a single lie that everything else supports.

A run is made in the order in which a real one happens, so a lie told early (a weight, a label, a time) is carried
into every later digest, chain and signature: only the rule about that lie can refuse the bundle. `Lies` names the
places at which one can be told.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from console.coordination.fold import fold
from console.coordination.paths import RunPaths
from console.coordination.restore import body_of
from console.coordination.spec import RunSpec
from console.coordination.state import RunState
from console.evidence.bundle import ClosedRun, write_bundle
from console.validation.adapter import Adapter
from runners.contract import receipts
from runners.contract.canonical import sha256_hex
from runners.contract.document import Document, word_from_json
from runners.contract.execution import ExecutionSettings
from runners.contract.journal import Writer, parse_line
from runners.contract.plan import FileRef, WindowPlan
from runners.records.keys import SigningKey
from tests.checks.forged_contributor import contributor_records
from tests.checks.forged_coordination import coordinator_records
from tests.checks.forged_hosts import LINUX, MAC, NODES, RUN_ID, device_of, execution_of, software_of
from tests.checks.forged_journal import ForgedJournal, Said, write_journal
from tests.checks.forged_launch import leave_launch
from tests.checks.forged_members import admit, begin, bring_up, list_members
from tests.checks.forged_plan import VOCABULARY, WIDTH, contract_of, plan_run
from tests.checks.forged_previous import cite_previous
from tests.checks.forged_training import contribute, replay
from tests.checks.forged_work import merge_deltas, promote, score
from tests.checks.lies import Lies, Records
from tests.checks.resealing import operator_key_file, reseal_body
from tests.checks.tiny_training import TinyShard, Trained

D = TypeVar("D", bound=Document)


class Forge:
    """One run, made in memory and in `root`. What is only declared here is there once its step was made."""

    train_shard: TinyShard
    held_out: TinyShard
    start: NDArray[np.float32]
    plan: WindowPlan
    membership: receipts.MembershipReceipt
    begin_digest: str
    merged: Adapter
    scores: receipts.ScoreReceipt
    promotion: receipts.PromotionReceipt

    def __init__(self, root: Path, lies: Lies | None = None) -> None:
        self.lies = lies or Lies()
        self.contract = contract_of(self.lies)
        self.paths = RunPaths.of(root, RUN_ID, self.contract)
        self.paths.make()
        self.head: NDArray[np.float32] = np.random.default_rng(7).standard_normal((VOCABULARY, WIDTH)).astype("f4")
        self.documents: dict[str, Any] = {}
        self.results: dict[str, Trained] = {}
        self.replays: dict[str, Trained] = {}
        self.journals: dict[str, ForgedJournal] = {}
        self.previous_digest = ""

    def key(self, who: str) -> SigningKey:
        name = self._own(self.lies.keys.get(who, who).removesuffix(" again"))
        return SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest()))

    @property
    def public(self) -> dict[str, str]:
        return {who: Forge.named(self._own(who)).public_hex for who in ("coordinator", "operator", *NODES)}

    def _own(self, who: str) -> str:
        return MAC if self.lies.one_key and who == LINUX else who

    @staticmethod
    def named(who: str) -> SigningKey:
        return SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(who.encode()).digest()))

    def device(self, node: str) -> receipts.Device:
        return self.lies.devices.get(node) or device_of(node)

    def software(self, node: str) -> receipts.Software:
        return self.lies.software.get(node) or software_of(node)

    def execution(self, node: str) -> ExecutionSettings:
        return self.lies.execution.get(node) or execution_of(self.device(node), self.software(node))

    # Writing: every document and artifact goes through these two.

    def seal(self, path: str, target: Path, cls: type[D], **fields: Any) -> D:
        """Seal a document, tell its lie if there is one, seal again, write."""
        document = cls.seal(**fields)
        if path in self.lies.documents:
            body = document.to_json()
            self.lies.documents[path](body)
            reseal_body(body)
            document = word_from_json(cls, body)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(document.to_bytes())
        self.documents[path] = document
        return document

    def store(self, path: str, data: bytes) -> FileRef:
        """An artifact under retained_artifacts/, named by the bundle's path."""
        if path in self.lies.files:
            data = self.lies.files[path](data)
        target = self.paths.artifacts / path.removeprefix("retained_artifacts/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return FileRef(name=target.name, size_bytes=len(data), sha256=sha256_hex(data))

    # The run, in its own order.

    def make(self) -> Path:
        """The bundle's folder."""
        leave_launch(self)
        plan_run(self)
        for node in NODES:
            bring_up(self, node)
            admit(self, node)
        list_members(self)
        begin(self)
        for node in NODES:
            contribute(self, node)
            replay(self, node)
        merge_deltas(self)
        score(self)
        promote(self)
        for node in NODES:
            writer = Writer(
                run_id=RUN_ID, node_id=node, role="contributor", revision=self.lies.revision, epoch=self.lies.revision
            )
            self._journal(node, writer, contributor_records(self, node), self.paths.mirror)
        if self.lies.revision:
            self.previous_digest = cite_previous(self)
        self._journal_of_coordinator()
        if self.lies.before_bundle:
            self.lies.before_bundle(self)
        return self._bundle()

    # Journals.

    def _journal(self, name: str, writer: Writer, records: Records, folder: Path) -> None:
        journal = write_journal(
            writer,
            records,
            self.key(f"{name} journal" if f"{name} journal" in self.lies.keys else name),
            self.lies.lines.get(name),
        )
        self.journals[name] = journal
        (folder / journal.file).write_bytes(journal.to_bytes())

    def _journal_of_coordinator(self) -> None:
        records = coordinator_records(self)
        if self.lies.coordinator:
            records = self.lies.coordinator(records)
        place = next((i for i, r in enumerate(records) if r.kind == self.lies.restart_before), len(records))
        writer = Writer(run_id=RUN_ID, node_id=MAC, role="coordinator", revision=self.lies.revision, epoch=0)
        self._journal("coordinator", writer, records[:place], self.paths.journals)
        if place < len(records):
            first = self.journals["coordinator"]
            tail = {"previous_file": first.file, "previous_tail": first.head_after(len(first.lines)).sha256}
            opened = Said("epoch_opened", {"pid": 3998, "gap_ms": 2000, **tail}, records[place].mono_ms)
            writer = writer.model_copy(update={"epoch": 1})
            self._journal("coordinator again", writer, [opened, *records[place:]], self.paths.journals)

    # The producer's own writer makes the bundle from all of it.

    def _bundle(self) -> Path:
        (self.paths.documents / "run_contract.json").write_bytes(self.contract.to_bytes())
        spec = RunSpec.seal(
            run_id=RUN_ID, created_wall_ms=1_790_000_000_000, contract=self.contract, remotes=(), model_dir="-",
            dataset_dir="-", prepared_dir="-", host_home="-", operator_public_key=self.public["operator"],
            coordinator_port=0, capture_batch=4, gate_steps=4,
        )  # fmt: skip
        state = RunState()
        told = [self.journals[name] for name in ("coordinator", "coordinator again") if name in self.journals]
        for line in [line for journal in told for line in journal.lines]:
            record = parse_line(line)
            state = fold(state, body_of(record), record.mono_ms)
        key_file = operator_key_file(self.paths.root)
        return write_bundle(ClosedRun(spec, self.paths, state), self.key("operator"), key_file)


def forge(root: Path, lies: Lies | None = None) -> Path:
    """A whole bundle under `root`; its folder."""
    return Forge(root, lies).make()
