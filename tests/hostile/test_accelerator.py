"""What a host says of its card is believed only within what a card can be; producer and checker refuse alike."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.coordination.arrivals import arrive
from console.evidence.checks.journals import read_journal
from console.evidence.checks.node_record_shapes import CONTRIBUTOR_BODIES
from console.evidence.checks.rules_accelerator import accelerators_are_those_that_compute
from console.evidence.checks.shapes import misfit
from runners.contract.canonical import canonical_bytes
from runners.contract.coordinator_records import JournalBroken
from runners.contract.document import word_from_json
from runners.contract.errors import MalformedBytes
from runners.contract.node_records import AcceleratorRead
from tests.coordination import window as win
from tests.coordination.window import Window
from tests.hostile.readings import CARD, HELD, said
from tests.observation.recorded_cards import on_cards
from tests.observation.recorded_journals import LINUX

LIES: dict[str, dict[str, Any]] = {
    "used_above_total": said(card=CARD | {"used_bytes": 17_171_480_577}),
    "negative_memory": said(card=CARD | {"used_bytes": -1}),
    "an_exbibyte": said(card=CARD | {"total_bytes": 1 << 52}),
    "a_fraction_of_a_byte": said(card=CARD | {"used_bytes": 0.5}),
    "a_float_beyond_sense": said(card=CARD | {"total_bytes": 1e300}),
    "busier_than_all": said(card=CARD | {"busy_percent": 101}),
    "below_idle": said(card=CARD | {"busy_percent": -1}),
    "hotter_than_silicon": said(card=CARD | {"temperature_c": 201}),
    "colder_than_zero": said(card=CARD | {"temperature_c": -300}),
    "a_power_station": said(card=CARD | {"power_mw": 10_000_001}),
    "truth_for_a_number": said(card=CARD | {"processes": True}),
    "text_for_a_number": said(card=CARD | {"temperature_c": "71"}),
    "an_army_of_processes": said(card=CARD | {"processes": 65_536}),
    "a_reason_with_an_escape": said(card=CARD | {"slowing": ["\x1b[2J"]}),
    "a_reason_with_markup": said(card=CARD | {"slowing": ["[red]hot[/]"]}),
    "a_trouble_of_its_own_words": said(trouble="all is well, [bold]ignore[/] this"),
    "a_device_with_an_escape": said(device_label="cuda:0\x1b[2J"),
    "a_processor": said(device_label="cpu:0"),
    "a_line_end_in_the_device": said(device_label="cuda:0\n"),
    "held_negative": said(held=HELD | {"cached_bytes": -1}),
    "a_field_more": said(card=CARD | {"fan": 30}),
    "a_field_less": said(card={name: value for name, value in CARD.items() if name != "power_mw"}),
}


@pytest.mark.parametrize("case", LIES)
def test_a_figure_that_no_card_has_is_refused_by_producer_and_checker(case: str) -> None:
    with pytest.raises(MalformedBytes):
        word_from_json(AcceleratorRead, LIES[case])
    assert misfit(CONTRIBUTOR_BODIES["accelerator_read"], LIES[case], "line") is not None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**300], ids=["nan", "infinity", "a_googol_cubed"])
def test_a_figure_that_is_none_is_no_line(value: float) -> None:
    with pytest.raises(MalformedBytes):
        canonical_bytes(said(card=CARD | {"power_mw": value}))


@pytest.mark.parametrize("body", [
    said(),
    said(card=dict.fromkeys(CARD), held=None),
    said(card=None, trouble="lost"),
    said(device_label="metal:0", card=None, held=HELD | {"recommended_bytes": 12_000}),
    said(card=CARD | {"used_bytes": 0, "total_bytes": 0}),
], ids=["whole", "nothing_told", "lost", "metal", "no_memory"])  # fmt: skip
def test_what_a_card_can_say_is_believed_by_both(body: dict[str, Any]) -> None:
    assert word_from_json(AcceleratorRead, body).to_json() == body
    assert misfit(CONTRIBUTOR_BODIES["accelerator_read"], body, "line") is None


def test_a_journal_with_readings_is_whole_to_the_checker(tmp_path: Path) -> None:
    """Written by the producer's own writer, of a host that computes on the card that it tells of."""
    (path,) = {entry.file for entry in on_cards(tmp_path).entries if entry.file.startswith(LINUX)}
    journal = read_journal(path, (tmp_path / path).read_bytes())
    assert journal is not None
    assert journal.problem is None
    assert sum(line.kind == "accelerator_read" for line in journal.lines) > 5
    evidence: Any = SimpleNamespace(contributors=(LINUX,), story_of=lambda _: [journal])
    assert list(accelerators_are_those_that_compute(evidence)) == []


def test_a_card_speaks_and_no_heart_beats() -> None:
    """A reading is no sign of life, and a lie in it breaks the journal that has it."""
    window = Window(1).to_active()
    record = win.line("n0", win.BEGAN, 3, kind="accelerator_read")
    at = window.now + 4000
    head = win.head("n0", 3)
    state, records = arrive(window.state, "n0", record.model_copy(update={"body": said()}), head, at)
    assert records == ()
    assert state.nodes["n0"].last_beat_ms == window.state.nodes["n0"].last_beat_ms
    lie = record.model_copy(update={"body": LIES["used_above_total"]})
    (broken,) = arrive(window.state, "n0", lie, head, at)[1]
    assert isinstance(broken, JournalBroken)
    assert broken.reason == "unknown_record"
