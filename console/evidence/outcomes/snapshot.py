"""The files of a published snapshot, as bytes. Equal bundles and checkpoints give equal bytes."""

from console.evidence.lane_documents.places import PUBLISH_REPO
from console.evidence.outcomes.closed_bundle import ClosedBundle
from console.evidence.outcomes.mlx_adapter import mlx_adapter_files
from console.evidence.outcomes.model_card import model_card
from console.evidence.outcomes.publication import (
    MANIFEST_FILE,
    TARGET,
    CompatibilityContract,
    PublishedFile,
    PublishManifest,
    Surface,
    TokenizerContract,
)
from console.validation.adapter import read_adapter
from runners.contract.canonical import sha256_hex
from runners.contract.plan import ADAPTER_CONFIG_FILE, ADAPTER_FILE

SURFACES = (
    Surface(
        surface="peft",
        supported=True,
        detail="PeftModel.from_pretrained on the base loads this folder as it is; the report's gate measured it",
    ),
    Surface(
        surface="mlx_lm",
        supported=True,
        detail="mlx_lm's load_adapters reads the subfolder mlx, on the base converted to mlx-lm's layout of experts",
    ),
    Surface(surface="merged_checkpoint", supported=False, detail="no full weights are written: the base stays apart"),
    Surface(surface="gguf", supported=False, detail="not written"),
)


def snapshot_files(run: ClosedBundle, tokenizer: TokenizerContract) -> dict[str, bytes]:
    """Path inside the snapshot -> bytes; PEFT's two files are the bundle's own, byte for byte."""
    report = run.merge_report
    assert report is not None and run.plan is not None
    merged = run.folder / "retained_artifacts" / "merged"
    peft = {name: (merged / name).read_bytes() for name in (ADAPTER_FILE, ADAPTER_CONFIG_FILE)}
    adapter = read_adapter(peft[ADAPTER_FILE], alpha=report.alpha, name=ADAPTER_FILE)
    files = {
        **peft,
        **{f"mlx/{name}": data for name, data in mlx_adapter_files(adapter).items()},
        "README.md": model_card(run).encode(),
        "compatibility_contract.json": _compatibility(run).to_bytes(),
        "tokenizer_contract.json": tokenizer.to_bytes(),
    }
    return {**files, MANIFEST_FILE: _manifest(run, files).to_bytes()}


def _compatibility(run: ClosedBundle) -> CompatibilityContract:
    assert run.plan is not None and run.merge_report is not None
    head = run.plan.head
    return CompatibilityContract.seal(
        adapter_family=run.contract.adapter.family,
        model_digest=head.model_digest,
        head_sha256=head.sha256,
        vocab_size=head.vocab_size,
        hidden_size=head.hidden_size,
        rank=run.merge_report.rank,
        alpha=run.merge_report.alpha,
        surfaces=SURFACES,
    )


def _manifest(run: ClosedBundle, files: dict[str, bytes]) -> PublishManifest:
    assert run.merge_report is not None
    return PublishManifest.seal(
        publish_id=run.places.publish_id,
        target=TARGET,
        repo_id=PUBLISH_REPO,
        run=run.citation,
        merge_report_digest=run.merge_report.digest,
        merged_adapter_sha256=run.merge_report.merged_adapter.sha256,
        files=tuple(
            PublishedFile(path=path, size_bytes=len(data), sha256=sha256_hex(data))
            for path, data in sorted(files.items())
        ),
    )
