"""Where later documents lie: beside the bundle of a run of this machine, or among the repository's retained ones."""

import re
from pathlib import Path

from console.evidence.models import SIGNATURE_FILE
from console.evidence.outcomes.closed_bundle import ClosedBundle
from runners.contract.canonical import readable_bytes
from runners.contract.coordinator_records import Closed
from runners.contract.document import Document
from runners.records.durable import write_durable

LONGEST_CLOSING_MS = 3_600_000  # past this the signature's time is not that of the run's closing: a copied bundle


def home_of(bundle: Path) -> Path:
    """`<runs>/<run>` of `<runs>/<run>/bundle`; `fixtures/swarm` of `fixtures/swarm/runs/<run>`."""
    return bundle.parent if _of_this_machine(bundle) else bundle.parent.parent


def documents_dir(bundle: Path) -> Path:
    """`outcomes` of `bundle`, `outcomes-r1` of `bundle-r1`: each revision's documents lie apart."""
    return home_of(bundle) / (bundle.name.replace("bundle", "outcomes") if _of_this_machine(bundle) else "reports")


def _of_this_machine(bundle: Path) -> bool:
    return re.fullmatch(r"bundle(-r[1-9]\d*)?", bundle.name) is not None


def publications_dir(bundle: Path) -> Path:
    return home_of(bundle) / "publications"


def document_file(lane_id: str, kind: str) -> str:
    """`first_swarm_trusted_lan` + `rehearsal` is the runbook's own file name."""
    return f"{lane_id}_{kind}_v1.json".replace("/", "_")


def write_document(folder: Path, lane_id: str, kind: str, document: Document) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / document_file(lane_id, kind)
    write_durable(path, readable_bytes(document.to_json()))
    return path


def closing_ms(run: ClosedBundle) -> int | None:
    """From the run's last record to the signature over its bundle; None where the bundle was copied since."""
    closed = [entry.record.wall_ms for entry in run.records if isinstance(entry.body, Closed)]
    signed_ms = (run.folder / SIGNATURE_FILE).stat().st_mtime_ns // 1_000_000
    took = signed_ms - closed[-1] if closed else -1
    return took if _of_this_machine(run.folder) and 0 <= took < LONGEST_CLOSING_MS else None
