"""Lies of the summaries, and of an operator who takes something out afterwards."""

import json
from pathlib import Path
from typing import Any

from runners.contract.canonical import readable_bytes, sha256_hex
from runners.contract.plan import ADAPTER_FILE as ADAPTER
from tests.checks.defects import (
    Body,
    Defect,
    sets,
)
from tests.checks.forge import Forge
from tests.checks.forged_hosts import LINUX
from tests.checks.resealing import reseal_body, rewrite


def _remove(*paths: str) -> Any:
    def after(bundle: Path) -> None:
        for path in paths:
            (bundle / path).unlink()

    return after


def _add(path: str, data: bytes) -> Any:
    def after(bundle: Path) -> None:
        (bundle / path).parent.mkdir(parents=True, exist_ok=True)
        (bundle / path).write_bytes(data)

    return after


def _document_after(path: str, edit: Any) -> Any:
    return lambda bundle: rewrite(bundle / path, edit)


def _last_line_cut(bundle: Path) -> None:
    """And the account of the contributor told to match: only what the coordinator saw is left against it."""
    path = bundle / f"journals/{LINUX}.contributor.r0.e0.jsonl"
    lines = path.read_bytes().split(b"\n")[:-2]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    head = {"offset": path.stat().st_size, "sha256": sha256_hex(lines[-1]), "next_seq": len(lines)}

    def edit(body: Body) -> None:
        account = next(item for item in body["contributors"] if item["node_id"] == LINUX)
        account["journal_heads"][0] |= head
        del account["record_counts"]["exited"]
        account["exit_reason"] = "unknown"

    rewrite(bundle / "contributor_runtime_report.json", edit)


def _spare_host(bundle: Path) -> None:
    """A true-looking report of a machine that took no part."""
    key = Forge.named("spare")
    report = json.loads((bundle / f"reports/{LINUX}_bringup.json").read_bytes())
    report |= {"node_id": "spare", "node_public_key": key.public_hex}
    reseal_body(report)
    path = bundle / "reports" / "spare_bringup.json"
    path.write_bytes(readable_bytes(report))
    signature = key.sign(b"swarm.bringup_report.v1\0" + bytes.fromhex(report["digest"]))
    path.with_name("spare_bringup.json.sig").write_bytes(signature.encode() + b"\n")


def _report_that_stops_early(bundle: Path) -> None:
    """The contributor's account ends before its journal does, so that the rest could be dropped later."""
    lines = (bundle / f"journals/{LINUX}.contributor.r0.e0.jsonl").read_bytes().split(b"\n")[:-2]
    head = {
        "offset": sum(len(line) + 1 for line in lines),
        "sha256": sha256_hex(lines[-1]),
        "next_seq": len(lines),
    }

    def edit(body: Body) -> None:
        account = next(item for item in body["contributors"] if item["node_id"] == LINUX)
        account["journal_heads"][0] |= head

    rewrite(bundle / "contributor_runtime_report.json", edit)


def _counts(bundle: Path) -> None:
    rewrite(bundle / "first_swarm_real_run_bundle.json", sets(accepted_contributions=3))


def _second_operator(bundle: Path) -> None:
    body = json.loads((bundle / "first_swarm_real_run_bundle.json").read_bytes())
    rewrite(bundle / "operator_manifest.json", sets(operator_public_key=body["coordinator_public_key"]))


SUMMARIES = (
    Defect("signature_of_a_report_left_out", "journaled_things_exist", after=_remove(
        f"reports/{LINUX}_bringup.json.sig"
    )),
    Defect("begin_left_out", "journaled_things_exist", after=_remove("contract/begin.json")),
    Defect("report_that_nobody_journaled", "receipts_are_journaled", after=_spare_host),
    Defect("quarantine_without_a_record", "quarantine_is_as_recorded", after=_add(
        f"quarantine/{LINUX}/{ADAPTER}", b"refused"
    )),
    Defect("counts_invented", "bundle_counts_are_recounted", after=_counts),
    Defect("states_left_out", "coordinator_report_repeats_the_journal", after=_document_after(
        "coordinator_runtime_report.json", lambda body: body["states"].pop(3)
    )),
    Defect("steps_never_done", "contributor_report_repeats_the_journals", after=_document_after(
        "contributor_runtime_report.json", lambda body: body["contributors"][0].update(steps_done=400)
    )),
    Defect("journal_cut_after_the_run", "cited_heads_are_in_the_journals", after=_last_line_cut),
    Defect("report_that_stops_early", "reports_cover_the_whole_journals", after=_report_that_stops_early),
    Defect("two_operators", "keys_are_the_same_everywhere", after=_second_operator),
)  # fmt: skip
DEFECTS = (*SUMMARIES,)
