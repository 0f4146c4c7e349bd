"""Each rule of validation, met by one defect of an otherwise real contribution."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from console.validation.adapter import adapter_bytes, read_adapter
from console.validation.rules import judge
from console.validation.submission import UnverifiedSubmission
from console.validation.training_state import losses_in
from runners.contract.canonical import readable_bytes, sha256_hex
from runners.contract.coordinator_records import BringupReceived, ContributionSeen
from runners.contract.journal import Head
from runners.contract.plan import ADAPTER_CONFIG_FILE, ADAPTER_FILE, OUTBOX_FILES, RECEIPT_FILE, FileRef
from runners.contract.receipts import ContributorReceipt
from runners.records.tensors import RawTensor, write_tensors
from runners.training.backend import ignore_step
from runners.training.contribution import contribute
from runners.training.reference_backend import ReferenceBackend
from tests.training.assignments import BASE, assignment_over, lay_ground
from tests.validation.policies import GOVERNANCE

H = "a" * 64
ORIGIN = {"revision": 0, "step": 1, "file": {"name": "step-000001.safetensors", "size_bytes": 1, "sha256": H}}
Change = Callable[[UnverifiedSubmission], UnverifiedSubmission]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> UnverifiedSubmission:
    """A contribution that the reference backend really made."""
    folder = tmp_path_factory.mktemp("ground")
    ground = lay_ground(folder)
    assignment = assignment_over(ground, 0, steps=2, checkpoint_steps=1)
    out, kept = folder / "out", folder / "checkpoints"
    out.mkdir()
    kept.mkdir()
    made = contribute(
        assignment, ReferenceBackend(threads=1, chunk_tokens=64), model_dir=BASE, slice_path=ground.slice_path(0),
        initial_path=ground.initial_path, out_dir=out, checkpoint_dir=kept, on_stage=lambda *_: None,
        on_step=ignore_step,
    )  # fmt: skip
    files = {name: (out / name).read_bytes() for name in OUTBOX_FILES}
    device = ContributorReceipt.read(files[RECEIPT_FILE]).device
    bringup = BringupReceived(
        node_id=assignment.node_id, disposition="ready_to_attempt", reasons=(), report_digest=H,
        backend_label=device.backend_label, device_label=device.device_label, device_name=device.name,
        node_public_key=H,
    )  # fmt: skip
    seen = ContributionSeen(
        node_id=assignment.node_id, manifest_digest=assignment.expected_upload.digest, files=(), produced_wall_ms=1,
        head=Head(file="f", offset=1, sha256=H, next_seq=1),
    )  # fmt: skip
    losses = {ref.step: losses_in(kept / ref.file.name, assignment, ref.step) for ref in made.checkpoints}
    return with_files(
        UnverifiedSubmission(assignment.node_id, {}, seen, assignment, bringup, GOVERNANCE, made.checkpoints, losses),
        files,
    )


def with_files(submission: UnverifiedSubmission, files: dict[str, bytes]) -> UnverifiedSubmission:
    """Files as they would be journaled by whoever made them: the digests are right, whatever the content."""
    refs = tuple(FileRef(name=name, size_bytes=len(raw), sha256=sha256_hex(raw)) for name, raw in files.items())
    seen = submission.seen.model_copy(update={"files": refs})
    return dataclasses.replace(submission, files=files, seen=seen)


def replacing(name: str, make: Callable[[bytes, UnverifiedSubmission], bytes]) -> Change:
    def change(submission: UnverifiedSubmission) -> UnverifiedSubmission:
        raw = make(submission.files[name], submission)
        return with_files(submission, {**submission.files, name: raw})

    return change


def values(edit: Callable[[np.ndarray, np.ndarray], None]) -> Change:
    def make(raw: bytes, submission: UnverifiedSubmission) -> bytes:
        adapter = read_adapter(raw, alpha=1.0, name="a")
        a, b = adapter.a.copy(), adapter.b.copy()
        edit(a, b)
        return adapter_bytes(a, b, adapter.metadata)

    return replacing(ADAPTER_FILE, make)


def shaped(cut: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Change:
    def make(raw: bytes, submission: UnverifiedSubmission) -> bytes:
        adapter = read_adapter(raw, alpha=1.0, name="a")
        return adapter_bytes(*cut(adapter.a, adapter.b), adapter.metadata)

    return replacing(ADAPTER_FILE, make)


def config(**fields: object) -> Change:
    return replacing(ADAPTER_CONFIG_FILE, lambda raw, _: readable_bytes({**json.loads(raw), **fields}))


def receipt(**fields: object) -> Change:
    """A receipt that lies and is sealed all the same."""

    def make(raw: bytes, _: UnverifiedSubmission) -> bytes:
        body = {**json.loads(raw), **fields}
        return ContributorReceipt.seal(**_typed(body)).to_bytes()

    return replacing(RECEIPT_FILE, make)


def _typed(body: dict[str, object]) -> dict[str, object]:
    return {name: _tuples(value) for name, value in body.items() if name != "digest"}


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def device(**fields: object) -> Change:
    def make(raw: bytes, _: UnverifiedSubmission) -> bytes:
        body = json.loads(raw)
        return ContributorReceipt.seal(**_typed({**body, "device": {**body["device"], **fields}})).to_bytes()

    return replacing(RECEIPT_FILE, make)


def other_manifest(submission: UnverifiedSubmission) -> UnverifiedSubmission:
    return dataclasses.replace(submission, seen=submission.seen.model_copy(update={"manifest_digest": "b" * 64}))


def journaled(**fields: object) -> Change:
    def change(submission: UnverifiedSubmission) -> UnverifiedSubmission:
        first, *rest = submission.seen.files
        refs = (first.model_copy(update=fields), *rest)
        return dataclasses.replace(submission, seen=submission.seen.model_copy(update={"files": refs}))

    return change


def missing(submission: UnverifiedSubmission) -> UnverifiedSubmission:
    return dataclasses.replace(submission, files={ADAPTER_FILE: submission.files[ADAPTER_FILE]})


def keeping(**fields: object) -> Change:
    """The receipt is as it was; what the coordinator kept isn't."""
    return lambda submission: dataclasses.replace(submission, **fields)  # type: ignore[arg-type]


def third_tensor(raw: bytes, _: UnverifiedSubmission) -> bytes:
    adapter = read_adapter(raw, alpha=1.0, name="a")
    names = ("base_model.model.lm_head.lora_A.weight", "base_model.model.lm_head.lora_B.weight")
    pairs = zip(names, (adapter.a, adapter.b), strict=True)
    tensors = {name: RawTensor("F32", tuple(m.shape), m.tobytes()) for name, m in pairs}
    return write_tensors({**tensors, "../../x": RawTensor("F32", (0, 0), b"")}, adapter.metadata)


def for_another(raw: bytes, _: UnverifiedSubmission) -> bytes:
    adapter = read_adapter(raw, alpha=1.0, name="a")
    return adapter_bytes(adapter.a, adapter.b, {**adapter.metadata, "swarm_assignment": "b" * 64})


def nan(a: np.ndarray, b: np.ndarray) -> None:
    b[0, 0] = np.nan


def infinite(a: np.ndarray, b: np.ndarray) -> None:
    a[0, 0] = np.inf


def huge(a: np.ndarray, b: np.ndarray) -> None:
    b *= 1e9


DEFECTS: tuple[tuple[str, Change, str, str], ...] = (
    ("another_manifest", other_manifest, "manifest_digest_mismatch", "manifest_is_the_planned_one"),
    ("a_name_nobody_planned", journaled(name="extra.bin"), "artifact_digest_mismatch", "journaled_files"),
    ("another_size", journaled(size_bytes=7), "artifact_digest_mismatch", "size_of_adapter_config.json"),
    ("another_digest", journaled(sha256="b" * 64), "artifact_digest_mismatch", "sha256_of_adapter_config.json"),
    ("a_missing_file", missing, "artifact_digest_mismatch", "file_present"),
    ("no_tensors", replacing(ADAPTER_FILE, lambda *_: b"PK\x03\x04"), "malformed_adapter", "adapter_file"),
    ("a_third_tensor", replacing(ADAPTER_FILE, third_tensor), "malformed_adapter", "adapter_file"),
    ("another_rank", shaped(lambda a, b: (a[:4], b[:, :4])), "malformed_adapter", "tensor_shapes"),
    ("a_shorter_vocabulary", shaped(lambda a, b: (a, b[:-1])), "malformed_adapter", "tensor_shapes"),
    ("two_ranks", shaped(lambda a, b: (a[:4], b)), "malformed_adapter", "adapter_file"),
    ("work_of_another", replacing(ADAPTER_FILE, for_another), "malformed_adapter", "adapter_names_its_assignment"),
    ("nan", values(nan), "insane_values", "values_are_finite"),
    ("infinity", values(infinite), "insane_values", "values_are_finite"),
    ("a_huge_norm", values(huge), "insane_values", "delta_norm"),
    ("another_alpha", config(lora_alpha=32), "malformed_config", "adapter_config"),
    ("another_scaling", config(use_rslora=True), "malformed_config", "adapter_config"),
    ("more_modules", config(modules_to_save=["embed_tokens"]), "malformed_config", "adapter_config"),
    ("another_base", config(base_model_name_or_path="evil/model"), "malformed_config", "adapter_config_base"),
    ("deep_json", replacing(ADAPTER_CONFIG_FILE, lambda *_: b"[" * 100_000), "malformed_config", "adapter_config"),
    ("no_receipt", replacing(RECEIPT_FILE, lambda *_: b"{}\n"), "false_receipt", "contributor_receipt"),
    ("another_run", receipt(run_id="run-x"), "false_receipt", "receipt_run"),
    ("another_node", receipt(node_id="other"), "false_receipt", "receipt_node"),
    ("another_window", receipt(window_id="window-9"), "false_receipt", "receipt_window"),
    ("another_revision", receipt(revision=9), "false_receipt", "receipt_revision"),
    ("another_assignment", receipt(assignment_digest="b" * 64), "false_receipt", "receipt_assignment"),
    ("another_contract", receipt(contract_digest="b" * 64), "false_receipt", "receipt_contract"),
    ("another_start", receipt(initial_adapter_sha256="b" * 64), "false_receipt", "receipt_initial_adapter"),
    ("another_slice", receipt(slice_sha256="b" * 64), "false_receipt", "receipt_slice"),
    ("another_head", receipt(head_sha256="b" * 64), "false_receipt", "receipt_head"),
    ("another_origin", receipt(continued_from=ORIGIN), "false_receipt", "receipt_continued_from"),
    ("no_checkpoint", keeping(checkpoints=()), "broken_lineage", "checkpoint_steps"),
    ("untold_checkpoints", receipt(checkpoints=[]), "broken_lineage", "receipt_checkpoints"),
    ("other_losses", keeping(checkpoint_losses={1: (9.0,)}), "broken_lineage", "losses_up_to_step_1"),
    ("fewer_steps", receipt(steps=1), "false_receipt", "receipt_steps"),
    ("fewer_losses", receipt(step_losses=[1.0]), "false_receipt", "receipt_losses"),
    ("more_samples", receipt(samples_presented=10**6), "false_receipt", "receipt_samples"),
    ("more_distinct_samples", receipt(distinct_samples=10**6), "false_receipt", "receipt_distinct_samples"),
    (
        "another_device",
        device(backend_label="open_adapter_backend.torch.cuda.gpt_oss_lm_head"),
        "false_receipt",
        "receipt_device",
    ),
    ("another_device_label", device(device_label="cuda:0"), "false_receipt", "receipt_device_label"),
    ("another_device_name", device(name="NVIDIA H200"), "false_receipt", "receipt_device_name"),
)


def test_an_honest_contribution_is_as_planned(honest: UnverifiedSubmission) -> None:
    assert judge(honest) == ("as_planned", ())


@pytest.mark.parametrize(("change", "reason", "rule"), [d[1:] for d in DEFECTS], ids=[d[0] for d in DEFECTS])
def test_one_defect_is_refused_for_its_reason(
    change: Change, reason: str, rule: str, honest: UnverifiedSubmission
) -> None:
    got, findings = judge(change(honest))
    assert got == reason
    assert rule in [finding.rule for finding in findings]


def test_a_receipt_for_other_bytes_is_false(honest: UnverifiedSubmission) -> None:
    """An adapter that was changed after its receipt was written, and journaled with its own right digest."""

    def nudge(a: np.ndarray, b: np.ndarray) -> None:
        b[0, 0] += 1e-3

    reason, findings = judge(values(nudge)(honest))
    assert (reason, [finding.rule for finding in findings]) == ("false_receipt", ["receipt_adapter"])


def test_the_shipped_base_is_what_this_rests_on() -> None:
    assert (Path(BASE) / "model.safetensors").is_file()
