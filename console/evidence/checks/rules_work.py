"""Rules about what was done: contributions as produced, fetched and kept."""

import struct
from collections.abc import Iterator
from itertools import pairwise

from console.evidence.checks.deltas import delta_of
from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.layout import ADAPTER, CONFIG, INITIAL, RECEIPT
from console.evidence.checks.verdict import Mismatch, differs

CLOCK_SLACK_MS = 1000  # between what a record tells and the moment that it was written


def produced_is_seen_and_kept(e: Evidence) -> Iterator[Mismatch]:
    """Journaled by the contributor, seen by the coordinator, fetched into the bundle: three times the same bytes."""
    for node in e.contributors:
        produced = {line.file: line for line in e.lines_of(node) if line.kind == "produced"}
        for seen in e.said("contribution_seen", node):
            own = produced.get(seen.body["head"]["file"])
            if own is None:
                continue  # records_cover_what_they_speak_of names it
            yield from differs(f"{seen.where} files", own.body["files"], seen.body["files"])
            yield from differs(f"{seen.where} manifest", own.body["manifest"]["digest"], seen.body["manifest_digest"])
            wall = own.record["wall_ms"]
            yield from differs(f"{seen.where} produced_wall_ms", wall, seen.body["produced_wall_ms"])
            if e.received(node):
                yield from _kept(e, node, own.body)


def _kept(e: Evidence, node: str, produced: Body) -> Iterator[Mismatch]:
    for reference in produced["files"]:
        path = f"retained_artifacts/{node}/{reference['name']}"
        got = e.file_of(path)
        if got is None:
            yield Mismatch(path, "a fetched file", "no such file")
        else:
            yield from differs(path, (reference["size_bytes"], reference["sha256"]), (got.size, got.sha256))
    names = sorted(reference["name"] for reference in produced["files"])
    yield from differs(f"retained_artifacts/{node} files", [CONFIG, ADAPTER, RECEIPT], names)
    receipt = e.receipt(node)
    if receipt:
        where = f"retained_artifacts/{node}/{RECEIPT} digest"
        yield from differs(where, produced["receipt_digest"], receipt["digest"])
    assignment = e.assignment(node)
    if assignment:
        where = f"retained_artifacts/{node} upload manifest"
        yield from differs(where, assignment["expected_upload"], produced["manifest"])


def submissions_are_the_kept_bytes(e: Evidence) -> Iterator[Mismatch]:
    """What the coordinator judged is what lies in the bundle."""
    for node in e.contributors:
        for line in e.said("submission_judged", node):
            got = e.file_of(f"retained_artifacts/{node}/{ADAPTER}")
            if line.body["outcome"] == "received":
                sha256 = got.sha256 if got else "no file"
                yield from differs(f"{line.where} adapter_sha256", sha256, line.body["adapter_sha256"])
                yield from differs(f"{line.where} findings", [], line.body["findings"])
                seen = e.said("contribution_seen", node)
                if seen:
                    expected = seen[0].body["manifest_digest"]
                    yield from differs(f"{line.where} manifest_digest", expected, line.body["manifest_digest"])


def adapters_have_the_planned_shape(e: Evidence) -> Iterator[Mismatch]:
    """The header of the file itself, not what a journal says about it; and the configuration that PEFT will read."""
    if e.plan is None or e.contract is None:
        return
    head, contract = e.plan["head"], e.contract["adapter"]
    rank = contract["rank"]
    expected = ((rank, head["hidden_size"]), (head["vocab_size"], rank))
    for node in e.contributors:
        for folder in (node, f"replayed_{node}"):
            adapter = e.adapter(folder)
            if adapter:
                where = f"retained_artifacts/{folder}/{ADAPTER} shapes of A and B"
                yield from differs(where, expected, (adapter.a.shape, adapter.b.shape))
                assignment = e.assignment(node)
                if assignment:
                    where = f"retained_artifacts/{folder}/{ADAPTER} assignment in its header"
                    yield from differs(where, assignment["digest"], adapter.metadata.get("swarm_assignment"))
        yield from config_says(e, node, rank, contract["alpha"])


def config_says(e: Evidence, folder: str, rank: int, alpha: float) -> Iterator[Mismatch]:
    path = f"retained_artifacts/{folder}/{CONFIG}"
    config = e.configs.get(path)
    if config is not None:
        # The last six change the scale or the place of the delta without a trace in the tensors.
        expected = {
            "peft_type": "LORA",
            "r": rank,
            "lora_alpha": alpha,
            "target_modules": ["lm_head"],
            "use_rslora": False,
            "use_dora": False,
            "fan_in_fan_out": False,
            "rank_pattern": {},
            "alpha_pattern": {},
            "modules_to_save": None,
        }
        yield from differs(path, expected, {name: config.get(name) for name in expected})


def receipts_speak_of_this_work(e: Evidence) -> Iterator[Mismatch]:
    """This assignment, these bytes, every step of the recipe, finite losses."""
    for node in e.contributors:
        receipt, assignment = e.receipt(node), e.assignment(node)
        if receipt is None or assignment is None:
            continue
        where = f"retained_artifacts/{node}/{RECEIPT}"
        batches, files = (
            assignment["batches"],
            {name: e.file_of(f"retained_artifacts/{node}/{name}") for name in (ADAPTER, CONFIG)},
        )
        expected = {
            "assignment_digest": assignment["digest"],
            "revision": assignment["revision"],
            "initial_adapter_sha256": assignment["initial_adapter"]["sha256"],
            "slice_sha256": assignment["slice"]["shard"]["sha256"],
            "head_sha256": assignment["head"]["sha256"],
            "steps": assignment["recipe"]["steps"],
            "samples_presented": sum(len(batch) for batch in batches),
            "distinct_samples": len({index for batch in batches for index in batch}),
        }
        for name, value in expected.items():
            yield from differs(f"{where} {name}", value, receipt[name])
        for name, field in ((ADAPTER, "adapter"), (CONFIG, "adapter_config")):
            got = files[name]
            if got:
                kept = {"name": name, "size_bytes": got.size, "sha256": got.sha256}
                yield from differs(f"{where} {field}", kept, receipt[field])
        yield from differs(f"{where} step_losses", assignment["recipe"]["steps"], len(receipt["step_losses"]))
        ready = [line.body for line in e.lines_of(node) if line.kind == "ready"]
        for body in ready:
            for name in ("head_sha256", "slice_sha256", "initial_adapter_sha256"):
                yield from differs(f"{where} {name} against ready", body[name], receipt[name])


def figures_follow_from_the_work(e: Evidence) -> Iterator[Mismatch]:
    """Tokens are counted again in the slice; the time that training took fits between the contributor's own records."""
    for node in e.contributors:
        receipt, assignment = e.receipt(node), e.assignment(node)
        if receipt is None or assignment is None:
            continue
        where = f"retained_artifacts/{node}/{RECEIPT}"
        lengths = _lengths(e, f"retained_artifacts/slice_{node}.safetensors", len(assignment["slice"]["sample_ids"]))
        if lengths is not None:
            start = assignment["continues_from"][-1]["step"] if assignment["continues_from"] else 0
            by_step = [sum(lengths[index] for index in batch) for batch in assignment["batches"]]
            yield from differs(f"{where} tokens_presented", sum(by_step), receipt["tokens_presented"])
            yield from differs(f"{where} tokens_trained", sum(by_step[start:]), receipt["tokens_trained"])
        yield from _took(e, node, where, receipt["train_seconds"] * 1000)


def _lengths(e: Evidence, path: str, samples: int) -> list[int] | None:
    """Tokens of each sample of a slice; None where shards_have_the_planned_shape names what is wrong with it."""
    entry = e.shards.get(path, {}).get("sample_offsets")
    if entry is None or entry.dtype != "I64" or entry.shape != (samples + 1,):
        return None
    offsets = struct.unpack(f"<{samples + 1}q", e.folder.piece(path, entry.begin, entry.end))
    return [end - begin for begin, end in pairwise(offsets)]


def _took(e: Evidence, node: str, where: str, took_ms: float) -> Iterator[Mismatch]:
    """At most from `began` to `produced`, at least from the first heartbeat within the work to the last one."""
    for journal in e.journals_of(node, "contributor"):
        clock = {line.kind: line.record["mono_ms"] for line in journal.lines if line.kind in ("began", "produced")}
        if len(clock) < 2:
            continue
        beats = [line for line in journal.lines if line.kind == "heartbeat" and line.body["phase"] == "training"]
        within = [line.record["mono_ms"] for line in beats if 0 < line.body["step"] < line.body["steps"]]
        least = within[-1] - within[0] if within else 0
        most = clock["produced"] - clock["began"]
        if not least - CLOCK_SLACK_MS <= took_ms <= most + CLOCK_SLACK_MS:
            yield Mismatch(f"{where} train_seconds", f"{least / 1000:g} to {most / 1000:g} s", f"{took_ms / 1000:g}")


def work_left_a_trace(e: Evidence) -> Iterator[Mismatch]:
    """An adapter that equals its start was never trained; one past the norm bound must not own the mean."""
    if e.contract is None:
        return
    start = e.adapters.get(INITIAL)
    alpha, bound = e.contract["adapter"]["alpha"], e.contract["governance"]["delta_norm_bound"]
    for node in e.contributors:
        for folder in (node, f"replayed_{node}"):
            adapter = e.adapter(folder)
            where = f"retained_artifacts/{folder}/{ADAPTER}"
            if adapter and start and adapter.same_bytes(start):
                yield Mismatch(where, "an adapter that training changed", "the initial adapter")
            norm = delta_of(adapter, alpha).norm if adapter else 0.0
            if folder == node and norm > bound:
                yield Mismatch(f"{where} norm of the delta", f"at most {bound:g}", f"{norm:g}")


RULES = (
    produced_is_seen_and_kept,
    submissions_are_the_kept_bytes,
    adapters_have_the_planned_shape,
    receipts_speak_of_this_work,
    figures_follow_from_the_work,
    work_left_a_trace,
)
