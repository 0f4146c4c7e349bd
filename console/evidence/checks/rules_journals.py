"""Rules about journals: readable, chained, signed, linked, and cited as they are."""

import re
from collections.abc import Iterator

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.journals import GENESIS, Journal, is_signed
from console.evidence.checks.verdict import Mismatch, differs


def journals_are_readable(e: Evidence) -> Iterator[Mismatch]:
    """Canonical lines of known kinds with closed bodies, whole up to the last byte; and there is a coordinator's."""
    for journal in e.journals.values():
        if journal.problem:
            yield journal.problem
    if not e.journals_of(None, "coordinator"):
        yield Mismatch("journals", "a coordinator's journal", "none")


def records_follow_each_other(e: Evidence) -> Iterator[Mismatch]:
    """seq without a gap from 0, prev = hash of the line before, one writer per file: nothing dropped or slipped in."""
    for journal in e.journals.values():
        yield from _chain(e, journal)


def _chain(e: Evidence, journal: Journal) -> Iterator[Mismatch]:
    writer = (e.bundle["run_id"], journal.node_id, journal.role, journal.revision, journal.epoch)
    before = GENESIS
    for seq, line in enumerate(journal.lines):
        record = line.record
        where = f"journals/{journal.file} line {seq + 1}"
        got = tuple(record[name] for name in ("run_id", "node_id", "role", "revision", "epoch"))
        broken = [*differs(f"{where} writer", writer, got), *differs(f"{where} seq", seq, record["seq"])]
        broken += differs(f"{where} prev", before, record["prev"])
        yield from broken
        if broken:
            return  # everything after a broken link is broken by it
        before = line.sha256


def records_are_signed(e: Evidence) -> Iterator[Mismatch]:
    """By the coordinator's key of the bundle, or by the node key that bring-up reported and admission proved."""
    for journal in e.journals.values():
        key = e.bundle["coordinator_public_key"]
        if journal.role == "contributor":
            report = e.bringup(journal.node_id)
            if report is None:
                yield Mismatch(f"journals/{journal.file}", "a bring-up report with its node's key", "none")
                continue
            key = report["node_public_key"]
        for line in journal.lines:
            if not is_signed(line, key):
                yield Mismatch(line.where, f"a signature by {key[:16]}", "none that holds")
                break


def epochs_are_linked(e: Evidence) -> Iterator[Mismatch]:
    """Every process start names the last line of the one before it; a fork would need two of them."""
    for role, opening in (("coordinator", "epoch_opened"), ("contributor", "opened")):
        series: dict[tuple[str, int], list[Journal]] = {}
        for journal in e.journals_of(None, role):
            series.setdefault((journal.node_id, journal.revision), []).append(journal)
        for journals in series.values():
            yield from _links(journals, opening)
    coordinators = {(journal.node_id, journal.revision) for journal in e.journals_of(None, "coordinator")}
    if len(coordinators) > 1:
        yield Mismatch("journals", "one coordinator", f"{len(coordinators)}")


def _links(journals: list[Journal], opening: str) -> Iterator[Mismatch]:
    previous: Journal | None = None
    for journal in journals:
        if not journal.lines:
            # A process that died before its first record leaves an empty file; its successor names it all the same.
            previous = journal
            continue
        first = journal.lines[0]
        kind = "run_opened" if previous is None and opening == "epoch_opened" else opening
        if first.kind != kind:
            yield Mismatch(first.where, f"{kind} as first record", first.kind)
            continue
        if previous is None and journal.revision > 0 and journal.role == "contributor":
            yield from _goes_on(journal, first.where, first.body["previous_file"])
        elif "previous_file" in first.body or previous is not None:
            expected = (previous.file, previous.tail) if previous else (None, None)
            got = (first.body.get("previous_file"), first.body.get("previous_tail"))
            yield from differs(f"{first.where} previous", expected, got)
        if previous and journal.epoch != previous.epoch + 1:
            yield Mismatch(f"journals/{journal.file}", f"epoch {previous.epoch + 1}", str(journal.epoch))
        repeated = [line for line in journal.lines[1:] if line.kind == opening]
        if repeated:
            yield Mismatch(repeated[0].where, "one opening record per journal", "another")
        previous = journal


def _goes_on(journal: Journal, where: str, named: str | None) -> Iterator[Mismatch]:
    """A host keeps one chain of process starts through all revisions; the earlier ones lie in the earlier bundle."""
    expected = f"a journal of {journal.node_id} of an earlier revision, epoch {journal.epoch - 1}, or none in epoch 0"
    match = re.fullmatch(rf"{re.escape(journal.node_id)}\.contributor\.r(\d+)\.e(\d+)\.jsonl", named or "")
    first = named is None and journal.epoch == 0  # this node wasn't launched before
    if not first and (match is None or int(match[1]) >= journal.revision or int(match[2]) != journal.epoch - 1):
        yield Mismatch(f"{where} previous_file", expected, str(named))


def cited_heads_are_in_the_journals(e: Evidence) -> Iterator[Mismatch]:
    """A decision rests on journals up to a byte; that byte and its hash must be in the journals that were kept."""
    for where, head in e.heads():
        journal = e.journals.get(head["file"])
        if journal is None:
            if head["offset"]:
                yield Mismatch(where, f"journal {head['file']}", "no such journal")
            continue
        at = journal.head_at(head["offset"])
        got = f"hash {head['sha256'][:16]} of line {head['next_seq']}"
        expected = f"hash {at[0][:16]} of line {at[1]}" if at else "the end of a line"
        if at is None or at != (head["sha256"], head["next_seq"]):
            yield Mismatch(f"{where} head of {head['file']} at {head['offset']}", expected, got)


def launches_name_their_journal(e: Evidence) -> Iterator[Mismatch]:
    """The journal of a contributor belongs to the process that the coordinator launched."""
    for line in e.said("launched"):
        journal = e.journals.get(line.body["journal"])
        if journal is None:
            # A runner that died before its first line leaves no journal.
            continue
        got = (journal.node_id, journal.revision, journal.epoch)
        yield from differs(line.where, (line.body["node_id"], line.body["revision"], line.body["epoch"]), got)
        if journal.lines and journal.lines[0].kind == "opened":
            opened = journal.lines[0]
            for name in ("pid", "process_started_ms"):
                yield from differs(f"{opened.where} {name}", line.body[name], opened.body[name])


RULES = (
    journals_are_readable,
    records_follow_each_other,
    records_are_signed,
    epochs_are_linked,
    cited_heads_are_in_the_journals,
    launches_name_their_journal,
)
