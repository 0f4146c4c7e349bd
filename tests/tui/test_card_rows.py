"""What an accelerator does, drawn: quiet where it is well, a word where it isn't, and no figure that is cut."""

import re
from dataclasses import replace

import pytest

from console.observation.accelerator import FULL, TROUBLES, shown, slowed
from console.observation.line import Stamp
from console.observation.state import Work
from console.tui.drawing.card import card_row, late_ms
from console.tui.drawing.text import Row, row_width
from runners.contract.figures import MOST_BYTES
from runners.contract.node_records import MOST_MILLIWATTS, AcceleratorRead, CardFigures
from tests.observation.recorded_cards import HELD, HOT, ON_METAL, read

NARROW, BROAD = 35, 50  # inside the panels at 80x24 and 160x48
NOTHING = CardFigures.model_validate(dict.fromkeys(CardFigures.model_fields))


def work(told: AcceleratorRead, *, at_ms: int = 1000, beat_ms: int = 1500) -> Work:
    return Work(accelerator=told, accelerator_at=Stamp(at_ms, at_ms), last_beat=Stamp(beat_ms, beat_ms))


def without_figures(trouble: str) -> AcceleratorRead:
    return AcceleratorRead.model_validate({"device_label": "cuda:0", "held": HELD, "card": None, "trouble": trouble})


def text(row: Row) -> str:
    return "".join(part for part, _ in row).rstrip()


def roles(row: Row) -> set[str]:
    return {role for _, role in row}


@pytest.mark.parametrize(("told", "narrow", "broad"), [
    (read(), "gpu    93 %  12.0 of 17.2 GB  71 °C", "gpu    93 %  12.0 of 17.2 GB  71 °C  305 of 320 W"),
    (read(busy_percent=0, processes=2), "gpu     0 %  12.0 of 17.2 GB  71 °C",
     "gpu     0 %  12.0 of 17.2 GB  71 °C  shared by 2"),
    (read(busy_percent=100, temperature_c=8), "gpu   100 %  12.0 of 17.2 GB  8 °C",
     "gpu   100 %  12.0 of 17.2 GB  8 °C  305 of 320 W"),
    (read(slowing=("sw_power_cap", "hw_thermal_slowdown"), temperature_c=88), "gpu   ▲ throttled  93 %  88 °C",
     "gpu   ▲ throttled, heat  93 %  88 °C  305 of 320 W"),
    (read(slowing=("hw_power_brake_slowdown",)), "gpu   ▲ throttled  93 %  71 °C",
     "gpu   ▲ throttled, power  93 %  71 °C"),
    (read(used_bytes=16_900_000_000), "gpu   ▲ full  16.9 of 17.2 GB  93 %",
     "gpu   ▲ full  16.9 of 17.2 GB  93 %  71 °C"),
    (without_figures("lost"), "gpu   ✗ card lost  11.4 GB held", "gpu   ✗ card lost  11.4 GB held"),
    (without_figures("silent"), "gpu   ▲ driver silent  11.4 GB held", "gpu   ▲ driver silent  11.4 GB held"),
    (without_figures("no_nvml"), "gpu   11.4 GB held", "gpu   11.4 GB held"),
    (ON_METAL, "gpu   4.5 of 12.0 GB held", "gpu   4.5 of 12.0 GB held"),
    (read(**NOTHING.to_json()).model_copy(update={"held": None}), "gpu   tells nothing", "gpu   tells nothing"),
])  # fmt: skip
def test_the_panels_line_says_what_is_wrong_first_and_then_what_has_room(
    told: AcceleratorRead, narrow: str, broad: str
) -> None:
    assert (text(card_row(work(told), NARROW)), text(card_row(work(told), BROAD))) == (narrow, broad)


@pytest.mark.parametrize("width", [8, 9, 13, 18, 25, 34, 35, 36, 50, 70])
@pytest.mark.parametrize("figures", [
    {}, {"slowing": ("hw_slowdown",)}, {"used_bytes": 17_171_480_576},
    {"used_bytes": MOST_BYTES, "total_bytes": MOST_BYTES, "power_mw": MOST_MILLIWATTS, "temperature_c": 200,
     "power_limit_mw": MOST_MILLIWATTS, "busy_percent": 100, "processes": 65_535, "slowing": ("hw_thermal_slowdown",)},
    {"used_bytes": 0, "total_bytes": 0},
])  # fmt: skip
def test_no_figure_is_cut_whatever_a_host_says(width: int, figures: dict[str, object]) -> None:
    row, told = card_row(work(read(**figures)), width), shown(read(**figures))
    assert row_width(row) == width
    whole = {told.busy, told.memory, told.temperature, told.power, told.shared, told.holds_back, "…"}
    whole |= {f"▲ {told.concern}", f"▲ {told.concern.partition(',')[0]}"}
    assert set(re.split(r"  +", text(row)[6:].strip())) <= whole | {""}


def test_a_card_of_which_nothing_was_read_is_not_invented() -> None:
    assert text(card_row(Work(device_label="cuda:0"), NARROW)) == "gpu   not told"


def test_well_is_quiet_and_trouble_has_a_colour() -> None:
    assert roles(card_row(work(read()), BROAD)) <= {"bright", "muted", ""}
    assert "warn*" in roles(card_row(work(read(used_bytes=17_000_000_000)), BROAD))
    assert "bad*" in roles(card_row(work(without_figures("lost")), BROAD))
    assert roles(card_row(work(without_figures("lost")), BROAD, ended=True)) <= {"bright", "muted", ""}


def test_memory_is_called_full_only_above_the_bound() -> None:
    total = 1_000_000
    assert shown(read(used_bytes=int(FULL * total), total_bytes=total)).concern == ""
    assert shown(read(used_bytes=int(FULL * total) + 1, total_bytes=total)).concern == "full"


@pytest.mark.parametrize(("reasons", "word"), [
    ((), ""), (("sw_power_cap",), ""), (("sync_boost",), ""), (("sw_thermal_slowdown",), "throttled, heat"),
    (("hw_slowdown", "hw_thermal_slowdown"), "throttled, heat"), (("hw_slowdown",), "throttled"),
    (("hw_slowdown", "hw_power_brake_slowdown"), "throttled, power"),
])  # fmt: skip
def test_a_power_cap_is_how_fast_a_card_is_and_heat_is_a_fault(reasons: tuple[str, ...], word: str) -> None:
    assert slowed(HOT.model_copy(update={"slowing": reasons})) == word


def test_a_card_that_does_not_tell_its_reasons_is_not_called_throttled() -> None:
    assert shown(read(slowing=None)).concern == ""


def test_figures_that_are_not_renewed_while_beats_come_are_called_old() -> None:
    old = work(read(), at_ms=1000, beat_ms=15_200)
    assert text(card_row(old, BROAD)).startswith("gpu   ▲ figures 14 s old  93 %")
    assert late_ms(work(read(), at_ms=5000, beat_ms=1000)) == 0
    assert late_ms(replace(old, last_beat=None)) == 0


def test_every_trouble_has_a_sentence() -> None:
    told = AcceleratorRead.model_json_schema()["properties"]["trouble"]["anyOf"][0]["enum"]
    assert set(told) == set(TROUBLES)
