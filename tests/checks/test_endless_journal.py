"""A journal that says one thing a thousand times is read in the time of its length, and not of the square of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.evidence.checks.journals import Line
from console.evidence.checks.real_run import check_real_run
from tests.checks.defects import first
from tests.checks.forge import forge
from tests.checks.forged_hosts import LINUX
from tests.checks.forged_journal import Said
from tests.checks.lies import Lies

TIMES = 1000
LOOKS = 400  # at each line, all rules together


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How often the kind of a line is asked for."""
    looks = [0]

    def kind(line: Line) -> str:
        looks[0] += 1
        return str(line.record["kind"])

    with monkeypatch.context() as patched:
        patched.setattr(Line, "kind", property(kind))
        yield looks


@pytest.mark.parametrize(
    "kind", ["shipped", "submission_judged", "checkpoint_kept", "contribution_seen", "replay_judged"]
)
def test_a_thousand_times_the_same_record_is_no_million_questions(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def often(records: list[Said]) -> list[Said]:
        one = first(records, kind, LINUX)
        place = records.index(one)
        return [*records[:place], *[Said(kind, dict(one.body), one.mono_ms)] * TIMES, *records[place:]]

    bundle = forge(tmp_path, Lies(coordinator=often))
    with counted(monkeypatch) as looks:
        verdict = check_real_run(bundle)

    assert verdict.facts["records"] > TIMES
    assert looks[0] < LOOKS * verdict.facts["records"]
