"""True bundles of runs that ended early: stopped by the operator, refused at bring-up, rejected on arrival."""

import shutil
from pathlib import Path

from console.coordination.inbox import leave_command
from runners.contract.canonical import sha256_hex
from runners.contract.plan import ADAPTER_CONFIG_FILE as CONFIG
from runners.contract.plan import ADAPTER_FILE as ADAPTER
from runners.contract.plan import RECEIPT_FILE as RECEIPT
from tests.checks.defects import changed_to, first
from tests.checks.forge import Forge
from tests.checks.forged_bringup import refuse_for_disk
from tests.checks.forged_hosts import LINUX, MAC, NODES, RUN_ID
from tests.checks.forged_journal import Said
from tests.checks.lies import Lies


def _end(records: list[Said], before: str, after: str, classification: str, reason: str) -> list[Said]:
    """The window's last two changes and the verdict, after whatever was said."""
    at_ms = records[-1].mono_ms
    body = {"reason": reason, "heads": []}
    return [
        *records,
        Said("window_changed", {"before": before, "after": after, **body}, at_ms + 1),
        Said("window_changed", {"before": after, "after": "closed", **body}, at_ms + 2),
        Said("closed", {"classification": classification, **body}, at_ms + 3),
    ]


def _forget(run: Forge, *names: str) -> None:
    for name in names:
        for path in (run.paths.artifacts, run.paths.receipts, run.paths.reports, run.paths.documents, run.paths.mirror):
            target = path / name
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)


def forget_results(run: Forge, *, replays: bool = True) -> None:
    """Of the merge, and of the replays before it."""
    _forget(run, "merged", "merged_artifact_report.json", "score.json", "promotion.json")
    if replays:
        _forget(run, *(f"replayed_{node}" for node in NODES), *(f"replay_{node}.json" for node in NODES))


def stopped_while_admitted(root: Path) -> Path:
    """The operator stopped after the plan was bound and before anything was launched."""
    lies = Lies()
    run = Forge(root, lies)
    name = leave_command(run.paths.inbox, run.key("operator"), RUN_ID, "stop", "lunch", 1_790_000_000_600)
    command = run.paths.inbox / f"{name}.json"

    def said(records: list[Said]) -> list[Said]:
        from runners.contract.receipts import OperatorCommand

        sealed = OperatorCommand.read(command.read_bytes())
        kept = records[: records.index(first(records, "plan_bound", None)) + 1]
        body = {"command_id": name, "command": "stop", "command_digest": sealed.digest, "reason": "lunch"}
        kept.append(Said("operator_acted", body, kept[-1].mono_ms))
        return _end(kept, "admitting", "aborted", "stopped_by_operator", "stopped by the operator: lunch")

    def forget(run: Forge) -> None:
        forget_results(run)
        _forget(run, "begin.json", *NODES)
        for journal in run.paths.mirror.iterdir():
            journal.unlink()

    lies.coordinator, lies.before_bundle = said, forget
    return run.make()


def drifted_while_admitted(root: Path) -> Path:
    """Another plan lay in the bound one's place before anything was launched."""
    other = b"{}\n"

    def said(records: list[Said]) -> list[Said]:
        kept = records[: records.index(first(records, "plan_bound", None)) + 1]
        finding = {"rule": "window_plan_as_bound", "expected": run.plan.digest, "got": "DigestMismatch: another"}
        quarantined = {
            "node_id": MAC, "name": "window_plan.json", "reason": "contract_drift", "sha256": sha256_hex(other),
            "size_bytes": len(other),
        }  # fmt: skip
        kept.append(Said("quarantined", quarantined, kept[-1].mono_ms))
        kept.append(Said("drift_found", {"document": "window_plan", "findings": [finding]}, kept[-1].mono_ms))
        return _end(kept, "admitting", "aborted", "contract_drift", "drift of window_plan")

    def forget(run: Forge) -> None:
        forget_results(run)
        _forget(run, "begin.json", *NODES)
        for journal in run.paths.mirror.iterdir():
            journal.unlink()
        (run.paths.quarantine / MAC).mkdir()
        (run.paths.quarantine / MAC / "window_plan.json").write_bytes(other)

    run = Forge(root, Lies(coordinator=said, before_bundle=forget))
    return run.make()


def refused_at_bring_up(root: Path) -> Path:
    """The Linux host refused at its gate; the Mac was ready by then."""
    lies = Lies()
    path = f"reports/{LINUX}_bringup.json"
    lies.documents[path] = refuse_for_disk

    def said(records: list[Said]) -> list[Said]:
        kept = records[: records.index(first(records, "bringup_received", LINUX))]
        refused = {
            "node_id": LINUX,
            "reason": "refused_machine_contract",
            "detail": "disk_free: expected at least 1073741824 bytes, got 5 bytes",
            "report_digest": run.documents[path].digest,
        }
        kept.append(Said("bringup_refused", refused, kept[-1].mono_ms))
        return _end(kept, "admitting", "refused", "refused_bringup", "swarm-linux-a: refused_machine_contract")

    def forget(run: Forge) -> None:
        forget_results(run)
        _forget(run, "begin.json", "window_plan.json", "membership_receipt.json", *NODES)
        _forget(run, f"admission_{LINUX}.json", f"admission_{LINUX}.json.sig")
        for journal in run.paths.mirror.iterdir():
            journal.unlink()

    lies.coordinator, lies.before_bundle = said, forget
    run = Forge(root, lies)
    return run.make()


def rejected_on_arrival(root: Path) -> Path:
    """One adapter arrived with other bytes than were journaled: it lies in quarantine, with the reason."""
    other_bytes = b"not what was journaled"
    finding = {"rule": f"sha256_of_{ADAPTER}", "expected": "a" * 64, "got": sha256_hex(other_bytes)}

    def said(records: list[Said]) -> list[Said]:
        place = records.index(first(records, "submission_judged", LINUX))
        judged = dict(records[place].body)
        judged |= {
            "outcome": "rejected",
            "reason": "artifact_digest_mismatch",
            "findings": [finding],
            "adapter_sha256": None,
        }
        quarantined = {
            "node_id": LINUX,
            "name": ADAPTER,
            "reason": "artifact_digest_mismatch",
            "sha256": sha256_hex(other_bytes),
            "size_bytes": len(other_bytes),
        }
        at_ms = records[place].mono_ms
        kept = [
            *records[:place],
            Said("quarantined", quarantined, at_ms),
            Said("submission_judged", judged, at_ms),
        ]
        before = changed_to(records, "collecting").body["after"]
        return _end(kept, before, "rejected", "rejected", f"{LINUX}: artifact_digest_mismatch")

    def forget(run: Forge) -> None:
        forget_results(run)
        _forget(run, *(f"{LINUX}/{name}" for name in (ADAPTER, CONFIG, RECEIPT)))
        (run.paths.quarantine / LINUX).mkdir()
        (run.paths.quarantine / LINUX / ADAPTER).write_bytes(other_bytes)

    return Forge(root, Lies(coordinator=said, before_bundle=forget)).make()


ENDS = {
    "stopped_by_operator": stopped_while_admitted,
    "contract_drift": drifted_while_admitted,
    "refused_bringup": refused_at_bring_up,
    "rejected": rejected_on_arrival,
}
