"""Rules about training checkpoints: kept as journaled, whole, and without a gap from the start to the adapter."""

from collections.abc import Iterator

from console.evidence.checks.deltas import delta_of
from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.layout import RECEIPT
from console.evidence.checks.states import misfit_of, read_state
from console.evidence.checks.stored import UnreadableError
from console.evidence.checks.verdict import Mismatch, differs


def place_of(node: str, reference: Body) -> str:
    return f"retained_artifacts/{node}/checkpoints/{reference['file']['name']}"


def planned_steps(assignment: Body) -> list[int]:
    """After which steps a checkpoint is due, from the first step of the work on; its end has none."""
    every, steps = assignment["recipe"]["checkpoint_steps"], assignment["recipe"]["steps"]
    return list(range(every, steps, every)) if every > 0 else []


def gone_on_from(e: Evidence, node: str) -> list[Body]:
    """What the assignment brings along from earlier revisions, by step."""
    assignment = e.assignment(node)
    return list(assignment["continues_from"]) if assignment else []


def kept_once(e: Evidence, node: str) -> list[Body]:
    """The same, each file once: a hostile journal speaks of one of them a hundred thousand times."""
    once = {(reference["step"], reference["file"]["name"]): reference for reference in lineage_of(e, node)}
    return list(once.values())


def lineage_of(e: Evidence, node: str) -> list[Body]:
    """Every checkpoint of a node's work: those that were gone on from, then those that were kept here."""
    return [*gone_on_from(e, node), *(line.body["checkpoint"] for line in e.said("checkpoint_kept", node))]


def checkpoints_are_kept_as_journaled(e: Evidence) -> Iterator[Mismatch]:
    """Journaled by the contributor in training, then fetched: the same bytes lie here, and no others."""
    known: set[str] = set()
    placed: set[tuple[str, str, int]] = set()
    for node in e.contributors:
        own = {
            (line.file, line.body["checkpoint"]["step"]): line
            for line in e.lines_of(node)
            if line.kind == "checkpointed"
        }
        for line in e.said("checkpoint_kept", node):
            reference = line.body["checkpoint"]
            said = own.get((line.body["head"]["file"], reference["step"]))
            if said is None or said.end > line.body["head"]["offset"]:
                yield Mismatch(line.where, f"checkpointed after step {reference['step']} by {node} before it", "none")
                continue
            yield from differs(f"{line.where} checkpoint", said.body["checkpoint"], reference)
            if (node, said.file, said.end) not in placed:
                placed.add((node, said.file, said.end))
                yield from _in_training(e, node, said.file, said.end)
        steps = [reference["step"] for reference in lineage_of(e, node)]
        if steps != sorted(set(steps)):
            yield Mismatch(f"checkpoints of {node}", "each step once, in order", str(steps))
        for reference in lineage_of(e, node):
            path = place_of(node, reference)
            known.add(path)
            file, got = reference["file"], e.file_of(path)
            expected = (file["size_bytes"], file["sha256"])
            yield from differs(path, expected, (got.size, got.sha256) if got else "no file that can be read")
    for path in e.states:
        if "/checkpoints/" in path and path not in known:
            yield Mismatch(path, "a record of a checkpoint that was kept, or a plan that goes on from it", "neither")


def _in_training(e: Evidence, node: str, file: str, end: int) -> Iterator[Mismatch]:
    lines = [line for line in e.lines_of(node) if line.file == file]
    began = [line.end for line in lines if line.kind == "began"]
    produced = [line.end for line in lines if line.kind == "produced"]
    if not began or began[0] > end or (produced and produced[0] < end):
        yield Mismatch(f"journals/{file}", "checkpointed between began and produced", "another order")


def checkpoints_are_whole(e: Evidence) -> Iterator[Mismatch]:
    """The header of the file itself: adapter, both moments and every loss up to a step that was planned; all sane."""
    if e.contract is None:
        return
    alpha, bound = e.contract["adapter"]["alpha"], e.contract["governance"]["delta_norm_bound"]
    for node in e.contributors:
        assignment = e.assignment(node)
        for reference in kept_once(e, node) if assignment else []:
            assert assignment is not None
            path, step = place_of(node, reference), reference["step"]
            header = e.states.get(path)
            if header is None:
                continue  # its name, or its form, is told elsewhere
            if step not in planned_steps(assignment):
                yield Mismatch(path, f"a step of {planned_steps(assignment)}", str(step))
            yield from differs(f"{path} name", f"step-{step:06d}.safetensors", reference["file"]["name"])
            if wrong := misfit_of(header, assignment, step):
                yield Mismatch(path, *wrong)
                continue
            if reference["revision"] == assignment["revision"]:
                named = header.metadata.get("swarm_assignment")
                yield from differs(f"{path} assignment in its header", assignment["digest"], named)
            try:
                norm = delta_of(read_state(e.content(path), assignment, step).adapter, alpha).norm_past(bound)
            except UnreadableError as error:
                yield Mismatch(path, error.expected, error.got)
                continue
            if norm is not None:
                yield Mismatch(f"{path} norm of the delta", f"at most {bound:g}", f"{norm:g}")


def checkpoints_lead_to_the_adapter(e: Evidence) -> Iterator[Mismatch]:
    """One after every segment, the same ones in the receipt, and each with the losses that the receipt tells."""
    for node in e.contributors:
        assignment, receipt = e.assignment(node), e.receipt(node)
        if assignment is None or receipt is None:
            continue
        where, lineage = f"retained_artifacts/{node}/{RECEIPT}", lineage_of(e, node)
        expected = planned_steps(assignment)
        yield from differs(f"checkpoints of {node}", expected, [reference["step"] for reference in lineage])
        yield from differs(f"{where} checkpoints", lineage, receipt["checkpoints"])
        start = gone_on_from(e, node)[-1:]
        yield from differs(f"{where} continued_from", start[0] if start else None, receipt["continued_from"])
        for reference in kept_once(e, node):
            path, step = place_of(node, reference), reference["step"]
            header = e.states.get(path)
            if header is None or misfit_of(header, assignment, step):
                continue
            told = list(read_state(e.content(path), assignment, step).step_losses)
            if told != receipt["step_losses"][:step]:
                yield Mismatch(f"{path} step_losses", "those of the receipt up to there", "others")


RULES = (checkpoints_are_kept_as_journaled, checkpoints_are_whole, checkpoints_lead_to_the_adapter)
