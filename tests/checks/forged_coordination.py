"""What the coordinator of a forged run says, in the order of a real one."""

from typing import TYPE_CHECKING, Any

from runners.contract.journal import Head
from tests.checks.forged_hosts import MAC, NODES, endpoint_of
from tests.checks.forged_journal import Said
from tests.checks.forged_training import replay_record

if TYPE_CHECKING:
    from tests.checks.forge import Forge

Body = dict[str, Any]
ZERO = 900_000


def coordinator_records(run: "Forge") -> list[Said]:
    """Every record from `run_opened` to `closed`, with the heads that it rests on."""
    script = _Script(run)
    script.opening()
    script.preparing()
    script.collecting()
    script.validating()
    script.aggregating()
    script.closing()
    return script.said


class _Script:
    def __init__(self, run: "Forge") -> None:
        self.run = run
        self.nodes = NODES
        self.said: list[Said] = []
        self.window = "planned"
        self.heads: dict[str, Head] = {}

    def say(self, at_ms: int, kind: str, **body: Any) -> None:
        self.said.append(Said(kind, body, ZERO + at_ms))

    def change(self, at_ms: int, after: str, reason: str) -> None:
        heads = [self.heads[node].to_json() for node in sorted(self.heads)]
        self.say(at_ms, "window_changed", before=self.window, after=after, reason=reason, heads=heads)
        self.window = after

    def opening(self) -> None:
        contract, run = self.run.contract, self.run
        cards = [
            {
                "node_id": node.node_id,
                "roles": list(node.roles),
                "backend": node.backend,
                "transport": node.transport,
                "contract_endpoint": f"{node.host_alias}:{node.cluster_port}",
            }
            for node in contract.contributors
        ]
        self.say(
            0, "run_opened", lane_id=contract.lane_id, contract_digest=contract.digest, contributors=cards,
            policies=contract.policies.to_json(), steps=contract.recipe.steps,
            coordinator_public_key=run.public["coordinator"], operator_public_key=run.public["operator"], pid=3999,
        )  # fmt: skip
        if run.lies.revision:
            self.say(
                5, "revision_opened", revision=run.lies.revision, previous_classification="replay_required",
                previous_bundle_digest=run.previous_digest, continued=_continued(run),
            )  # fmt: skip
        self.change(10, "admitting", "hosts are brought up and admitted")
        for node in self.nodes:
            fingerprint = None if node == MAC else "SHA256:forged"
            self.say(
                100, "link_changed", node_id=node, state="up", reason="connected", endpoint=endpoint_of(node),
                rtt_ms=None, host_key_fingerprint=fingerprint,
            )  # fmt: skip
        manifests = [run.documents[f"contract/{split}_manifest.json"] for split in ("train", "held_out")]
        self.say(
            200, "inputs_prepared", reused=False, head_sha256=run.plan.head.sha256,
            train_samples=len(manifests[0].sample_ids), train_tokens=manifests[0].tokens,
            held_out_samples=len(manifests[1].sample_ids), held_out_tokens=manifests[1].tokens,
        )  # fmt: skip
        for node in self.nodes:
            self._brought_up(node)
        for node in self.nodes:
            self._admitted(node)
        self.say(500, "plan_bound", plan_digest=run.plan.digest, membership_digest=run.membership.digest)

    def _brought_up(self, node: str) -> None:
        report = self.run.documents[f"reports/{node}_bringup.json"]
        self.say(
            300, "bringup_received", node_id=node, disposition=report.disposition, reasons=[],
            report_digest=report.digest, backend_label=report.device.backend_label,
            device_label=report.device.device_label, device_name=report.device.name,
            node_public_key=report.node_public_key,
        )  # fmt: skip

    def _admitted(self, node: str) -> None:
        receipt = self.run.documents[f"receipts/admission_{node}.json"]
        self.say(
            400, "admission_decided", node_id=node, outcome="admitted", reason="both_sides_proved", detail="",
            token_custody=receipt.token_custody, receipt_digest=receipt.digest,
            node_public_key=receipt.node_public_key,
        )  # fmt: skip

    def preparing(self) -> None:
        self.change(510, "preparing", "all contributors admitted, plan and membership bound")
        for node in self.nodes:
            self.say(600, "shipped", node_id=node, archive_sha256="a" * 64, size_bytes=4096, reused=False)
        for index, node in enumerate(self.nodes):
            place = self.run.lies.revision  # each revision of a forged run was one process start of each host
            self.say(
                700, "launched", node_id=node, revision=place, epoch=place, pid=4000 + index,
                process_started_ms=1_790_000_000_700, journal=f"{node}.contributor.r{place}.e{place}.jsonl",
            )  # fmt: skip
        for node in self.nodes:
            device = self.run.documents[f"retained_artifacts/{node}/contributor_receipt.json"].device
            self.say(
                2000, "runner_ready", node_id=node, device_label=device.device_label,
                backend_label=device.backend_label, head=self._head(node, "ready"),
            )  # fmt: skip
        self.say(2010, "window_opened", begin_digest=self.run.begin_digest)
        self.change(2020, "active", "every contributor is ready; the clocks run")

    def _head(self, node: str, kind: str) -> Body:
        self.heads[node] = self.run.journals[node].head_at(kind)
        return self.heads[node].to_json()

    def collecting(self) -> None:
        for node in self.nodes:
            receipt = self.run.documents[f"retained_artifacts/{node}/contributor_receipt.json"]
            for ref in (ref for ref in receipt.checkpoints if ref.revision == self.run.lies.revision):
                head = self._head(node, "checkpointed")
                self.say(4200, "checkpoint_kept", node_id=node, checkpoint=ref.to_json(), head=head)
        produced = {}
        for index, node in enumerate(self.nodes):
            journal = self.run.journals[node]
            said = next((record for record in journal.records if record.kind == "produced"), None)
            assert said is not None
            produced[node] = said.body
            self.say(
                6000 + 500 * index, "contribution_seen", node_id=node,
                manifest_digest=said.body["manifest"]["digest"], files=said.body["files"],
                produced_wall_ms=said.wall_ms, head=self._head(node, "produced"),
            )  # fmt: skip
        self.change(6510, "collecting", "every contributor produced")
        first, last = self.nodes
        self.say(
            6520, "skew_measured", skew_ms=500, first=first, last=last, bound_ms=self.run.contract.policies.skew_ms,
            outcome="within_bound",
        )  # fmt: skip
        for node in self.nodes:
            files = {file["name"]: file for file in produced[node]["files"]}
            self.say(
                6600, "submission_judged", node_id=node, outcome="received", reason="as_planned", findings=[],
                manifest_digest=produced[node]["manifest"]["digest"],
                adapter_sha256=files["adapter_model.safetensors"]["sha256"],
                size_bytes=sum(file["size_bytes"] for file in files.values()), fetch_ms=12,
            )  # fmt: skip
        self.change(6610, "sealed", "every submission is received as journaled and as planned")

    def validating(self) -> None:
        self.change(6620, "validating", "contributions are replayed")
        for index, node in enumerate(self.nodes):
            self.say(9000 + index, "replay_judged", **replay_record(self.run, node))
        for index, node in enumerate(self.nodes):
            self.say(9010 + index, "contribution_judged", node_id=node, disposition="accepted", findings=[])
        self.change(9020, "validated", "every contribution is accepted and replay-checked")

    def aggregating(self) -> None:
        documents = self.run.documents
        report = documents["retained_artifacts/merged_artifact_report.json"]
        self.say(
            9100, "merged", report_digest=report.digest, merged_sha256=report.merged_adapter.sha256, rank=report.rank,
            contributions=[share.to_json() for share in report.contributions],
        )  # fmt: skip
        self.change(9110, "aggregated", "deltas merged by rank stacking")
        scores = self.run.scores
        self.say(9500, "scored", scores=[score.to_json() for score in scores.scores], receipt_digest=scores.digest)
        promotion = self.run.promotion
        body = promotion.to_json()
        names = ("disposition", "gates", "publish_disposition", "publish_reason")
        self.say(9600, "promotion_decided", **{name: body[name] for name in names}, receipt_digest=promotion.digest)
        self.change(9610, promotion.disposition, "from the gates")

    def closing(self) -> None:
        for node in self.nodes:
            self.heads[node] = self.run.journals[node].head_after(len(self.run.journals[node].lines))
            self.say(9700, "released", node_id=node, proven_dead=True, detail="released, and ended by itself")
        self.change(9710, "closed", "from the gates")
        heads = [self.heads[node].to_json() for node in sorted(self.heads)]
        self.say(9720, "closed", classification="bounded_success", reason="from the gates", heads=heads)


def _continued(run: "Forge") -> list[Body]:
    return [
        {"node_id": item.node_id, "checkpoints": [ref.to_json() for ref in item.continues_from]}
        for item in run.plan.assignments
        if item.continues_from
    ]
