"""Is this published snapshot the promoted merge of the cited run, byte for byte, and was it let out by its gates?"""

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from console.evidence.checks.folder import FileRead, Folder
from console.evidence.checks.lane import names
from console.evidence.checks.outcomes import rules_citation, rules_gates
from console.evidence.checks.outcomes.document_shapes import COMPATIBILITY, MANIFEST, PUBLICATION, TOKENIZER
from console.evidence.checks.outcomes.outcome import Body, Outcome, Rule, digest_holds, judge, read_document
from console.evidence.checks.shapes import Shape
from console.evidence.checks.stored import UnreadableError, canonical, parse_stored, sha256_hex
from console.evidence.checks.tensors import read_header
from console.evidence.checks.unasked_files import whose
from console.evidence.checks.verdict import Mismatch, Verdict, differs

REPORT_FILES = "*_local_snapshot_publication_v1.json"
FIRST_REPORT = names.publication_report(names.FIRST_LANE)
TARGET, REPO_ID = "hugging_face_snapshot", names.PUBLISH_REPO
MERGED = "retained_artifacts/merged"
DOCUMENTS: dict[str, Shape] = {
    "publish_manifest.json": MANIFEST,
    "compatibility_contract.json": COMPATIBILITY,
    "tokenizer_contract.json": TOKENIZER,
}
FILES = (
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "compatibility_contract.json",
    "mlx/adapter_config.json",
    "mlx/adapters.safetensors",
    "tokenizer_contract.json",
)
CARD_ROW = re.compile(r"^\| ([A-Za-z0-9-]+) \| (\d+\.\d{6}) \|$", re.MULTILINE)


class Publication(Outcome):
    """The report, and the snapshot that lies under its folder."""

    @cached_property
    def place(self) -> str:
        """Of the lane that the report speaks of: another lane's snapshot is another one."""
        return names.snapshot_dir(self.body["lane_id"])

    @cached_property
    def snapshot(self) -> Folder:
        return Folder(self.path.parent / self.place)

    @cached_property
    def documents(self) -> dict[str, tuple[Body, Mismatch | None]]:
        return {name: read_document(self.snapshot, name, shape) for name, shape in DOCUMENTS.items()}

    def document(self, name: str) -> Body:
        return self.documents[name][0]

    def content(self, path: str) -> bytes:
        return self.snapshot.content(path) or b""


def check_publication(path: Path, *, bundle: Path | None = None, allowed_signers: Path | None = None) -> Verdict:
    """`path` is the report, or the folder that holds it."""
    path = next(iter(sorted(path.glob(REPORT_FILES))), path / FIRST_REPORT) if path.is_dir() else path
    outcome = Publication(path, PUBLICATION, bundle, allowed_signers)
    return judge(outcome, (*rules_citation.FIRST, *FIRST), (*rules_citation.THEN, *RULES))


def read_report(path: Path) -> Body:
    """The report's body for whoever cites it; empty where it can't be read."""
    return read_document(Folder(path.parent), path.name, PUBLICATION)[0]


def snapshot_is_there(o: Outcome) -> Iterator[Mismatch]:
    """At the place that the report names, which is the lane's only one."""
    assert isinstance(o, Publication)
    yield from differs("publication file name", names.publication_report(o.body["lane_id"]), o.path.name)
    yield from differs(f"{o.where} published_snapshot_root", o.place, o.body["published_snapshot_root"])
    for path in (*FILES, "publish_manifest.json"):
        if path not in o.snapshot.files:
            yield Mismatch(f"{o.place}/{path}", "a plain file", "no such file")


def snapshot_documents_are_readable(o: Outcome) -> Iterator[Mismatch]:
    """Closed fields, stored form, own digest."""
    assert isinstance(o, Publication)
    for name, (body, wrong) in o.documents.items():
        if wrong:
            yield wrong
        else:
            yield from digest_holds(name, body)


def nothing_else_lies_in_the_snapshot(o: Outcome) -> Iterator[Mismatch]:
    """Whoever uploads the folder uploads all of it."""
    assert isinstance(o, Publication)
    for path in sorted({*o.snapshot.files, *o.snapshot.refused} - {*FILES, "publish_manifest.json"}):
        yield Mismatch(f"{o.place}/{path}", "only the files of a snapshot", f"another one{whose(path)}")


def manifest_lists_the_bytes(o: Outcome) -> Iterator[Mismatch]:
    """Size and sha256 of every other file."""
    assert isinstance(o, Publication)
    listed = o.document("publish_manifest.json")["files"]
    yield from differs("publish_manifest.json files", list(FILES), [item["path"] for item in listed])
    for item in listed:
        got = o.snapshot.read(item["path"]) if item["path"] in o.snapshot.files else None
        if isinstance(got, FileRead):
            where = f"publish_manifest.json {item['path']}"
            yield from differs(f"{where} sha256", got.sha256, item["sha256"])
            yield from differs(f"{where} size_bytes", got.size, item["size_bytes"])


def manifest_is_the_reports(o: Outcome) -> Iterator[Mismatch]:
    """Report, manifest and run agree on what was published under which name."""
    assert isinstance(o, Publication)
    manifest, merge = o.document("publish_manifest.json"), o.e.merge_report
    yield from differs(f"{o.where} publish_manifest_digest", manifest["digest"], o.body["publish_manifest_digest"])
    yield from differs("publish_manifest.json run", o.body["run"], manifest["run"])
    for name, expected in (
        ("publish_id", names.publish_id(o.body["lane_id"])),
        ("target", TARGET),
        ("repo_id", REPO_ID),
    ):
        yield from differs(f"{o.where} {name}", expected, o.body[name])
        yield from differs(f"publish_manifest.json {name}", expected, manifest[name])
    yield from differs(f"{o.where} plan_digest", o.e.plan and o.e.plan["digest"], o.body["plan_digest"])
    yield from differs(
        "publish_manifest.json merge_report_digest", merge and merge["digest"], manifest["merge_report_digest"]
    )


def adapter_is_the_merge(o: Outcome) -> Iterator[Mismatch]:
    """PEFT's two files are the bundle's merged files, byte for byte."""
    assert isinstance(o, Publication)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        theirs, ours = o.e.file_of(f"{MERGED}/{name}"), o.snapshot.read(name)
        got = ours.sha256 if isinstance(ours, FileRead) else "unreadable"
        yield from differs(f"{o.place}/{name}", theirs.sha256 if theirs else "no merge", got)
    merged = o.e.file_of(f"{MERGED}/adapter_model.safetensors")
    cited = o.document("publish_manifest.json")["merged_adapter_sha256"]
    yield from differs("publish_manifest.json merged_adapter_sha256", merged.sha256 if merged else "no merge", cited)


def mlx_adapter_is_the_same_delta(o: Outcome) -> Iterator[Mismatch]:
    """Transposed factors of the merge, and alpha / r as scale: nothing trained again, nothing rounded."""
    assert isinstance(o, Publication)
    adapter, report = o.e.adapters.get(f"{MERGED}/adapter_model.safetensors"), o.e.merge_report
    if adapter is None or report is None:
        return
    raw = o.content("mlx/adapters.safetensors")
    try:
        entries = read_header(raw, len(raw)).entries
        config = parse_stored(o.content("mlx/adapter_config.json"))
    except UnreadableError as error:
        yield Mismatch("mlx", error.expected, error.got)
        return
    expected = {"lm_head.lora_a": adapter.a.T, "lm_head.lora_b": adapter.b.T}
    yield from differs("mlx/adapters.safetensors tensors", sorted(expected), sorted(entries))
    for name, matrix in expected.items():
        entry = entries.get(name)
        if entry is None or (entry.dtype, entry.shape) != ("F32", matrix.shape):
            yield Mismatch(f"mlx/adapters.safetensors {name}", f"F32 {matrix.shape}", str(entry))
        elif np.ascontiguousarray(matrix, dtype="<f4").tobytes() != raw[entry.begin : entry.end]:
            yield Mismatch(f"mlx/adapters.safetensors {name}", "the merge's factor, transposed", "other values")
    scale = report["alpha"] / report["rank"]
    parameters = {"rank": report["rank"], "scale": scale, "dropout": 0.0, "keys": ["lm_head"]}
    told = {"fine_tune_type": "lora", "num_layers": 0, "lora_parameters": parameters}
    yield from differs("mlx/adapter_config.json", told, config)


def contracts_are_the_plans(o: Outcome) -> Iterator[Mismatch]:
    """The snapshot fits the head and the tokenizer that the window was planned on."""
    assert isinstance(o, Publication)
    plan, report, contract = o.e.plan, o.e.merge_report, o.e.contract
    if plan is None or report is None or contract is None:
        return
    head, said = plan["head"], o.document("compatibility_contract.json")
    expected = {
        "adapter_family": contract["adapter"]["family"],
        "model_digest": head["model_digest"],
        "head_sha256": head["sha256"],
        "vocab_size": head["vocab_size"],
        "hidden_size": head["hidden_size"],
        "rank": report["rank"],
        "alpha": report["alpha"],
    }
    for name, value in expected.items():
        yield from differs(f"compatibility_contract.json {name}", value, said[name])
    surfaces = {item["surface"]: item["supported"] for item in said["surfaces"]}
    known = {"peft": True, "mlx_lm": True, "merged_checkpoint": False, "gguf": False}
    yield from differs("compatibility_contract.json surfaces", known, surfaces)
    tokenizer = o.document("tokenizer_contract.json")
    yield from differs("tokenizer_contract.json vocab_size", head["vocab_size"], tokenizer["vocab_size"])
    digest = head["tokenizer_digest"]
    yield from differs("tokenizer_contract.json tokenizer_digest", digest, tokenizer["tokenizer_digest"])


def tokenizer_digest_is_over_its_files(o: Outcome) -> Iterator[Mismatch]:
    """The plan's digest is over names and digests of the files, so the listed ones must give it."""
    assert isinstance(o, Publication)
    said = o.document("tokenizer_contract.json")
    files = {item["name"]: item["sha256"] for item in said["files"]}
    expected = sha256_hex(canonical({"files": files}))
    yield from differs("tokenizer_contract.json files", expected, said["tokenizer_digest"])


def model_card_has_the_runs_figures(o: Outcome) -> Iterator[Mismatch]:
    """The readable page tells the same losses, and cites the bundle."""
    assert isinstance(o, Publication)
    text = o.content("README.md").decode("utf-8", "replace")
    receipt = o.e.documents.get("receipts/score.json")
    expected = {item["subject"]: f"{item['mean_loss']:.6f}" for item in receipt["scores"]} if receipt else {}
    yield from differs("README.md figures", expected, dict(CARD_ROW.findall(text)))
    if o.e.bundle["digest"] not in text:
        yield Mismatch("README.md", f"the digest of the bundle {o.e.bundle['digest']}", "no such text")


FIRST: tuple[Rule, ...] = (snapshot_is_there, snapshot_documents_are_readable)
RULES: tuple[Rule, ...] = (
    nothing_else_lies_in_the_snapshot,
    rules_gates.run_was_promoted,
    manifest_lists_the_bytes,
    manifest_is_the_reports,
    adapter_is_the_merge,
    mlx_adapter_is_the_same_delta,
    contracts_are_the_plans,
    tokenizer_digest_is_over_its_files,
    rules_gates.gates_are_met,
    rules_gates.peft_gate_follows_from_its_figures,
    model_card_has_the_runs_figures,
)
