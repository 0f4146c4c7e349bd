"""What the operator is told at a moment, and that it is told alike live and later."""

from dataclasses import replace
from pathlib import Path

import pytest

from console.observation.conditions import Verdict
from console.observation.host_view import host_view
from console.observation.line import Stamp
from console.observation.moment import Moment
from console.observation.snapshot import Snapshot
from console.observation.worries import worry
from runners.contract import coordinator_records as coord
from runners.contract.states import Classification
from tests.observation import recorded_journals, recorded_window
from tests.observation.recorded_journals import LINUX, MAC, MONO_0, WALL_0, Recording, sha
from tests.observation.watching import Watch, told


def verdicts(shot: Snapshot) -> str:
    return " ".join(condition.verdict.value for condition in shot.conditions)


def live(recording: Recording, run_dir: Path, until_ms: int) -> Watch:
    """Watched from the first record on, every 400 ms."""
    watch, last = Watch(run_dir), -1
    for cut in (*range(0, until_ms, 400), until_ms):
        recording.write(run_dir, since_ms=last, until_ms=cut)
        last = cut
        watch.poll(cut)
    return watch


@pytest.mark.parametrize("name", ["healthy", "held", "stale", "refused"])
def test_a_live_run_and_its_bundle_end_in_the_same_snapshot(
    name: str, request: pytest.FixtureRequest, run_dir: Path, tmp_path: Path
) -> None:
    recording: Recording = request.getfixturevalue(name)
    watched = live(recording, run_dir, recording.end_ms + 100)
    (tmp_path / "kept").mkdir()
    bundle = recording.write_bundle(tmp_path / "kept", Classification.BOUNDED_SUCCESS)
    retained = Watch(bundle, now_ms=watched.now_ms).poll()
    assert retained.shot(alive=False) == watched.shot(alive=False)
    rows = [[ring[index] for index in range(len(ring))] for ring in (watched.ring, retained.ring)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("at_ms", "sentence"),
    [
        (600, "coordinator waits for swarm-mac-a to pass its gate since 0.6 s (bound 60 s)"),
        (2000, "coordinator waits for swarm-linux-a to pass its gate since"),
        (3450, "coordinator waits for swarm-mac-a to be admitted since"),
        (3750, "coordinator ships to and launches swarm-linux-a since 0.0 s (bound 60 s)"),
        (7000, "coordinator waits for swarm-linux-a to be ready since 2.9 s (bound 60 s) · 1 of 2 ready"),
        (12_000, "2 hosts train · last is swarm-linux-a at step 23 of 100 · about 10.8 s left"),
        (19_500, "swarm-mac-a is done and waits for swarm-linux-a since 2.7 s (bound 15 s) · about 3.8 s left"),
        (24_950, "validator does the work of swarm-mac-a again since 1.5 s (bound 60 s)"),
        (29_000, "validator does the work of swarm-linux-a again since 2.0 s (bound 60 s)"),
        (12_000, "2 hosts train · last is swarm-linux-a at step 23 of 100 · about 10.8 s left · 7 steps/s"),
        (32_000, "validator scores the merge on held-out samples since 0.6 s (bound 60 s)"),
        (36_000, "✓ bounded success · promoted · merge 4.312 beats base 4.498 held-out by 0.186"),
    ],
)
def test_the_sentence_says_who_waits_for_whom(at_ms: int, sentence: str, healthy: Recording, run_dir: Path) -> None:
    assert told(live(healthy, run_dir, at_ms).shot()).startswith(sentence)


def test_before_the_first_record_the_console_waits_for_the_coordinator(run_dir: Path) -> None:
    (run_dir / "mac" / "coordinator").mkdir(parents=True)
    assert told(Watch(run_dir).poll().shot()).startswith("waiting for the coordinator's first record")


def test_a_run_without_a_living_coordinator_says_how_to_continue(healthy: Recording, run_dir: Path) -> None:
    shot = live(healthy, run_dir, 12_000).shot(alive=False)
    assert told(shot).startswith("no coordinator is alive")
    assert "continues the run" in told(shot)
    assert [view.badge.word for view in shot.hosts] == ["NOT WATCHED", "NOT WATCHED"]


def test_a_held_merge_is_a_result_like_another(held: Recording, run_dir: Path) -> None:
    assert "held · merge 4.495 beats base 4.498 held-out by 0.003" in told(live(held, run_dir, held.end_ms).shot())


def test_silence_counts_down_here_but_only_the_coordinator_says_stale(stale: Recording, run_dir: Path) -> None:
    watch = live(stale, run_dir, 22_690)  # the last beat is 5.04 s old; the coordinator's record comes at 22 700
    for _ in range(20):
        watch.poll(watch.now_ms + 500)
        assert {"STALE", "LOST"}.isdisjoint(view.badge.word for view in watch.shot().hosts)
    badge = watch.shot().hosts[1].badge
    assert badge.word.startswith("NO BEAT")
    assert badge.role == "warn"


def test_stale_and_lost_appear_with_the_coordinators_records(stale: Recording, run_dir: Path) -> None:
    watch = live(stale, run_dir, 22_700)
    assert watch.shot().hosts[1].badge.word == "STALE"
    stale.write(run_dir, since_ms=22_700, until_ms=25_200)
    assert watch.poll(25_200).shot().hosts[1].badge.word == "LOST"
    assert watch.shot().hosts[0].badge.word == "LIVE"


def test_the_gauge_counts_from_arrival_and_after_reattach_from_the_beats_own_clock(
    stale: Recording, run_dir: Path
) -> None:
    watch = live(stale, run_dir, 20_000)
    reattached = Watch(run_dir, now_ms=20_000).poll()
    assert watch.shot().hosts[1].beat_age_ms == pytest.approx(2350, abs=450)
    assert reattached.shot().hosts[1].beat_age_ms == 2350
    assert watch.poll(21_000).shot().hosts[1].badge.word.startswith("STALE IN ")


def test_skew_grows_while_one_is_outstanding_and_then_is_the_coordinators_figure(
    healthy: Recording, run_dir: Path
) -> None:
    watch = live(healthy, run_dir, 18_760)
    skew = watch.shot().skew
    assert skew is not None
    assert (skew.value_ms, skew.bound_ms, skew.waits_for, skew.measured) == (2000, 15_000, LINUX, False)
    shot = live(healthy, run_dir.with_name("later"), 24_000).shot()
    assert shot.skew is not None
    assert (shot.skew.value_ms, shot.skew.measured) == (5750, True)


@pytest.mark.parametrize(
    ("name", "at_ms", "expected"),
    [
        ("healthy", 600, "open open open open open"),
        ("healthy", 2000, "clear open open open open"),
        ("healthy", 5000, "clear clear clear open open"),
        ("healthy", 19_500, "clear clear clear open clear"),
        ("healthy", 24_000, "clear clear clear clear clear"),
        ("stale", 20_900, "clear clear clear open near"),
        ("stale", 23_000, "clear clear clear open replay"),
        ("refused", 3700, "clear clear stop open open"),
    ],
)
def test_stop_conditions_follow_the_records(
    name: str, at_ms: int, expected: str, request: pytest.FixtureRequest, run_dir: Path
) -> None:
    assert verdicts(live(request.getfixturevalue(name), run_dir, at_ms).shot()) == expected


def test_a_stop_condition_reads_as_a_sentence_with_evidence(stale: Recording, run_dir: Path) -> None:
    condition = live(stale, run_dir, 23_000).shot().conditions[-1]
    assert condition.verdict is Verdict.REPLAY
    assert condition.sentence == (
        "swarm-linux-a is stale: no heartbeat, link up; a replay in a new revision is possible"
    )
    assert condition.evidence is not None
    assert condition.evidence.file == f"{MAC}.coordinator.r0.e1.jsonl"
    # Lost later, it is still the record of which the window's reason speaks: found stale.
    later = live(stale, run_dir.with_name("later"), stale.end_ms).shot().conditions[-1]
    assert "is lost" in later.sentence
    assert (later.evidence, later.since) == (condition.evidence, condition.since)


def test_a_stop_says_what_next(refused: Recording, run_dir: Path, tmp_path: Path) -> None:
    """Admission, gate and upload: each in one sentence with why, and with what would help."""
    plan = live(refused, run_dir, 3700).shot().conditions[2]
    assert plan.sentence == (
        "swarm-linux-a was refused: expected a proof under this run's token, got another; "
        "give that host the lane's token; another run asks it anew"
    )
    run = recorded_journals.Recorder(tmp_path)
    recorded_window.opening(run)
    body = coord.BringupReceived(
        node_id=LINUX, disposition="refused", reasons=("memory_below_minimum",), report_digest=sha("report"),
        backend_label="torch", device_label="cpu:0", device_name="", node_public_key="0" * 64,
    )  # fmt: skip
    run.put(3450, "coordinator", "bringup_received", body)
    recording = run.close()
    gate = live(recording, run_dir.with_name("gate"), 3500).shot().conditions[1]
    assert gate.verdict is Verdict.STOP
    assert "refused, memory_below_minimum; mend that on the host and bring it up again" in gate.sentence


def test_near_shows_value_and_limit(stale: Recording, run_dir: Path) -> None:
    condition = live(stale, run_dir, 21_250).shot().conditions[-1]
    assert (condition.verdict, condition.limit) == (Verdict.NEAR, "5.0 s")
    assert float(condition.value) == pytest.approx(3.6, abs=0.4)


def test_the_bad_count_is_the_number_of_records_that_report_a_fault(stale: Recording, run_dir: Path) -> None:
    assert live(stale, run_dir, 20_000).shot().bad == 0
    assert live(stale, run_dir.with_name("later"), stale.end_ms).shot().bad == 4  # stale, its window, lost, closed


@pytest.mark.parametrize(
    ("at_ms", "sentence"),
    [
        (4500, "coordinator captures hidden states of train since 0.5 s · 120 of 507 (bound 60 s) · nothing to do"),
        (8000, "coordinator captures hidden states of train since 4.0 s · 507 of 507 (bound 60 s) · nothing to do"),
        (8950, "coordinator tokenizes validation since 5.0 s · 0 of 136 (bound 60 s) · nothing to do"),
        (9100, "coordinator captures hidden states of validation since 5.1 s · 16 of 136 (bound 60 s) · nothing to do"),
        (9300, "coordinator binds plan and membership"),
    ],
)
def test_while_it_captures_the_coordinator_names_its_own_work(
    at_ms: int, sentence: str, run_dir: Path, tmp_path: Path
) -> None:
    """Between two captures a model is loaded again: nothing is journaled for seconds, and the work goes on."""
    run = recorded_journals.Recorder(tmp_path)
    recorded_window.opening(run)
    recorded_window.admit(run, 3500, MAC)
    recorded_window.admit(run, 3600, LINUX)
    for when, detail, done, total in (
        (4000, "train capture", 16, 507),
        (4400, "train capture", 120, 507),
        (6000, "train capture", 507, 507),
        (8900, "validation tokenize", 0, 136),
        (9000, "validation capture", 16, 136),
    ):
        body = coord.Working(activity="capture", node_id=None, done=done, total=total, detail=detail)
        run.put(when, "coordinator", "working", body)
    prepared = coord.InputsPrepared(
        reused=False,
        head_sha256=recorded_journals.sha("head"),
        train_samples=507,
        train_tokens=9000,
        held_out_samples=136,
        held_out_tokens=6930,
    )
    run.put(9200, "coordinator", "inputs_prepared", prepared)
    recording = run.close()
    recording.write(run_dir, until_ms=at_ms)
    assert sentence in told(Watch(run_dir, now_ms=at_ms).poll().shot(alive=True))


def test_a_runner_that_beats_without_a_step_is_named(healthy: Recording, run_dir: Path) -> None:
    """Six seconds of beats since the first of its step: alive, and not progressing."""
    watch = live(healthy, run_dir, 17_000)
    state, linux = watch.observer.state, watch.shot().hosts[1].host
    assert watch.shot().hosts[1].badge.word == "LIVE"
    since = linux.work.progressed
    assert since is not None
    beaten = replace(linux.work, last_beat=Stamp(since.wall_ms + 6000, since.mono_ms + 6000))
    moment = Moment(Stamp(WALL_0 + 17_000, MONO_0 + 17_000), alive=True)
    view = host_view(state, replace(linux, work=beaten), "linux", moment)
    assert (view.badge.word, view.badge.role) == ("NO STEP 6.0 s", "warn")
    told_of = worry(state, (view,), moment)
    assert told_of is not None
    assert "".join(text for text, _ in told_of).startswith(f"{LINUX} beats, and took no step for 6.0 s")
