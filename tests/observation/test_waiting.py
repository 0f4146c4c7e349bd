"""Who waits for whom is known of every host in every phase, and agrees with the sentence on the dashboard."""

from pathlib import Path

import pytest

from console.observation.waiting import Waiting
from tests.observation import make_run
from tests.observation.recorded_journals import LINUX, MAC, Recording
from tests.observation.watching import Watch, told


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    makers = {"healthy": make_run.healthy, "stale": make_run.stale, "uneven": make_run.uneven,
              "unlinked": make_run.unlinked, "unlinked_early": make_run.unlinked_early,
              "shipping": make_run.shipping,
              "refused": make_run.refused}  # fmt: skip
    return {name: make(tmp_path_factory.mktemp(name)) for name, make in makers.items()}


def at(recording: Recording, run_dir: Path, at_ms: int) -> Watch:
    recording.write(run_dir, until_ms=at_ms)
    return Watch(run_dir, now_ms=at_ms).poll()


def line(wait: Waiting) -> str:
    return " · ".join(part for part in (wait.text, wait.share, wait.measured.split(", since")[0]) if part)


@pytest.mark.parametrize(
    ("name", "at_ms", "mac", "linux"),
    [
        ("healthy", 2000, "coordinator waits for {m} to prove its admission · 2.0 s of 60 s",
         "coordinator waits for {l} to pass its bring-up gate · 2.0 s of 60 s"),
        ("healthy", 3550, "{m} waits for {l} to be admitted · 0.1 s of 60 s",
         "coordinator waits for {l} to prove its admission · 3.5 s of 60 s"),
        ("healthy", 3650, "{m} waits for coordinator to bind plan and membership · 0.1 s of 60 s",
         "{l} waits for coordinator to bind plan and membership · 0.1 s of 60 s"),
        ("healthy", 3750, "{m} waits for coordinator to ship its slice and launch its runner · 0.0 s of 60 s",
         "{l} waits for coordinator to ship its slice and launch its runner · 0.0 s of 60 s"),
        ("healthy", 7000, "{m} waits for {l} to be ready · 0.9 s of 60 s",
         "coordinator waits for {l} to be ready · head 262 KB of 524 KB · 2.9 s of 60 s"),
        ("healthy", 8150, "{m} waits for coordinator to open the window · 2.0 s of 60 s",
         "{l} waits for coordinator to open the window · 0.1 s of 60 s"),
        ("healthy", 12_000, "coordinator waits for {m} to be done · step 39 of 100 · 3.8 s, no bound",
         "coordinator waits for {l} to be done · step 23 of 100 · 3.8 s, no bound"),
        ("healthy", 17_000, "{m} waits for coordinator to fetch and check its upload · 0.2 s of 10 s",
         "{m} waits for {l} to be done · step 59 of 100 · 0.2 s of 15 s"),
        ("healthy", 19_500, "{m} waits for {l} to be done · step 73 of 100 · 2.7 s of 15 s",
         "{m} waits for {l} to be done · step 73 of 100 · 2.7 s of 15 s"),
        ("healthy", 29_000, "{m} waits for validator to do the work of {l} again · 5.5 s of 60 s",
         "{l} waits for validator to do its work again · 5.5 s of 60 s"),
        ("healthy", 32_000, "{m} waits for validator to score the merge · 0.6 s of 60 s",
         "{l} waits for validator to score the merge · 0.6 s of 60 s"),
        ("healthy", 36_000, "nobody waits: the run is closed", "nobody waits: the run is closed"),
        ("stale", 23_300, "{m} waits for coordinator to decide how {l} departed · 0.6 s of 2.5 s",
         "coordinator waits for {l} to beat again · 5.7 s of 7.5 s"),
        ("stale", 25_900, "coordinator waits for {m} to end its runner · 0.7 s of 90 s",
         "{l} waits for {m} to end its runner · 0.7 s of 90 s"),
        ("uneven", 33_000, "{m} waits for {l} to be done · step 60 of 100 · 16.2 s of 30 s",
         "{m} waits for {l} to be done · step 60 of 100 · 16.2 s of 30 s"),
        ("unlinked", 16_200, "coordinator waits for {m} to be done · step 87 of 100 · 8.0 s, no bound",
         "coordinator waits for {l} to be reached again · 2.5 s of 5 s"),
        ("unlinked_early", 6500, "{m} waits for {l} to be ready · 0.4 s of 60 s",
         "coordinator waits for {l} to be reached again · 1.5 s of 20 s"),
        ("shipping", 8100, "{m} waits for coordinator to ship its slice and launch its runner · 4.4 s of 60 s",
         "{l} waits for coordinator to ship its slice and launch its runner · 480 MB of 600 MB · 4.4 s of 60 s"),
        ("shipping", 9100, "{m} waits for coordinator to ship its slice and launch its runner · 5.4 s of 60 s",
         "{l} waits for coordinator to ship its slice and launch its runner · 5.4 s of 60 s"),
        ("refused", 3700, "{m} waits for coordinator to close the run · 0.1 s, at its next turn",
         "{l} waits for coordinator to close the run · 0.1 s, at its next turn"),
    ],
)  # fmt: skip
def test_of_every_host_it_is_said_who_waits_for_whom_since_when_out_of_how_long(
    name: str, at_ms: int, mac: str, linux: str, recordings: dict[str, Recording], run_dir: Path
) -> None:
    waits = at(recordings[name], run_dir, at_ms).shot().waiting
    assert [line(wait) for wait in waits] == [text.format(m=MAC, l=LINUX) for text in (mac, linux)]


def test_without_a_coordinator_nobody_waits(healthy: Recording, run_dir: Path) -> None:
    waits = at(healthy, run_dir, 12_000).shot(alive=False).waiting
    assert [wait.text for wait in waits] == ["nobody waits: no coordinator is alive"] * 2


def test_before_the_first_record_nobody_is_known(run_dir: Path) -> None:
    (run_dir / "mac" / "coordinator").mkdir(parents=True)
    assert Watch(run_dir).poll().shot().waiting == ()


@pytest.mark.parametrize(
    ("name", "at_ms", "sentence"),
    [
        ("uneven", 33_000, f"{MAC} is done and waits for {LINUX} since 16.2 s (bound 30 s)"),
        ("unlinked", 16_200, f"no way to {LINUX} since 1.2 s: no answer to keepalive · its last beat is"),
        ("shipping", 8100, f"coordinator ships to and launches {LINUX} since 4.4 s (bound 60 s) · 480 MB of 600 MB"),
        ("unlinked_early", 6500, f"no way to {LINUX} since 1.5 s: no answer to keepalive (bound 20 s)"),
        (
            "stale",
            23_300,
            f"{LINUX} is STALE since 0.6 s: no heartbeat, link up · app.evidence shows the record · lost at 7.5 s",
        ),
    ],
)
def test_a_worry_is_told_as_what_it_is(
    name: str, at_ms: int, sentence: str, recordings: dict[str, Recording], run_dir: Path
) -> None:
    assert told(at(recordings[name], run_dir, at_ms).shot()).startswith(sentence)
