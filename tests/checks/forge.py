"""Makes whole run bundles with keys of its own: true ones, and ones with a single lie that everything else supports.

A run is made in the order in which a real one happens, so a lie told early (a weight, a label, a time) is carried
into every later digest, chain and signature: only the rule about that lie can refuse the bundle. `Lies` names the
places at which one can be told.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from console.aggregation.merge import WeightedAdapter, merge, sample_weights
from console.aggregation.promotion import PUBLISH_REASON, gates
from console.coordination.fold import fold
from console.coordination.lane_file import load_lane
from console.coordination.paths import RunPaths
from console.coordination.planning import Inputs, parts, plan_window
from console.coordination.restore import body_of
from console.coordination.spec import RunSpec
from console.coordination.state import RunState
from console.evidence.bundle import ClosedRun, write_bundle
from console.validation.adapter import Adapter, adapter_bytes
from console.validation.replay_comparison import compare
from runners.contract import receipts
from runners.contract.adapter_config import adapter_config_bytes
from runners.contract.bringup import BringupReport
from runners.contract.canonical import canonical_bytes, readable_bytes, sha256_hex
from runners.contract.coordinator_records import ReplayJudged
from runners.contract.document import Document, word_from_json
from runners.contract.jobs import CutResult, CutSlice
from runners.contract.journal import Writer, parse_line
from runners.contract.lane import RunContract
from runners.contract.plan import ADAPTER_CONFIG_FILE as CONFIG
from runners.contract.plan import ADAPTER_FILE as ADAPTER
from runners.contract.plan import RECEIPT_FILE as RECEIPT
from runners.contract.plan import FileRef, HeadIdentity, WindowPlan
from runners.contract.shard_manifest import CaptureRecord, ShardManifest
from runners.contract.states import Disposition
from runners.records.keys import SigningKey
from runners.records.tensors import RawTensor, write_tensors
from tests.checks.forged_bringup import report_fields
from tests.checks.forged_contributor import contributor_records
from tests.checks.forged_coordination import coordinator_records
from tests.checks.forged_hosts import MAC, NODES, RUN_ID, STEPS, device_of, endpoint_of, hash_of, software_of
from tests.checks.forged_journal import ForgedJournal, Said, write_journal
from tests.checks.forged_previous import cite_previous
from tests.checks.lies import Lies, Records
from tests.checks.resealing import Body, operator_key_file, reseal_body, sized
from tests.checks.tiny_training import TinyShard, Trained, Weights, make_shard, mean_loss, train

VOCABULARY, WIDTH, RANK, ALPHA = 32, 8, 2, 4.0
TOKENIZER = b'{"model": "forged"}\n'  # bytes of the checkpoint's only tokenizer file
TOKENIZER_DIGEST = sha256_hex(canonical_bytes({"files": {"tokenizer.json": sha256_hex(TOKENIZER)}}))
FARTHEST = 1e6  # a receipt holds finite figures only, also where a lie makes the reference delta zero
D = TypeVar("D", bound=Document)


class Forge:
    """One run, made in memory and in `root`."""

    def __init__(self, root: Path, lies: Lies | None = None) -> None:
        self.lies = lies or Lies()
        self.contract = self._contract()
        self.paths = RunPaths.of(root, RUN_ID, self.contract)
        self.paths.make()
        self.head: NDArray[np.float32] = np.random.default_rng(7).standard_normal((VOCABULARY, WIDTH)).astype("f4")
        self.documents: dict[str, Any] = {}
        self.results: dict[str, Trained] = {}
        self.replays: dict[str, Trained] = {}
        self.journals: dict[str, ForgedJournal] = {}
        self.previous_digest = ""

    def key(self, who: str) -> SigningKey:
        name = self.lies.keys.get(who, who).removesuffix(" again")
        return SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest()))

    @property
    def public(self) -> dict[str, str]:
        return {who: Forge.named(who).public_hex for who in ("coordinator", "operator", *NODES)}

    @staticmethod
    def named(who: str) -> SigningKey:
        return SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(who.encode()).digest()))

    def device(self, node: str) -> receipts.Device:
        return self.lies.devices.get(node) or device_of(node)

    def software(self, node: str) -> receipts.Software:
        return self.lies.software.get(node) or software_of(node)

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
        self._plan()
        for node in NODES:
            self._bring_up(node)
            self._admit(node)
        self._membership()
        self._begin()
        for node in NODES:
            self._contribute(node)
            self._replay(node)
        self._merge()
        self._score()
        self._promote()
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

    def _contract(self) -> RunContract:
        body = load_lane("loopback").to_json()
        body["adapter"] |= {"rank": RANK, "alpha": ALPHA}
        body["recipe"] |= {"steps": STEPS, "batch_samples": 4, "learning_rate": 0.05}
        body["governance"] |= {"minimum_improvement": 0.01}
        if self.lies.contract:
            self.lies.contract(body)
        reseal_body(body)
        return word_from_json(RunContract, body)

    def _plan(self) -> None:
        self.train_shard = make_shard(1, 16, WIDTH, VOCABULARY)
        self.held_out = make_shard(2, 8, WIDTH, VOCABULARY)
        train_file = _ref("shard.safetensors", shard_bytes(self.train_shard))
        held_out_file = self.store("retained_artifacts/held_out.safetensors", shard_bytes(self.held_out))
        manifests = [
            self._manifest(split, shard, file)
            for split, shard, file in (
                ("train", self.train_shard, train_file),
                ("held_out", self.held_out, held_out_file),
            )
        ]
        slices = []
        for part in parts(self.contract, len(manifests[0].sample_ids)):
            piece = self.train_shard.take(part.sample_indices)
            file = self.store(f"retained_artifacts/{part.name}", shard_bytes(piece))
            slices.append(CutSlice(file=file, tokens=len(piece.targets), samples=len(part.sample_indices)))
        self.start = start_of(self.contract.recipe.seed)
        zero = np.zeros((VOCABULARY, RANK), np.float32)
        initial = self.store(
            "retained_artifacts/initial_adapter.safetensors", adapter_bytes(self.start, zero, {"format": "pt"})
        )
        cut = CutResult(slices=tuple(slices), initial_adapter=initial)
        plan = plan_window(
            self.contract, RUN_ID, self.lies.revision, Inputs(manifests[0], manifests[1], held_out_file, cut)
        )
        fields = {name: getattr(plan, name) for name in WindowPlan.model_fields if name != "digest"}
        path = "contract/window_plan.json"
        self.plan = self.seal(path, self.paths.documents / "window_plan.json", WindowPlan, **fields)

    def _manifest(self, split: str, shard: TinyShard, file: FileRef) -> ShardManifest:
        capture = CaptureRecord(
            framework="transformers", framework_version="5.23.0", array_library="torch@2.13.0+cpu",
            device_label="cpu:0", compute_dtype="f32", expert_dtype="F32", stored_dtype="F32",
            way="whole_model", batch_size=4, threads=1,
        )  # fmt: skip
        head = HeadIdentity(
            model_digest=hash_of("model"), tokenizer_digest=TOKENIZER_DIGEST, tensor="lm_head.weight",
            dtype="F32", vocab_size=VOCABULARY, hidden_size=WIDTH, sha256=sha256_hex(self.head.tobytes()), tied=False,
        )  # fmt: skip
        return self.seal(
            f"contract/{split}_manifest.json", self.paths.documents / f"{split}_manifest.json", ShardManifest,
            split=split, dataset_ref=self.contract.data.dataset_ref, dataset_sha256=hash_of(split), head=head,
            sample_ids=tuple(f"{split}-{index}" for index in range(len(shard.offsets) - 1)),
            tokens=len(shard.targets), prompt_template="{prompt}", capture=capture, files=(file,),
        )  # fmt: skip

    def _bring_up(self, node: str) -> None:
        path = f"reports/{node}_bringup.json"
        fields = report_fields(
            self.contract, self.contract.node(node), self.key(node), self.device(node), self.software(node),
            run_id=RUN_ID, head_sha256=self.plan.head.sha256,
        )  # fmt: skip
        report = self.seal(path, self.paths.reports / f"{node}_bringup.json", BringupReport, **fields)
        self._sign(path, node, b"swarm.bringup_report.v1\0", report, self.paths.reports)

    def _admit(self, node: str) -> None:
        path = f"receipts/admission_{node}.json"
        receipt = self.seal(
            path, self.paths.receipts / f"admission_{node}.json", receipts.AdmissionReceipt,
            run_id=RUN_ID, node_id=node, role="contributor", contract_digest=self.contract.digest,
            coordinator_public_key=self.public["coordinator"], node_public_key=self.public[node],
            host_key_fingerprint="local" if node == MAC else "SHA256:forged", coordinator_nonce=hash_of("n1" + node),
            node_nonce=hash_of("n2" + node), token_custody="handed_over", admitted_wall_ms=1_790_000_000_400,
        )  # fmt: skip
        self._sign(path, node, b"swarm.admission_receipt.v1\0", receipt, self.paths.receipts)

    def _sign(self, path: str, node: str, prefix: bytes, document: Document, folder: Path) -> None:
        signature = self.key(f"{node}:{path}" if f"{node}:{path}" in self.lies.keys else node)
        data = signature.sign(prefix + bytes.fromhex(document.digest)).encode() + b"\n"
        (folder / f"{Path(path).name}.sig").write_bytes(data)

    def _membership(self) -> None:
        members = []
        for contract in self.contract.contributors:
            node = contract.node_id
            report, admission = (
                self.documents[f"reports/{node}_bringup.json"],
                self.documents[f"receipts/admission_{node}.json"],
            )
            members.append(
                receipts.Member(
                    node_id=node,
                    roles=contract.roles,
                    node_public_key=report.node_public_key,
                    backend_label=report.device.backend_label,
                    device_label=report.device.device_label,
                    contract_endpoint=f"{contract.host_alias}:{contract.cluster_port}",
                    observed_endpoint=endpoint_of(node),
                    bringup_digest=report.digest,
                    admission_digest=admission.digest,
                )
            )
        self.membership = self.seal(
            "contract/membership_receipt.json", self.paths.documents / "membership_receipt.json",
            receipts.MembershipReceipt, run_id=RUN_ID, contract_digest=self.contract.digest,
            coordinator_public_key=self.public["coordinator"], members=tuple(members),
            observed_wall_ms=1_790_000_000_500,
        )  # fmt: skip

    def _begin(self) -> None:
        begin: Body = {
            "run_id": RUN_ID,
            "window_id": self.plan.window_id,
            "revision": self.lies.revision,
            "contract_digest": self.contract.digest,
            "assignment_digests": [item.digest for item in self.plan.assignments],
        }
        if "contract/begin.json" in self.lies.documents:
            self.lies.documents["contract/begin.json"](begin)
        said = canonical_bytes(begin)
        self.begin_digest = sha256_hex(said)
        signature = self.key("begin" if "begin" in self.lies.keys else "coordinator").sign(b"swarm.begin.v1\0" + said)
        kept = readable_bytes({"begin": begin, "signature": signature})
        (self.paths.documents / "begin.json").write_bytes(kept)

    def _train(self, node: str, rounding: type[np.floating]) -> Trained:
        index = NODES.index(node)
        samples = parts(self.contract, 16)[index].sample_indices
        assignment = self.plan.assignment(node)
        shard = self.train_shard.take(samples)
        return train(
            self.head, shard, self.start, self.contract.adapter, self.contract.recipe, assignment.batches, rounding
        )

    def _contribute(self, node: str) -> None:
        assignment = self.plan.assignment(node)
        result = self._train(node, np.float32 if node == MAC else np.float64)
        if self.lies.trained:
            result = self.lies.trained(self, node, result)
        self.results[node] = result
        raw = adapter_bytes(result.a, result.b, {"format": "pt", "swarm_assignment": assignment.digest})
        adapter = self.store(f"retained_artifacts/{node}/{ADAPTER}", raw)
        config_raw = adapter_config_bytes(rank=RANK, alpha=ALPHA, base_label="forged")
        config = self.store(f"retained_artifacts/{node}/{CONFIG}", config_raw)
        batches = assignment.batches
        self.seal(
            f"retained_artifacts/{node}/{RECEIPT}", self.paths.artifacts / node / RECEIPT, receipts.ContributorReceipt,
            run_id=RUN_ID, window_id=self.plan.window_id, revision=self.lies.revision, node_id=node,
            assignment_digest=assignment.digest, contract_digest=self.contract.digest, device=self.device(node),
            software=self.software(node), initial_adapter_sha256=assignment.initial_adapter.sha256,
            slice_sha256=assignment.slice.shard.sha256, head_sha256=assignment.head.sha256, adapter=adapter,
            adapter_config=config, steps=STEPS, samples_presented=sum(len(batch) for batch in batches),
            distinct_samples=len({index for batch in batches for index in batch}), tokens_presented=64,
            step_losses=result.losses, started_wall_ms=1_790_000_002_000, finished_wall_ms=1_790_000_005_000,
            train_seconds=3.0,
        )  # fmt: skip

    def _replay(self, node: str) -> None:
        assignment = self.plan.assignment(node)
        result = self._train(node, np.float32)
        if self.lies.replayed:
            result = self.lies.replayed(self, node, result)
        self.replays[node] = result
        raw = adapter_bytes(result.a, result.b, {"format": "pt", "swarm_assignment": assignment.digest})
        file = self.store(f"retained_artifacts/replayed_{node}/{ADAPTER}", raw)
        receipt = self.documents[f"retained_artifacts/{node}/{RECEIPT}"]
        governance = self.contract.governance
        device = self.device(MAC)
        comparison = compare(
            self.adapter(self.results[node]), receipt.step_losses, self.adapter(result), result.losses, governance,
            same_backend=receipt.device == device,
        )  # fmt: skip
        self.seal(
            f"receipts/replay_{node}.json", self.paths.receipts / f"replay_{node}.json", receipts.ReplayReceipt,
            run_id=RUN_ID, window_id=self.plan.window_id, revision=self.lies.revision, node_id=node,
            assignment_digest=assignment.digest, contributor_backend_label=receipt.device.backend_label,
            replay_device=device, replay_software=self.software(MAC), contribution_sha256=receipt.adapter.sha256,
            replayed_adapter=file, outcome=comparison.outcome,
            relative_difference=min(comparison.relative_difference, FARTHEST),
            relative_bound=governance.replay_relative_bound,
            max_loss_difference=comparison.max_loss_difference, loss_bound=governance.replay_loss_bound,
            step_losses=result.losses, replay_seconds=1.5,
        )  # fmt: skip

    def adapter(self, trained: Trained) -> Adapter:
        return Adapter(trained.a, trained.b, ALPHA, {})

    def _merge(self) -> None:
        counts = {node: len(self.plan.assignment(node).slice.sample_ids) for node in sorted(NODES)}
        weights = sample_weights(counts)
        outcome = merge(tuple(WeightedAdapter(self.adapter(self.results[node]), w) for node, w in weights.items()))
        self.merged = self.lies.merged(self, outcome.merged) if self.lies.merged else outcome.merged
        raw = adapter_bytes(self.merged.a, self.merged.b, {"format": "pt", "swarm_window": self.plan.digest})
        adapter = self.store(f"retained_artifacts/merged/{ADAPTER}", raw)
        config = json.loads(adapter_config_bytes(rank=RANK, alpha=ALPHA, base_label="forged"))
        config |= {"r": self.merged.rank, "lora_alpha": self.merged.alpha}
        config_file = self.store(f"retained_artifacts/merged/{CONFIG}", readable_bytes(config))
        shares = tuple(
            receipts.MergedContribution(
                node_id=node,
                adapter_sha256=self.documents[f"retained_artifacts/{node}/{RECEIPT}"].adapter.sha256,
                samples=counts[node],
                weight_numerator=weight.numerator,
                weight_denominator=weight.denominator,
            )
            for node, weight in weights.items()
        )
        self.seal(
            "retained_artifacts/merged_artifact_report.json", self.paths.artifacts / "merged_artifact_report.json",
            receipts.MergeReport, run_id=RUN_ID, window_id=self.plan.window_id,
            rule="weighted_mean_of_deltas.rank_stacking", contributions=shares, merged_adapter=adapter,
            merged_adapter_config=config_file, rank=self.merged.rank, alpha=self.merged.alpha,
            delta_norm=outcome.delta_norm, residual=outcome.residual,
        )  # fmt: skip

    def _score(self) -> None:
        scale = ALPHA / RANK
        subjects: list[tuple[str, Weights | None]] = [("base", None)]
        subjects += [(node, (self.results[node].a, self.results[node].b)) for node in sorted(NODES)]
        subjects += [("merge", (self.merged.a, self.merged.b))]
        scores = tuple(
            receipts.HeldOutScore(
                subject=name,
                mean_loss=mean_loss(self.head, self.held_out, weights, scale),
                tokens=len(self.held_out.targets),
            )
            for name, weights in subjects
        )
        self.scores = self.seal(
            "receipts/score.json", self.paths.receipts / "score.json", receipts.ScoreReceipt, run_id=RUN_ID,
            window_id=self.plan.window_id, held_out_sha256=self.plan.held_out_shard.sha256, device=self.device(MAC),
            scores=scores,
        )  # fmt: skip

    def _promote(self) -> None:
        replays = {node: word_from_json(ReplayJudged, self.replay_record(node)) for node in NODES}
        accepted = dict.fromkeys(NODES, Disposition.ACCEPTED)
        values = gates(accepted, replays, self.scores.scores, self.contract.governance)
        self.promotion = self.seal(
            "receipts/promotion.json", self.paths.receipts / "promotion.json", receipts.PromotionReceipt,
            run_id=RUN_ID, window_id=self.plan.window_id,
            disposition="promoted" if all(gate.passed for gate in values) else "held", gates=values,
            merged_adapter_sha256=self.documents["retained_artifacts/merged_artifact_report.json"].merged_adapter.sha256,
            publish_disposition="refused", publish_reason=PUBLISH_REASON,
        )  # fmt: skip

    def replay_record(self, node: str) -> Body:
        receipt = self.documents[f"receipts/replay_{node}.json"]
        body: Body = receipt.to_json()
        names = ("node_id", "outcome", "relative_difference", "relative_bound", "max_loss_difference", "loss_bound")
        return {
            **{name: body[name] for name in names},
            "backend_label": receipt.replay_device.backend_label,
            "receipt_digest": receipt.digest,
            "replayed_sha256": receipt.replayed_adapter.sha256,
            "detail": "",
        }

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


def start_of(seed: int) -> NDArray[np.float32]:
    words = np.random.Philox(key=seed).random_raw(RANK * WIDTH)
    unit = (words >> np.uint64(40)).astype(np.float64) / 2**24
    start: NDArray[np.float32] = ((2 * unit - 1) / np.sqrt(WIDTH)).astype(np.float32).reshape(RANK, WIDTH)
    return start


def shard_bytes(shard: TinyShard) -> bytes:
    arrays: dict[str, tuple[str, NDArray[Any]]] = {
        "hidden_states": ("F32", shard.hidden),
        "target_ids": ("I32", shard.targets),
        "sample_offsets": ("I64", shard.offsets),
    }
    tensors = {name: RawTensor(kind, array.shape, array.tobytes()) for name, (kind, array) in arrays.items()}
    return write_tensors(tensors, {"format": "swarm.shard.v1"})


def _ref(name: str, data: bytes) -> FileRef:
    return FileRef(name=name, **sized(data))
