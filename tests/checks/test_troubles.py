"""What a contributor does after its work was accepted must not make the coordinator's true bundle unbelievable."""

from functools import partial
from pathlib import Path

from console.evidence.checks.real_run import check_real_run
from tests.checks.defects import changed_to, first
from tests.checks.forge import Forge
from tests.checks.forged_ends import forget_results
from tests.checks.forged_hosts import LINUX
from tests.checks.forged_journal import Said
from tests.checks.lies import Lies

BROKEN = {"node_id": LINUX, "reason": "broken_chain", "detail": "a shorter file"}
NOWHERE = {"file": "none", "offset": 0, "sha256": "0" * 64, "next_seq": 0}


def test_work_whose_journal_broke_after_it_was_accepted_is_counted_as_the_coordinator_counted_it(
    tmp_path: Path,
) -> None:
    """Seen in a run whose folder was taken away while it was merged: its bundle was refused for the count."""

    def said(records: list[Said]) -> list[Said]:
        validated = changed_to(records, "validated")
        kept = records[: records.index(validated) + 1]
        at_ms = validated.mono_ms + 1
        body = {"reason": f"{LINUX}: broken_chain: a shorter file", "heads": []}
        return [
            *kept,
            Said("journal_broken", {**BROKEN, "head": NOWHERE}, at_ms),
            Said("window_changed", {"before": "validated", "after": "rejected", **body}, at_ms + 1),
            Said("window_changed", {"before": "rejected", "after": "closed", **body}, at_ms + 2),
            Said("closed", {"classification": "rejected", **body}, at_ms + 3),
        ]

    bundle = Forge(tmp_path, Lies(coordinator=said, before_bundle=partial(forget_results, replays=False))).make()

    assert check_real_run(bundle).findings == ()


def test_what_a_contributor_does_after_the_end_changes_no_word_on_its_work(tmp_path: Path) -> None:
    def said(records: list[Said]) -> list[Said]:
        place = records.index(first(records, "released", None))
        head = first(records, "contribution_seen", LINUX).body["head"]
        late = Said("journal_broken", {**BROKEN, "head": head}, records[place].mono_ms)
        return [*records[:place], late, *records[place:]]

    assert check_real_run(Forge(tmp_path, Lies(coordinator=said)).make()).findings == ()


def test_what_a_contributor_tells_after_its_work_was_received_is_no_concern_of_the_bundle(tmp_path: Path) -> None:
    """Nothing rests on it, and a contributor must not be able to spoil a bundle once its work is in."""

    def nonsense(records: list[Said]) -> list[Said]:
        last = records[-2]
        back = Said("heartbeat", {**last.body, "beat": 0, "step": 0, "steps": 9}, last.mono_ms)
        return [*records[:-1], back, Said("claimed", {"assignment_digest": "e" * 64}, 1), records[-1]]

    assert check_real_run(Forge(tmp_path, Lies(own={LINUX: nonsense})).make()).findings == ()
