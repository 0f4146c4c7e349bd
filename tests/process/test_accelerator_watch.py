"""The accelerator is read beside a run: a real process asks a stand-in for NVML, and no trouble of it is the run's."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from runners.contract.document import Word
from runners.contract.node_records import AcceleratorRead, CardFigures, CardTrouble, Heartbeat, HeldMemory
from runners.contract.receipts import Device
from runners.process.accelerator_watch import AcceleratorWatch
from runners.process.card_asker import STARTS, Card
from runners.process.heartbeat import HeartbeatThread, Progress
from runners.process.work import open_runner, see_through
from tests.patience import until
from tests.process.card import REPOSITORY, StandInCard
from tests.process.inputs import contract, shipment
from tests.process.node import Node, runner_request

LONG_S = 60.0
HELD = HeldMemory(arrays_bytes=3_000, cached_bytes=200, peak_bytes=4_000, recommended_bytes=None)


@pytest.fixture
def stand_in(tmp_path: Path) -> StandInCard:
    return StandInCard(tmp_path)


@pytest.fixture
def card(stand_in: StandInCard) -> Iterator[Card]:
    with closing(Card(stand_in.argv, patience_s=LONG_S)) as card:
        yield card


def pid(card: Card) -> int:
    assert card._asker is not None
    return card._asker._child.pid


class Journal:
    """What was said, by kind."""

    def __init__(self) -> None:
        self.bodies: list[Word] = []

    def append(self, kind: str, body: Word) -> None:
        self.bodies.append(body)

    def read(self) -> list[AcceleratorRead]:
        return [body for body in self.bodies if isinstance(body, AcceleratorRead)]

    def beats(self) -> int:
        return sum(isinstance(body, Heartbeat) for body in self.bodies)


def test_one_process_answers_again_and_again(card: Card, stand_in: StandInCard) -> None:
    first = card.read()
    asker = pid(card)
    stand_in.told["cards"][1]["temperature"] = 72
    stand_in.change()
    second = card.read()
    assert isinstance(first, CardFigures)
    assert isinstance(second, CardFigures)
    assert (first.temperature_c, second.temperature_c) == (71, 72)
    assert pid(card) == asker


def test_a_call_that_hangs_is_called_silent_and_told_when_it_returns(stand_in: StandInCard) -> None:
    stand_in.change(hangs=True)
    with closing(Card(stand_in.argv, patience_s=0.01)) as card:
        assert [card.read(), card.read()] == ["silent", "silent"]
        asker = pid(card)
        stand_in.change(hangs=False)
        until("figures after the hang", lambda: isinstance(card.read(), CardFigures))
        assert pid(card) == asker, "no second process was started beside one that hangs"


def test_who_asks_may_be_killed_and_is_started_again_but_not_for_ever(card: Card) -> None:
    for _ in range(STARTS):
        assert isinstance(card.read(), CardFigures)
        card.kill()
        assert card.read() == "ended"
    assert card.read() == "ended"
    assert card._asker is None


def test_who_asks_ends_when_the_runner_is_killed(stand_in: StandInCard) -> None:
    program = (
        "import sys, time; from runners.process.card_asker import Card; card = Card(sys.argv[1:]); card.read();"
        "print(card._asker._child.pid, flush=True); time.sleep(600)"
    )
    argv = (sys.executable, "-c", program, *stand_in.argv)
    with subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        asker = psutil.Process(int(runner.stdout.readline()))
        runner.kill()
    until("the end of the process that asks", lambda: not asker.is_running() or asker.status() == psutil.STATUS_ZOMBIE)


def test_a_program_that_is_not_there_is_a_word_and_no_error() -> None:
    card = Card(("/nowhere/python",), patience_s=LONG_S)
    assert [card.read() for _ in range(STARTS + 2)] == ["ended"] * (STARTS + 2)


@pytest.mark.parametrize("program", ["echo '{}'; cat", "echo no JSON; cat", "head -c 9000 /dev/zero; cat", "exit 3"])
def test_an_answer_that_is_none_is_not_believed(program: str) -> None:
    with closing(Card(("/bin/sh", "-c", program), patience_s=LONG_S)) as card:
        assert card.read() == "ended"


def test_a_host_without_nvml_is_asked_once(stand_in: StandInCard) -> None:
    stand_in.change(refuses={"*": 12})
    with closing(Card(stand_in.argv, patience_s=LONG_S)) as card:
        assert card.read() == "no_nvml"
        assert card._asker is None
        assert card.read() == "no_nvml"


def test_nvml_that_goes_away_in_mid_run_is_asked_on(card: Card, stand_in: StandInCard) -> None:
    assert isinstance(card.read(), CardFigures)
    stand_in.change(refuses={"*": 12})
    assert card.read() == "no_nvml"
    stand_in.change(refuses={})
    assert isinstance(card.read(), CardFigures)


def test_the_record_has_what_the_library_holds_and_what_the_driver_tells(card: Card) -> None:
    journal = Journal()
    with AcceleratorWatch(journal.append, period_s=0.01) as watch:
        watch.start("cuda:0", lambda: HELD, card)
        until("two readings", lambda: len(journal.read()) >= 2)
    read = journal.read()[0]
    assert (read.device_label, read.held, read.trouble) == ("cuda:0", HELD, None)
    assert read.card is not None
    assert read.card.busy_percent == 93


def test_a_driver_that_hangs_delays_no_beat_and_no_end(stand_in: StandInCard) -> None:
    stand_in.change(hangs=True)
    journal = Journal()
    card = Card(stand_in.argv, patience_s=LONG_S)
    with HeartbeatThread(journal.append, Progress(1), period_ms=10), AcceleratorWatch(journal.append) as watch:
        watch.start("cuda:0", lambda: HELD, card)
        until("a question that isn't answered", lambda: card._asker is not None and card._asker._outstanding)
        so_far = journal.beats()
        until("beats while the driver hangs", lambda: journal.beats() >= so_far + 5)
    assert watch._thread is not None
    watch._thread.join(LONG_S)
    assert not watch._thread.is_alive(), "killing who asks wakes who waits"
    assert journal.read() == []


def test_no_reading_comes_after_the_end(card: Card) -> None:
    journal, held, may_go = Journal(), threading.Event(), threading.Event()

    def slow(kind: str, body: Word) -> None:
        held.set()
        may_go.wait(LONG_S)
        journal.append(kind, body)

    with AcceleratorWatch(slow, period_s=0.0) as watch:
        watch.start("cuda:0", lambda: HELD, card)
        assert held.wait(LONG_S)
        may_go.set()
    after = len(journal.bodies)
    assert watch._thread is not None
    watch._thread.join(LONG_S)
    assert len(journal.bodies) == after


def test_a_trouble_that_stays_is_said_once_and_figures_follow_when_they_come_back(
    stand_in: StandInCard,
) -> None:
    class Counted(Card):
        answers = 0

        def read(self) -> CardFigures | CardTrouble:
            self.answers += 1
            return super().read()

    journal, asked = Journal(), Counted(stand_in.argv, patience_s=LONG_S)
    stand_in.change(refuses={"*": 15})
    with AcceleratorWatch(journal.append, period_s=0.0) as watch:
        watch.start("cuda:0", lambda: HELD, asked)
        until("answers of a lost card", lambda: asked.answers > 3)
        stand_in.change(refuses={})
        until("figures of the card that came back", lambda: journal.read()[-1].card is not None)
    assert [read.trouble for read in journal.read()][:2] == ["lost", None]


def test_a_full_disk_is_not_the_end_of_it(card: Card, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal()
    refused: list[str] = []

    def append(kind: str, body: Word) -> None:
        if len(refused) < 2:
            refused.append(kind)
            raise OSError(28, "No space left on device")
        journal.append(kind, body)

    with AcceleratorWatch(append, period_s=0.01) as watch:
        watch.start("cuda:0", lambda: HELD, card)
        until("a reading after two refused ones", lambda: bool(journal.read()))
    assert "No space left on device" in capsys.readouterr().err


def test_a_library_that_breaks_down_takes_nothing_with_it(card: Card) -> None:
    def broken() -> HeldMemory:
        raise RuntimeError("CUDA error: device-side assert triggered")

    journal = Journal()
    with AcceleratorWatch(journal.append, period_s=0.01) as watch:
        watch.start("cuda:0", broken, card)
        until("a reading without what the library holds", lambda: bool(journal.read()))
    assert journal.read()[0].held is None


def test_metal_has_no_driver_to_ask() -> None:
    journal = Journal()
    with AcceleratorWatch(journal.append, period_s=0.01) as watch:
        watch.start("metal:0", lambda: HELD, None)
        until("a reading", lambda: bool(journal.read()))
    read = journal.read()[0]
    assert (read.held, read.card, read.trouble) == (HELD, None, None)


def test_of_a_processor_nothing_is_claimed() -> None:
    journal = Journal()
    device = Device(backend_label="open_adapter_backend.torch.cpu.gpt_oss_lm_head", kind="cpu", device_label="cpu:0",
                    name="AMD EPYC", memory_total_bytes=1, threads=1, blas="x", tf32=False)  # fmt: skip
    with AcceleratorWatch(journal.append) as watch:
        watch.start_on(device)
        watch.note()
        assert watch._thread is None
    assert journal.bodies == []


@pytest.mark.parametrize("hangs", [False, True], ids=["that_tells", "that_hangs"])
def test_a_whole_run_on_a_card(
    hangs: bool, tmp_path: Path, stand_in: StandInCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is real, of the reference backend, in this process; only the card is a stand-in's."""
    stand_in.change(hangs=hangs)
    node = Node(tmp_path, contract())  # not the fixture's, which ends every runner's process

    def on_a_card(watch: AcceleratorWatch, device: Device) -> None:
        assert device.kind == "cpu"
        watch.start("cuda:0", lambda: HELD, Card(stand_in.argv, patience_s=LONG_S))

    monkeypatch.setattr(AcceleratorWatch, "start_on", on_a_card)
    sent = shipment(node.lane)
    node.admit()
    node.ship(sent)
    node.root.keep(node.root.request(0), node.launch_request(sent))
    runner = open_runner(node.settings, 0)
    opened = node.root.launched(0)
    assert opened is not None
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(see_through(runner)), daemon=True)
    thread.start()
    if not hangs:
        node.await_record(opened, "accelerator_read")
    assert node.ask_here("begin", node.begin_request(sent))[0] == 0
    node.await_record(opened, "produced")
    assert node.ask_here("release", runner_request())[0] == 0
    thread.join(LONG_S)
    kinds = node.kinds(opened)
    assert (codes, kinds[-1]) == ([0], "exited")
    assert ("accelerator_read" in kinds) is not hangs
