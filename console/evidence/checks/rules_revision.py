"""Rules about a replay: it cites the revision before, repeats its slices, and has a right to exist."""

from collections.abc import Iterator

from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.layout import BUNDLE_FILE, NAMESPACE, SIGNATURE_FILE
from console.evidence.checks.rules_checkpoints import place_of, planned_steps
from console.evidence.checks.sshsig import read_sshsig
from console.evidence.checks.stored import UnreadableError
from console.evidence.checks.verdict import Mismatch, differs

PREVIOUS = f"previous/{BUNDLE_FILE}"
PLAN, PREVIOUS_PLAN, LISTED_PLAN = "contract/window_plan.json", "previous/window_plan.json", "contract/window_plan.json"
REPLAYABLE = ("replay_required", "wait_then_replay")
SAME_WORK = ("head", "dataset_ref", "dataset_sha256", "train_shard", "held_out_shard", "held_out_sample_ids",
             "initial_adapter", "window_id")  # fmt: skip
SAME_ASSIGNMENT = ("node_id", "head", "slice", "initial_adapter", "adapter", "recipe", "batches")


def one_revision_everywhere(e: Evidence) -> Iterator[Mismatch]:
    """Journals, plan and launches are of the revision that was opened; without an opening of that kind it is 0."""
    opened = e.said("revision_opened")
    revision = opened[0].body["revision"] if opened else 0
    if opened and (len(opened) > 1 or e.position(opened[0]) == 0 or revision == 0):
        yield Mismatch(opened[-1].where, "one opening of a revision past 0, after run_opened", "another")
    if opened and any(e.position(line) < e.position(opened[0]) for line in e.said("window_changed")):
        yield Mismatch(opened[0].where, "the revision opened before anything is decided in it", "a decision before")
    for journal in e.journals.values():
        yield from differs(f"journals/{journal.file} revision", revision, journal.revision)
    if e.plan:
        yield from differs(f"{PLAN} revision", revision, e.plan["revision"])
    for line in e.said("launched"):
        yield from differs(f"{line.where} revision", revision, line.body["revision"])


def _is_replay(e: Evidence) -> bool:
    """By the opening and by what was planned under it: a first revision that only calls itself a replay is none."""
    opened = e.said("revision_opened")
    return bool(opened) and (e.plan is None or e.plan["revision"] > 0)


def a_replay_cites_what_it_repeats(e: Evidence) -> Iterator[Mismatch]:
    """The earlier bundle's document, signed by the same operator, ended in a way that asks for a replay."""
    opened, previous = e.said("revision_opened"), e.documents.get(PREVIOUS)
    if not _is_replay(e):
        if opened:
            return  # one_revision_everywhere names it
        for path in sorted(path for path in e.folder.files if path.startswith("previous/")):
            yield Mismatch(path, "no earlier revision in a first one", "a file of one")
        return
    if previous is None:
        yield Mismatch(PREVIOUS, "the document of the bundle that is cited", "none")
        return
    line = opened[0]
    yield from differs(f"{line.where} previous_bundle_digest", previous["digest"], line.body["previous_bundle_digest"])
    ended = previous["result_classification"]
    yield from differs(f"{line.where} previous_classification", ended, line.body["previous_classification"])
    if ended not in REPLAYABLE:
        yield Mismatch(f"{PREVIOUS} result_classification", f"one of {list(REPLAYABLE)}", ended)
    yield from differs(f"{PREVIOUS} merge_disposition", "no_merge", previous["merge_disposition"])
    if e.contract and line.body["revision"] > e.contract["policies"]["max_revisions"]:
        most = e.contract["policies"]["max_revisions"]
        yield Mismatch(f"{line.where} revision", f"at most {most}", str(line.body["revision"]))
    yield from _signed(e, previous)


def _signed(e: Evidence, previous: Body) -> Iterator[Mismatch]:
    where = f"previous/{SIGNATURE_FILE}"
    raw, document = e.folder.content(where), e.folder.content(PREVIOUS)
    if raw is None or document is None:
        yield Mismatch(where, "the operator's signature over the earlier bundle", "no such file")
        return
    try:
        signature = read_sshsig(raw)
    except UnreadableError as error:
        yield Mismatch(where, error.expected, error.got)
        return
    yield from differs(f"{where} namespace", NAMESPACE, signature.namespace)
    yield from differs(f"{where} key", previous["operator_public_key"], signature.public_key)
    if not signature.covers(document):
        yield Mismatch(where, f"a signature over {PREVIOUS}", "one over other bytes")


def a_replay_is_the_same_work(e: Evidence) -> Iterator[Mismatch]:
    """Same slices, batches, start, recipe and head as the plan that the earlier bundle lists; else it is no replay."""
    if not _is_replay(e) or e.plan is None:
        return
    before, previous = e.documents.get(PREVIOUS_PLAN), e.documents.get(PREVIOUS)
    if before is None or previous is None:
        yield Mismatch(PREVIOUS_PLAN, "the plan of the earlier revision", "none")
        return
    listed = next((item["sha256"] for item in previous["files"] if item["path"] == LISTED_PLAN), "not listed")
    got = e.file_of(PREVIOUS_PLAN)
    yield from differs(PREVIOUS_PLAN, listed, got.sha256 if got else "unreadable")
    yield from differs(f"{PREVIOUS_PLAN} digest", previous["plan_digest"], before["digest"])
    yield from differs(f"{PREVIOUS_PLAN} revision", e.plan["revision"] - 1, before["revision"])
    for name in SAME_WORK:
        yield from differs(f"{PLAN} {name}", before[name], e.plan[name])
    yield from differs(f"{PLAN} assignments", _works(before), _works(e.plan))


def _works(plan: Body) -> list[Body]:
    return [{name: item[name] for name in SAME_ASSIGNMENT} for item in plan["assignments"]]


def a_replay_goes_on_from_what_was_kept(e: Evidence) -> Iterator[Mismatch]:
    """A start past the first step is a checkpoint that the earlier bundle lists, with every one before it."""
    opened, previous = e.said("revision_opened"), e.documents.get(PREVIOUS)
    listed = {item["path"]: (item["size_bytes"], item["sha256"]) for item in previous["files"]} if previous else {}
    assignments = e.plan["assignments"] if e.plan else []
    for item in assignments:
        node, references = item["node_id"], item["continues_from"]
        where = f"{PLAN} {node} continues_from"
        steps = [reference["step"] for reference in references]
        yield from differs(f"{where} steps", planned_steps(item)[: len(steps)], steps)
        for reference in references:
            if reference["revision"] >= item["revision"]:
                yield Mismatch(where, f"a revision before {item['revision']}", str(reference["revision"]))
            expected = listed.get(place_of(node, reference), "no such file in the earlier bundle")
            yield from differs(where, expected, (reference["file"]["size_bytes"], reference["file"]["sha256"]))
    if opened and e.plan:
        told = {item["node_id"]: item["checkpoints"] for item in opened[0].body["continued"]}
        planned = {item["node_id"]: item["continues_from"] for item in assignments if item["continues_from"]}
        yield from differs(f"{opened[0].where} continued", planned, told)


RULES = (
    one_revision_everywhere,
    a_replay_cites_what_it_repeats,
    a_replay_is_the_same_work,
    a_replay_goes_on_from_what_was_kept,
)
