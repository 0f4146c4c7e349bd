"""What NVML tells of a card now; a stand-in answers here, in the figures of cards that aren't at hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from runners.contract.node_records import CardFigures
from runners.process.probes import accelerator_now as now
from runners.process.probes import card_now
from runners.process.probes.card_now import CardReader
from tests.process.card import H100, NAME_4080, RTX_4080, StandInCard
from tests.process.sampled import SampledNvml
from tests.process.standin import pynvml as standin

LOST, NOT_SUPPORTED, NO_PERMISSION, NO_LIBRARY, UNKNOWN = 15, 3, 4, 12, 999
BUSY = CardFigures(
    used_bytes=12026322944, total_bytes=17171480576, busy_percent=93, temperature_c=71, power_mw=304881,
    power_limit_mw=320000, slowing=("sw_power_cap",), processes=2,
)  # fmt: skip


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandInCard:
    there = StandInCard(tmp_path)
    monkeypatch.setenv("STANDIN_NVML", str(there.path))
    return there


def told(reader: CardReader) -> object:
    return now.card_figures(json.dumps(reader.answer()).encode())


def reader(uuid: str = RTX_4080) -> CardReader:
    return CardReader(standin, uuid, NAME_4080)


def test_a_busy_rtx_4080_is_read_whole(card: StandInCard) -> None:
    assert told(reader()) == BUSY


def test_an_idle_h100_beside_it_is_told_by_its_uuid(card: StandInCard) -> None:
    idle = told(reader(H100))
    assert isinstance(idle, CardFigures)
    assert (idle.busy_percent, idle.temperature_c, idle.slowing, idle.processes) == (0, 34, (), 0)
    assert idle.total_bytes == 85520809984


def test_without_a_uuid_only_the_sole_card_of_that_name_is_meant(card: StandInCard) -> None:
    assert told(reader("")) == BUSY
    card.change(cards=card.told["cards"] + card.told["cards"])
    assert told(reader("")) == "not_found"


def test_a_card_that_nvml_does_not_know_is_not_taken_for_another(card: StandInCard) -> None:
    assert told(reader("00000000-0000-4111-8222-333344445555")) == "not_found"


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("nvmlDeviceGetUtilizationRates", "busy_percent"),
        ("nvmlDeviceGetTemperature", "temperature_c"),
        ("nvmlDeviceGetPowerUsage", "power_mw"),
        ("nvmlDeviceGetEnforcedPowerLimit", "power_limit_mw"),
        ("nvmlDeviceGetCurrentClocksEventReasons", "slowing"),
        ("nvmlDeviceGetComputeRunningProcesses", "processes"),
    ],
)
@pytest.mark.parametrize("code", [NOT_SUPPORTED, NO_PERMISSION])
def test_what_a_card_does_not_tell_is_absent_and_the_rest_is_told(
    question: str, field: str, code: int, card: StandInCard
) -> None:
    card.change(refuses={question: code})
    assert told(reader()) == BUSY.model_copy(update={field: None})


def test_a_lost_card_is_called_lost_and_read_again_when_it_is_back(card: StandInCard) -> None:
    asked = reader()
    assert told(asked) == BUSY
    card.change(refuses={"*": LOST})
    assert [told(asked), told(asked)] == ["lost", "lost"]
    card.change(refuses={})
    assert told(asked) == BUSY


def test_a_lost_neighbour_does_not_hide_the_card(card: StandInCard) -> None:
    card.change(refuses={"nvmlDeviceGetHandleByIndex 0": LOST})
    assert told(reader()) == BUSY


@pytest.mark.parametrize(("code", "word"), [(NO_LIBRARY, "no_nvml"), (9, "no_nvml"), (18, "no_nvml"), (16, "lost"),
                                            (UNKNOWN, "refused")])  # fmt: skip
def test_why_nothing_is_told_has_a_word(code: int, word: str, card: StandInCard) -> None:
    card.change(refuses={"*": code})
    assert told(reader()) == word


def test_without_the_bindings_nothing_is_asked() -> None:
    assert told(CardReader(None, RTX_4080, NAME_4080)) == "no_bindings"


def test_every_question_and_code_is_the_real_bindings_own() -> None:
    bindings = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed here")
    asked = [name for name in vars(standin) if name.startswith("nvml")]
    assert [name for name in asked if not hasattr(bindings, name)] == []
    assert {bindings.NVML_ERROR_GPU_IS_LOST, bindings.NVML_ERROR_RESET_REQUIRED} == card_now.LOST
    assert {bindings.NVML_ERROR_DRIVER_NOT_LOADED, bindings.NVML_ERROR_LIBRARY_NOT_FOUND,
                                bindings.NVML_ERROR_LIB_RM_VERSION_MISMATCH} == card_now.NO_NVML  # fmt: skip
    assert {bindings.NVML_ERROR_UNINITIALIZED, bindings.NVML_ERROR_UNKNOWN} <= card_now.BROKEN
    assert bindings.NVML_TEMPERATURE_GPU == card_now.TEMPERATURE_GPU
    assert bindings.NVMLError(LOST).value == LOST
    assert CardReader(bindings, RTX_4080, NAME_4080).answer() in ({"trouble": "no_nvml"}, {"trouble": "not_found"})


def test_bindings_without_codes_are_a_refusal_and_no_crash() -> None:
    assert CardReader(SampledNvml({}, missing=("nvmlInit",)), RTX_4080, NAME_4080).answer() == {"trouble": "refused"}


WHOLE: dict[str, Any] = BUSY.to_json()
OUT_OF_BOUNDS: dict[str, tuple[str, Any]] = {
    "negative": ("power_mw", -1),
    "not available, as an unsigned long": ("power_limit_mw", 2**32 - 1),
    "above a hundred percent": ("busy_percent", 101),
    "hotter than silicon": ("temperature_c", 4_000),
    "no whole number": ("temperature_c", 71.5),
    "no number": ("processes", "two"),
    "a truth": ("busy_percent", True),
}


@pytest.mark.parametrize("case", OUT_OF_BOUNDS)
def test_a_figure_that_no_card_has_is_left_out(case: str) -> None:
    field, value = OUT_OF_BOUNDS[case]
    assert now.figures({**WHOLE, field: value}) == BUSY.model_copy(update={field: None})


@pytest.mark.parametrize(("used", "total"), [(2, 1), (0, 0), (-1, 10), (1, 2**60), (2**64 - 1, 2**64 - 1)])
def test_memory_that_can_not_be_is_left_out_whole(used: int, total: int) -> None:
    got = now.figures({**WHOLE, "used_bytes": used, "total_bytes": total})
    assert got == BUSY.model_copy(update={"used_bytes": None, "total_bytes": None})


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"{}", b'{"trouble":"x"}', b'{"card":3}', b"\xff", b'{"trouble":["lost"]}']
)
def test_what_is_no_answer_is_none(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        now.card_figures(line)


@pytest.mark.mlx
def test_what_mlx_holds_is_counted_by_mlx() -> None:
    """On the processor here; the same calls count Metal's memory on a Mac."""
    mx = pytest.importorskip("mlx.core", reason="MLX is not installed here")
    assert now._of_mlx() == now.held(
        arrays=mx.get_active_memory(), cached=mx.get_cache_memory(), peak=mx.get_peak_memory(),
        recommended=mx.device_info().get("max_recommended_working_set_size"),
    )  # fmt: skip


def test_a_count_that_can_not_be_is_no_count() -> None:
    assert now.held(arrays=-1, cached=0, peak=0, recommended=None) is None
    counted = now.held(arrays=3, cached=2, peak=5, recommended=0)
    assert counted is not None
    assert counted.recommended_bytes is None
