"""README.md of a snapshot: what it is, how to load it, and its figures with where they come from."""

from console.evidence.lane_documents.places import PUBLISH_REPO
from console.evidence.outcomes.closed_bundle import ClosedBundle

HEAD = """\
---
library_name: peft
tags:
- lora
- gpt-oss
---
# {repo_id}

A LoRA adapter of the LM head of a gpt-oss decoder (`{family}`), rank {rank}, alpha {alpha:g}. It is the exact weighted
mean of {count} contributions of run `{run_id}` (lane `{lane_id}`), merged by rank stacking.

## Load

- PEFT: `PeftModel.from_pretrained(base, "<this folder>")`. The folder's two adapter files are the merge's own bytes.
- mlx-lm: give `<this folder>/mlx` as adapter path, on the base converted to mlx-lm's layout.

The base is not included. It is the checkpoint with digest `{model_digest}`; its head `{tensor}` has sha256
`{head_sha256}`.

## Figures

Mean cross-entropy on {tokens} held-out response tokens that no contributor trained on, in nats:

| subject | loss |
|---|---|
"""
TAIL = """\

| contributor | computed on | samples | weight | replay |
|---|---|---|---|---|
{contributors}

## Limits

{boundary}

Evidence: bundle `{bundle_digest}`. Verify it with `swarm check real-run`, and this folder with
`swarm check publication`.
"""


def model_card(run: ClosedBundle) -> str:
    plan, report, scores = run.plan, run.merge_report, run.scores
    assert plan is not None and report is not None and scores is not None
    head = HEAD.format(
        repo_id=PUBLISH_REPO,
        family=run.contract.adapter.family,
        rank=report.rank,
        alpha=report.alpha,
        count=len(report.contributions),
        run_id=run.bundle.run_id,
        lane_id=run.contract.lane_id,
        model_digest=plan.head.model_digest,
        tensor=plan.head.tensor,
        head_sha256=plan.head.sha256,
        tokens=scores.scores[0].tokens,
    )
    rows = [f"| {score.subject} | {score.mean_loss:.6f} |" for score in scores.scores]
    tail = TAIL.format(
        contributors="\n".join(_contributor(run, share.node_id) for share in report.contributions),
        boundary=run.contract.claim_boundary,
        bundle_digest=run.bundle.digest,
    )
    return head + "\n".join(rows) + "\n" + tail


def _contributor(run: ClosedBundle, node_id: str) -> str:
    report, receipt, replay = run.merge_report, run.receipt(node_id), run.replay(node_id)
    assert report is not None and receipt is not None and replay is not None
    share = next(item for item in report.contributions if item.node_id == node_id)
    device = f"{receipt.device.backend_label}, {receipt.device.name}"
    weight = f"{share.weight_numerator}/{share.weight_denominator}"
    return f"| {node_id} | {device} | {share.samples} | {weight} | {replay.outcome} |"
