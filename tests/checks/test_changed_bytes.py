"""2000 single bytes of a true bundle, each changed alone: not one change is accepted."""

import random
from itertools import cycle, islice
from pathlib import Path

import pytest

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.real_run import RULES, check_real_run
from console.evidence.checks.rule import run_rule

CHANGES = 2000


def _first_rule(bundle: Path) -> str | None:
    """The rule that refuses the bundle: the checker's own rules in its own order, no further than the first finding."""
    evidence = Evidence(bundle, None)
    return next((rule.__name__ for rule in RULES if run_rule(rule, evidence, "bundle")), None)


@pytest.mark.soak  # about a minute; test_real_run.py does the same with three bytes of each file
@pytest.mark.timeout(400)
def test_two_thousand_changed_bytes_are_all_refused(bundle: Path) -> None:
    """Every file equally often, whatever its size; place and value by chance, the same on every machine."""
    chance = random.Random(2000)
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    missed, refused_by = [], set()
    for path in islice(cycle(files), CHANGES):
        data = path.read_bytes()
        place, flip = chance.randrange(len(data)), chance.randrange(1, 256)
        path.write_bytes(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])
        rule = _first_rule(bundle)
        path.write_bytes(data)
        refused_by.add(rule)
        if rule is None:
            missed.append((path.name, place, flip))

    assert missed == []
    assert {"bundle_document_is_readable", "bundle_is_signed", "listed_bytes_are_there"} <= refused_by
    assert check_real_run(bundle).consistent
