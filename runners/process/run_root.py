"""The names in a contributor's run root (docs/layout.md), and its small documents."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from runners.contract.bringup import BringupReport
from runners.contract.canonical import MAX_DOCUMENT_BYTES, canonical_bytes, parse_strict, readable_bytes
from runners.contract.document import Word, word_from_json
from runners.contract.plan import Assignment
from runners.contract.receipts import AdmissionReceipt
from runners.contract.requests import Begin, BeginRequest, LaunchRequest, LaunchResponse
from runners.process.errors import Refused
from runners.records.admission import RECEIPT_PREFIX
from runners.records.durable import create_once, matches, read_regular, write_durable
from runners.records.keys import verify

W = TypeVar("W", bound=Word)


@dataclass(frozen=True)
class RunRoot:
    """One node's folder for one run. Whoever reads from it checks what it reads."""

    folder: Path

    @property
    def bringup(self) -> Path:
        return self.folder / "bringup.json"

    @property
    def admission(self) -> Path:
        return self.folder / "admission.json"

    @property
    def received(self) -> Path:
        return self.folder / "received"

    def archive(self, sha256: str) -> Path:
        return self.received / sha256

    def request(self, revision: int) -> Path:
        return self.folder / f"request-r{revision}.json"

    def launch(self, revision: int) -> Path:
        return self.folder / f"launch-r{revision}.json"

    def begin(self, revision: int) -> Path:
        return self.folder / f"begin-r{revision}.json"

    def release(self, revision: int) -> Path:
        return self.folder / f"release-r{revision}.json"

    def log(self, revision: int) -> Path:
        return self.folder / f"log-r{revision}.txt"

    def memory_note(self, revision: int) -> Path:
        return self.folder / f"memory-r{revision}.json"

    def outbox(self, revision: int) -> Path:
        return self.folder / "outbox" / f"r{revision}"

    def checkpoints(self, revision: int) -> Path:
        return self.folder / "checkpoints" / f"r{revision}"

    def start_of(self, assignment: Assignment, archive_sha256: str) -> Path | None:
        """The checkpoint that the assignment goes on from: what an earlier revision left here, or was shipped again.
        None where it goes on from none, or the bytes are in neither place."""
        planned = assignment.start
        if planned is None:
            return None
        places = (self.checkpoints(planned.revision), self.archive(archive_sha256))
        return next((path for place in places if matches(path := place / planned.file.name, planned.file)), None)

    def keep(self, path: Path, word: Word) -> None:
        """Write it once. The same again is fine; something else under this name is refused."""
        data = canonical_bytes(word.to_json()) + b"\n"
        try:
            create_once(path, data)
        except FileExistsError:
            if read_regular(path, limit=MAX_DOCUMENT_BYTES) != data:
                raise Refused(
                    "conflicting_request", f"{path.name}: expected what was asked before, got something else"
                ) from None

    def find(self, path: Path, cls: type[W]) -> W | None:
        """What `keep` wrote there, or None."""
        if not path.exists():
            return None
        return word_from_json(cls, parse_strict(read_regular(path, limit=MAX_DOCUMENT_BYTES)))

    def launched(self, revision: int) -> LaunchResponse | None:
        return self.find(self.launch(revision), LaunchResponse)

    def requested(self, revision: int) -> LaunchRequest | None:
        return self.find(self.request(revision), LaunchRequest)

    def keep_bringup(self, report: BringupReport, signature: str) -> None:
        write_durable(self.bringup, report.to_bytes())
        write_durable(_signature(self.bringup), f"{signature}\n".encode())

    def last_bringup(self) -> BringupReport | None:
        if not self.bringup.exists():
            return None
        return BringupReport.read(read_regular(self.bringup, limit=MAX_DOCUMENT_BYTES))

    def keep_admission(self, receipt: AdmissionReceipt, signature: str) -> None:
        write_durable(_signature(self.admission), f"{signature}\n".encode(), mode=0o600)
        write_durable(self.admission, receipt.to_bytes(), mode=0o600)

    def admitted(self, node_public_key: str) -> AdmissionReceipt:
        """The receipt of this run, signed by this node's key. Raises Refused, ContractError, RecordsError."""
        if not self.admission.exists():
            raise Refused("not_admitted", f"{self.admission.name}: expected an admission, got none; run `admit` first")
        receipt = AdmissionReceipt.read(read_regular(self.admission, limit=MAX_DOCUMENT_BYTES))
        signature = read_regular(_signature(self.admission), limit=1024).decode("ascii", errors="replace").strip()
        verify(node_public_key, signature, RECEIPT_PREFIX + bytes.fromhex(receipt.digest))
        return receipt

    def keep_begin(self, begin: Begin, signature: str) -> None:
        """As the coordinator keeps it: `{"begin": ..., "signature": hex}`."""
        data = readable_bytes({"begin": begin.to_json(), "signature": signature})
        path = self.begin(begin.revision)
        try:
            create_once(path, data)
        except FileExistsError:
            if read_regular(path, limit=MAX_DOCUMENT_BYTES) != data:
                raise Refused("conflicting_request", f"{path.name}: expected the permission given before") from None

    def begun(self, revision: int, node_id: str) -> BeginRequest | None:
        path = self.begin(revision)
        if not path.exists():
            return None
        body = parse_strict(read_regular(path, limit=MAX_DOCUMENT_BYTES))
        return word_from_json(BeginRequest, {**body, "node_id": node_id})


def _signature(path: Path) -> Path:
    return path.with_name(path.name + ".sig")
