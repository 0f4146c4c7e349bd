"""Lies about files, documents, keys, journals and hosts."""

import json
import shutil
from pathlib import Path
from typing import Any

from console.evidence.models import BUNDLE_FILE, SIGNATURE_FILE
from runners.contract.canonical import readable_bytes
from runners.contract.document import body_digest
from runners.contract.receipts import OperatorCommand
from runners.process.bringup import GATE_PREFIX
from tests.checks.defects import Body, Defect, coordinator, document, own, said, sets
from tests.checks.forge import Forge
from tests.checks.forged_hosts import LINUX, MAC, RUN_ID, device_of, hash_of, software_of
from tests.checks.forged_journal import Said, write_journal
from tests.checks.lies import Lies
from tests.checks.resealing import reseal_body, rewrite

OTHER = "e" * 64
PLAN = "contract/window_plan.json"
LINUX_JOURNAL = f"journals/{LINUX}.contributor.r0.e0.jsonl"


def _append(path: str, data: bytes) -> Any:
    def after(bundle: Path) -> None:
        with (bundle / path).open("ab") as file:
            file.write(data)

    return after


def _add(path: str, data: bytes) -> Any:
    def after(bundle: Path) -> None:
        (bundle / path).parent.mkdir(parents=True, exist_ok=True)
        (bundle / path).write_bytes(data)

    return after


def _other_white_space(bundle: Path) -> None:
    path = bundle / "operator_manifest.json"
    path.write_bytes(json.dumps(json.loads(path.read_bytes()), sort_keys=True).encode() + b"\n")


def _extra_field(bundle: Path) -> None:
    rewrite(bundle / "operator_manifest.json", sets(comment="trust me"))


def _other_content(bundle: Path) -> None:
    path = bundle / "operator_manifest.json"
    body = json.loads(path.read_bytes())
    path.write_bytes(readable_bytes({**body, "digest": OTHER}))


def _inner_digest(bundle: Path) -> None:
    path = bundle / PLAN
    body = json.loads(path.read_bytes())
    body["assignments"][0]["recipe"]["steps"] = 5
    body["digest"] = body_digest(body)
    path.write_bytes(readable_bytes(body))


def _other_node_name(bundle: Path) -> None:
    shutil.copy(bundle / f"receipts/replay_{MAC}.json", bundle / f"receipts/replay_{LINUX}.json")


def _unsigned_command(bundle: Path) -> None:
    command = OperatorCommand.seal(
        command_id="stop-1", run_id=RUN_ID, command="stop", reason="enough", created_wall_ms=1,
        operator_public_key=json.loads((bundle / BUNDLE_FILE).read_bytes())["operator_public_key"], signature="0" * 128,
    )  # fmt: skip
    _add("operator_commands/stop-1.json", command.to_bytes())(bundle)


def _act_without_command(records: list[Said]) -> list[Said]:
    body = {"command_id": "stop-1", "command": "pause", "command_digest": OTHER, "reason": "enough"}
    return [*records[:-2], Said("operator_acted", body, records[-2].mono_ms), *records[-2:]]


def _seq_skipped(record: Body) -> None:
    if record["seq"] >= 5:
        record["seq"] += 1


def _run_of_another(record: Body) -> None:
    if record["seq"] == 5:
        record["run_id"] = "forged-run-2"


def _prev_of_another(record: Body) -> None:
    if record["seq"] == 5:
        record["prev"] = OTHER


def _epoch_that_forgets(run: Forge) -> None:
    """A second process of the contributor that names a last line which was never written."""
    opened = dict(run.journals[LINUX].records[0].body)
    opened |= {"previous_file": run.journals[LINUX].file, "previous_tail": OTHER, "pid": 4999}
    from runners.contract.journal import Writer

    writer = Writer(run_id=RUN_ID, node_id=LINUX, role="contributor", revision=0, epoch=1)
    journal = write_journal(writer, [Said("opened", opened, 90_000)], run.key(LINUX))
    (run.paths.mirror / journal.file).write_bytes(journal.to_bytes())


def _head(edit: Body) -> Any:
    return lambda body: body["head"].update(edit)


def _device(**fields: Any) -> Any:
    return device_of(LINUX).model_copy(update=fields)


def _cuda() -> Lies:
    """Told in every document, by a build that has no CUDA."""
    device = _device(backend_label="open_adapter_backend.cuda.gpt_oss_lm_head", kind="cuda", device_label="cuda:0")
    return Lies(devices={LINUX: device})


def _metal() -> Lies:
    device = device_of(MAC).model_copy(
        update={
            "backend_label": "open_adapter_backend.mlx.metal.gpt_oss_lm_head",
            "kind": "metal",
            "device_label": "metal:0",
        }
    )
    return Lies(devices={MAC: device}, documents={f"reports/{MAC}_bringup.json": _says_macos})


def _says_macos(body: Body) -> None:
    """The platform that the framework was built for still tells where it ran."""
    body["machine"]["os"] = "macos"
    next(finding for finding in body["findings"] if finding["rule"] == "os")["value"] = "macos"


def _invented_losses(body: Body) -> None:
    """The gate's own receipt tells them, under the host's own key."""
    receipt = body["gate"]["receipt"]
    receipt["step_losses"] = [loss - 0.5 for loss in receipt["step_losses"]]
    reseal_body(receipt)
    body["gate"]["signature"] = Forge.named(LINUX).sign(GATE_PREFIX + bytes.fromhex(receipt["digest"]))


def _only_cuda(body: Body) -> None:
    body["nodes"][1]["required_devices"] = ["cuda"]


FILES = (
    Defect("extra_file", "nothing_unlisted", after=_add("retained_artifacts/notes.txt", b"hello\n"), resealed=False),
    Defect("meaningless_file_listed", "listing_is_in_order", after=_add("retained_artifacts/notes.txt", b"hello\n")),
    Defect(
        "listed_file_missing", "listed_bytes_are_there", resealed=False,
        after=lambda bundle: (bundle / "audit.md").unlink(),
    ),
    Defect(
        "signature_missing", "bundle_is_signed", resealed=False, after=lambda bundle: (bundle / SIGNATURE_FILE).unlink()
    ),
    Defect(
        "token_in_the_audit", "no_secret_in_any_file",
        after=_append("audit.md", b"token swarm1-" + b"abcdefgh234567" * 4 + b"-0badcafe\n"),
    ),
    Defect(
        "private_key_in_the_audit", "no_secret_in_any_file",
        after=_append("audit.md", b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n"),
    ),
)  # fmt: skip
DOCUMENTS = (
    Defect("other_white_space", "documents_have_their_form", after=_other_white_space),
    Defect("field_that_no_schema_has", "documents_have_their_form", after=_extra_field),
    Defect("digest_of_other_content", "documents_own_their_digest", after=_other_content),
    Defect(
        "inner_digest_of_another_recipe", "documents_own_their_digest", after=_inner_digest,
        also=(
            "digests_bind_the_documents", "assignments_repeat_the_contract", "batches_follow_from_the_recipe",
            "beats_count_up", "receipts_speak_of_this_work", "checkpoints_lead_to_the_adapter",
            "replays_are_about_this_work", "segments_cover_the_work",
        ),
    ),
    Defect("receipt_of_another_node", "paths_name_their_node", document(
        f"retained_artifacts/{LINUX}/contributor_receipt.json", sets(node_id=MAC)
    )),
    Defect(
        "receipt_under_another_name", "paths_name_their_node", after=_other_node_name,
        also=(
            "one_device_from_gate_to_receipt", "execution_is_planned_and_told", "replays_are_about_this_work",
            "segments_cover_the_work", "segment_figures_are_recomputed", "replays_are_journaled_as_they_are",
        ),
    ),
    Defect("another_runs_admission", "one_run_everywhere", document(
        f"receipts/admission_{LINUX}.json", sets(run_id="r-2")
    )),
    Defect("another_windows_replay", "one_run_everywhere", document(
        f"receipts/replay_{MAC}.json", sets(window_id="w-9")
    )),
    Defect("plan_for_another_contract", "one_run_everywhere", document(PLAN, sets(contract_digest=OTHER))),
    Defect(
        "journal_binds_another_plan", "digests_bind_the_documents",
        coordinator(said("plan_bound", sets(plan_digest=OTHER))),
    ),
    Defect(
        "clocks_other_than_the_contracts", "digests_bind_the_documents",
        coordinator(said("run_opened", lambda body: body["policies"].update(stale_ms=60_000))),
    ),
    Defect(
        "two_coordinators", "keys_are_the_same_everywhere",
        document("contract/membership_receipt.json", sets(coordinator_public_key=OTHER)),
    ),
    Defect(
        "report_signed_by_another", "hosts_signed_their_reports",
        lambda: Lies(keys={f"{LINUX}:reports/{LINUX}_bringup.json": "mallory"}),
    ),
    Defect(
        "admission_signed_by_the_other_host", "hosts_signed_their_reports",
        lambda: Lies(keys={f"{LINUX}:receipts/admission_{LINUX}.json": MAC}),
    ),
    Defect("begin_signed_by_another", "coordinator_signed_the_begin", lambda: Lies(keys={"begin": "mallory"})),
    Defect(
        "begin_for_other_assignments", "coordinator_signed_the_begin",
        document("contract/begin.json", sets(assignment_digests=[OTHER])),
    ),
    Defect("command_that_nobody_signed", "operator_signed_the_commands", after=_unsigned_command),
    Defect("act_without_a_command", "operator_signed_the_commands", coordinator(_act_without_command)),
)  # fmt: skip
LAUNCH = (
    Defect("launch_receipt_left_out", "launch_is_kept", after=lambda bundle: (
        bundle / "launch/loopback_launch_receipt.json"
    ).unlink()),
    Defect("launch_of_other_bytes", "launch_receipt_binds_the_manifest", document(
        "launch/loopback_launch_receipt.json", sets(manifest_sha256=OTHER)
    )),
    Defect("launch_of_another_contract", "one_run_everywhere", document(
        "launch/loopback_launch_manifest.json", sets(contract_digest=OTHER)
    )),
    Defect("launch_to_another_endpoint", "launch_speaks_of_this_run", document(
        "launch/loopback_launch_manifest.json", lambda body: body["hosts"][1].update(contract_endpoint="10.0.0.9:22")
    )),
)  # fmt: skip
JOURNALS = (
    Defect("torn_tail", "journals_are_readable", after=_append(LINUX_JOURNAL, b'{"body":')),
    Defect("line_of_another_kind", "journals_are_readable", after=_append(LINUX_JOURNAL, b'{"kind":"party"}\n')),
    Defect("seq_skipped", "records_follow_each_other", lambda: Lies(lines={LINUX: _seq_skipped})),
    Defect("chain_broken", "records_follow_each_other", lambda: Lies(lines={"coordinator": _prev_of_another})),
    Defect("another_runs_records", "records_follow_each_other", lambda: Lies(lines={LINUX: _run_of_another})),
    Defect("journal_signed_by_another", "records_are_signed", lambda: Lies(keys={f"{LINUX} journal": "mallory"})),
    Defect("coordinator_signed_by_a_host", "records_are_signed", lambda: Lies(keys={"coordinator journal": LINUX})),
    Defect("epoch_that_forgets", "epochs_are_linked", lambda: Lies(before_bundle=_epoch_that_forgets)),
    Defect(
        "head_that_never_was", "cited_heads_are_in_the_journals",
        coordinator(said("runner_ready", _head({"sha256": OTHER}), LINUX)),
    ),
    Defect(
        "head_off_a_lines_end", "cited_heads_are_in_the_journals",
        coordinator(said("contribution_seen", lambda body: body["head"].update(offset=body["head"]["offset"] + 1))),
    ),
    Defect("another_process_than_launched", "launches_name_their_journal", coordinator(said("launched", sets(pid=1)))),
)  # fmt: skip
MEMBERS = (
    Defect("cuda_label_in_the_receipt", "labels_name_the_device_that_computed", document(
        f"retained_artifacts/{LINUX}/contributor_receipt.json",
        lambda body: body["device"].update(backend_label="open_adapter_backend.cuda.gpt_oss_lm_head"),
    ), also=("one_device_from_gate_to_receipt", "execution_is_of_the_device_and_software")),
    Defect("cuda_everywhere_on_a_cpu_build", "labels_name_the_device_that_computed", _cuda),
    Defect("metal_everywhere_on_linux", "labels_name_the_device_that_computed", _metal),
    Defect("label_of_no_backend", "labels_name_the_device_that_computed", lambda: Lies(
        devices={LINUX: _device(backend_label="open_adapter_backend.quantum.gpt_oss_lm_head")}
    )),
    Defect("tf32_on_everywhere", "labels_name_the_device_that_computed", lambda: Lies(
        devices={LINUX: _device(tf32=True)}
    )),
    Defect("software_of_the_other_framework", "labels_name_the_device_that_computed", lambda: Lies(
        software={LINUX: software_of(MAC)}
    )),
    Defect("journal_names_a_better_card", "journal_agrees_with_bringup", coordinator(
        said("bringup_received", sets(device_name="NVIDIA GeForce RTX 4080"), LINUX)
    )),
    Defect("gate_without_a_measurement", "bringups_are_true", document(
        f"reports/{LINUX}_bringup.json", sets(gate=None)
    )),
    Defect("gate_losses_invented", "bringups_are_true", document(
        f"reports/{LINUX}_bringup.json", _invented_losses
    )),
    # The bundle keeps only documents that a record names, so the true report and its key are missing then.
    Defect("journal_names_another_report", "records_are_signed", coordinator(
        said("bringup_received", sets(report_digest=OTHER), LINUX)
    ), also=("members_are_the_admitted_nodes", "journaled_things_exist")),
    Defect("trained_on_another_device", "one_device_from_gate_to_receipt", own(
        LINUX, said("ready", lambda body: body["device"].update(device_label="cpu:1"))
    )),
    Defect("device_that_the_lane_refuses", "bringups_are_true", lambda: Lies(contract=_only_cuda)),
    Defect("journal_admits_another_key", "admissions_bind_keys", coordinator(
        said("admission_decided", sets(node_public_key=OTHER), LINUX)
    )),
    Defect("runner_under_another_admission", "admissions_bind_keys", own(
        LINUX, said("opened", sets(admission_digest=OTHER))
    )),
    Defect("host_key_that_nobody_saw", "host_keys_are_the_seen_ones", document(
        f"receipts/admission_{LINUX}.json", sets(host_key_fingerprint="SHA256:other")
    )),
    Defect("member_missing", "members_are_the_admitted_nodes", document(
        "contract/membership_receipt.json", lambda body: body["members"].pop()
    )),
    Defect("member_on_another_report", "members_are_the_admitted_nodes", document(
        "contract/membership_receipt.json", lambda body: body["members"][0].update(bringup_digest=hash_of("x"))
    )),
    Defect("endpoint_invented", "endpoints_are_kept_apart", document(
        "contract/membership_receipt.json", lambda body: body["members"][1].update(observed_endpoint="10.0.0.9:22")
    )),
)  # fmt: skip
DEFECTS = (*FILES, *DOCUMENTS, *LAUNCH, *JOURNALS, *MEMBERS)
