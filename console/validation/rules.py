"""Is this submission what the plan asked for? `RULES` from top to bottom is the procedure.

Each rule returns its findings; later rules may rely on what earlier ones established, so the first rule that finds
something ends the reading.
"""

from collections.abc import Callable

import numpy as np

from console.validation.adapter import Adapter, delta_norm, read_adapter, scaled
from console.validation.submission import UnverifiedSubmission
from runners.contract.adapter_config import adapter_config_bytes, read_adapter_config
from runners.contract.canonical import sha256_hex
from runners.contract.coordinator_records import Finding
from runners.contract.errors import ContractError, MalformedBytes
from runners.contract.plan import (
    ADAPTER_CONFIG_FILE,
    ADAPTER_FILE,
    RECEIPT_FILE,
    TENSOR_A,
    TENSOR_B,
    FileRef,
    TensorShape,
    checkpoints_after,
)
from runners.contract.receipts import ContributorReceipt
from runners.records.errors import TensorFileError

Rule = Callable[[UnverifiedSubmission], tuple[Finding, ...]]


def judge(submission: UnverifiedSubmission) -> tuple[str, tuple[Finding, ...]]:
    """The reason word and the findings of the first rule that found something; ("as_planned", ()) otherwise."""
    for reason, rule in RULES:
        findings = rule(submission)
        if findings:
            return reason, findings
    return "as_planned", ()


def _differs(rule: str, expected: object, got: object) -> tuple[Finding, ...]:
    if expected == got:
        return ()
    return (Finding(rule=rule, expected=str(expected)[:1000], got=str(got)[:1000]),)


def manifest_is_the_planned_one(submission: UnverifiedSubmission) -> tuple[Finding, ...]:
    """What was produced must be what the plan expects: names, shapes, dtypes, identity."""
    expected = submission.assignment.expected_upload.digest
    return _differs("manifest_is_the_planned_one", expected, submission.seen.manifest_digest)


def bytes_are_the_journaled_ones(submission: UnverifiedSubmission) -> tuple[Finding, ...]:
    """A digest journaled before the fetch makes a later swap visible."""
    findings: list[Finding] = []
    names = tuple(sorted(ref.name for ref in submission.seen.files))
    findings += _differs("journaled_files", tuple(sorted(submission.assignment.expected_upload.files)), names)
    for ref in submission.seen.files:
        data = submission.files.get(ref.name)
        if data is None:
            findings += _differs("file_present", ref.name, "no such file")
        else:
            findings += _differs(f"size_of_{ref.name}", ref.size_bytes, len(data))
            findings += _differs(f"sha256_of_{ref.name}", ref.sha256, sha256_hex(data))
    return tuple(findings)


def tensors_are_the_planned_ones(submission: UnverifiedSubmission) -> tuple[Finding, ...]:
    """The header of the file itself, not what a journal says about it."""
    try:
        adapter = _adapter(submission)
    except TensorFileError as error:
        return _differs("adapter_file", "a well-formed adapter", error)
    got = (
        TensorShape(name=TENSOR_A, dtype="F32", shape=(adapter.rank, int(adapter.a.shape[1]))),
        TensorShape(name=TENSOR_B, dtype="F32", shape=(int(adapter.b.shape[0]), adapter.rank)),
    )
    expected = submission.assignment.expected_upload.tensors
    named = submission.assignment.digest
    return _differs("tensor_shapes", expected, got) + _differs(
        "adapter_names_its_assignment", named, adapter.metadata.get("swarm_assignment", "nothing")
    )


def values_are_sane(submission: UnverifiedSubmission) -> tuple[Finding, ...]:
    """Finite, and within the norm that the lane admits: one wild contribution must not own the mean."""
    adapter = _adapter(submission)
    if not (np.isfinite(adapter.a).all() and np.isfinite(adapter.b).all()):
        return _differs("values_are_finite", "finite values", "NaN or infinity")
    norm = delta_norm(*scaled(adapter))
    bound = submission.governance.delta_norm_bound
    return () if norm <= bound else _differs("delta_norm", f"at most {bound:g}", f"{norm:g}")


def config_describes_the_adapter(submission: UnverifiedSubmission) -> tuple[Finding, ...]:
    """PEFT reads rank and alpha from here, and silently takes 8 where they are missing."""
    adapter, head = submission.assignment.adapter, submission.assignment.head
    try:
        got = read_adapter_config(submission.files[ADAPTER_CONFIG_FILE], name=ADAPTER_CONFIG_FILE)
    except MalformedBytes as error:
        return _differs("adapter_config", "a plain LoRA of lm_head", error)
    findings = _differs("adapter_config", (adapter.rank, adapter.alpha), got)
    expected = adapter_config_bytes(rank=adapter.rank, alpha=adapter.alpha, base_label=f"sha256:{head.model_digest}")
    same = submission.files[ADAPTER_CONFIG_FILE] == expected
    return findings or (() if same else _differs("adapter_config_base", f"sha256:{head.model_digest}", "another base"))


def receipt_is_about_this_work(submission: UnverifiedSubmission) -> tuple[Finding, ...]:
    """The contributor's own account: this assignment, these bytes, the device that bring-up measured."""
    try:
        receipt = ContributorReceipt.read(submission.files[RECEIPT_FILE])
    except ContractError as error:
        return _differs("contributor_receipt", "a well-formed receipt", error)
    assignment = submission.assignment
    samples = sum(len(batch) for batch in assignment.batches)
    distinct = len({index for batch in assignment.batches for index in batch})
    pairs = (
        ("receipt_run", assignment.run_id, receipt.run_id),
        ("receipt_node", submission.node_id, receipt.node_id),
        ("receipt_window", assignment.window_id, receipt.window_id),
        ("receipt_revision", assignment.revision, receipt.revision),
        ("receipt_assignment", assignment.digest, receipt.assignment_digest),
        ("receipt_contract", assignment.contract_digest, receipt.contract_digest),
        ("receipt_initial_adapter", assignment.initial_adapter.sha256, receipt.initial_adapter_sha256),
        ("receipt_slice", assignment.slice.shard.sha256, receipt.slice_sha256),
        ("receipt_head", assignment.head.sha256, receipt.head_sha256),
        ("receipt_adapter", _ref(submission, ADAPTER_FILE), receipt.adapter),
        ("receipt_adapter_config", _ref(submission, ADAPTER_CONFIG_FILE), receipt.adapter_config),
        ("receipt_device", submission.bringup.backend_label, receipt.device.backend_label),
        ("receipt_device_label", submission.bringup.device_label, receipt.device.device_label),
        ("receipt_device_name", submission.bringup.device_name, receipt.device.name),
        ("receipt_steps", assignment.recipe.steps, receipt.steps),
        ("receipt_losses", assignment.recipe.steps, len(receipt.step_losses)),
        ("receipt_samples", samples, receipt.samples_presented),
        ("receipt_distinct_samples", distinct, receipt.distinct_samples),
        ("receipt_continued_from", assignment.start, receipt.continued_from),
    )
    return tuple(finding for pair in pairs for finding in _differs(*pair))


def checkpoints_lead_to_the_receipt(submission: UnverifiedSubmission) -> tuple[Finding, ...]:
    """One after every segment, as kept, and each holds the losses that the receipt tells up to it."""
    receipt = ContributorReceipt.read(submission.files[RECEIPT_FILE])
    expected = checkpoints_after(submission.assignment.recipe)
    findings = _differs("checkpoint_steps", expected, tuple(ref.step for ref in submission.checkpoints))
    findings += _differs("receipt_checkpoints", submission.checkpoints, receipt.checkpoints)
    for step, losses in submission.checkpoint_losses.items():
        if losses != receipt.step_losses[:step]:
            findings += _differs(f"losses_up_to_step_{step}", "those of the receipt", "others in the checkpoint")
    return findings


def _ref(submission: UnverifiedSubmission, name: str) -> FileRef:
    data = submission.files[name]
    return FileRef(name=name, size_bytes=len(data), sha256=sha256_hex(data))


def _adapter(submission: UnverifiedSubmission) -> Adapter:
    raw = submission.files[ADAPTER_FILE]
    return read_adapter(raw, alpha=submission.assignment.adapter.alpha, name=ADAPTER_FILE)


RULES: tuple[tuple[str, Rule], ...] = (
    ("manifest_digest_mismatch", manifest_is_the_planned_one),
    ("artifact_digest_mismatch", bytes_are_the_journaled_ones),
    ("malformed_adapter", tensors_are_the_planned_ones),
    ("insane_values", values_are_sane),
    ("malformed_config", config_describes_the_adapter),
    ("false_receipt", receipt_is_about_this_work),
    ("broken_lineage", checkpoints_lead_to_the_receipt),
)
