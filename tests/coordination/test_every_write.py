"""The coordinator is killed at every record that it writes, whole or torn, and the run ends as if it never had been."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from console.coordination.due import Command
from console.coordination.restore import restored
from console.coordination.run_journal import RunJournal, read_past
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.node_records import Failed
from runners.contract.states import ReplayOutcome
from runners.contract.states import WindowState as W
from runners.records import durable, journal_file
from runners.records.clock import Clock
from runners.records.keys import SigningKey
from tests.coordination import window as win
from tests.coordination.window import Window

OF_A_RESTART = ("epoch_opened", "recovered")


class KilledError(BaseException):
    """kill -9: nothing of ours may catch it."""


@dataclass
class MortalWindow(Window):
    """`lives` says how many records each process writes before it dies; when they are used up, it lives on."""

    lives: list[int] = field(default_factory=list)
    written: int = 0

    def note(self, body: Word) -> None:
        self.write(body)
        self.written += 1
        if self.lives and self.written >= self.lives[0]:
            self.lives.pop(0)
            self.written = 0
            raise KilledError

    def write(self, body: Word) -> None:
        super().note(body)

    def live(self, act: Callable[[], object]) -> None:
        """`act`, and after each death a new process, until one gets through what was decided meanwhile."""
        killed = False
        while True:
            try:
                if killed:
                    self.crash()
                    self.settle()
                else:
                    act()
            except KilledError:
                killed = True
            else:
                return


Step = Callable[[Window], object]


@dataclass(frozen=True)
class Story:
    """What the hosts do, in order; the coordinator's own works are done as soon as they are due, or fail as said."""

    steps: tuple[Step, ...]
    ends: W
    fails: tuple[tuple[str, Callable[[str], Word]], ...] = ()


def everyone(say: Callable[[str], Word]) -> tuple[Step, ...]:
    """Each contributor says it, one after the other."""
    return tuple(lambda w, k=k: w.say(w.ids[k], say(w.ids[k])) if k < len(w.ids) else None for k in range(8))


READY = everyone(lambda _: win.ready())
BEGAN = everyone(lambda _: win.BEGAN)
PRODUCED = everyone(win.produced)
TRAINING = (*READY, *BEGAN)


def forked(w: Window) -> None:
    w.note(rec.JournalBroken(node_id="n0", reason="fork", detail="", head=win.head("n0", 9)))
    w.settle()


def stopped(w: Window) -> None:
    w.stop()


# What stays true until it is on record: bytes in a host's journal, a command in the inbox. Each process finds it again.
STANDING: dict[Step, str] = {forked: "journal_broken", stopped: "operator_acted"}

STORIES = {
    "promoted": Story((*TRAINING, *PRODUCED), W.PROMOTED),
    "bringup_refused": Story((), W.REFUSED, (
        ("admit_host", lambda n: rec.BringupRefused(node_id=n, reason="no_card", detail="", report_digest=None)),)),
    "preparation_failed": Story((), W.ABORTED, (
        ("prepare_host", lambda n: rec.PreparationFailed(node_id=n, reason="no_space", detail="")),)),
    "silent": Story(TRAINING, W.REPLAY_REQUIRED),
    "failed": Story((*TRAINING, lambda w: w.say("n0", Failed(reason="diverged", detail=""))), W.REPLAY_REQUIRED),
    "forked": Story((*TRAINING, forked), W.REJECTED),
    "upload_rejected": Story((*TRAINING, *PRODUCED), W.REJECTED, (
        ("fetch", lambda n: win.submission(n, "artifact_digest_mismatch")),)),
    "replay_disagrees": Story((*TRAINING, *PRODUCED), W.REJECTED, (
        ("replay", lambda n: win.replay(n, ReplayOutcome.MISMATCH)),)),
    "merge_failed": Story((*TRAINING, *PRODUCED), W.ABORTED, (
        ("merge", lambda _: rec.WorkFailed(activity="merge", detail="disk full")),)),
    "skewed": Story((*TRAINING, lambda w: w.say("n0", win.produced("n0"))), W.WAIT_THEN_REPLAY),
    "stopped": Story((*TRAINING, stopped), W.ABORTED),
}  # fmt: skip


def played(story: Story, window: MortalWindow) -> MortalWindow:
    window.live(window.settle)
    _work(story, window)
    for step in story.steps:
        if not window.state.closed:
            window.live(lambda step=step: step(window))  # type: ignore[misc]
            while step in STANDING and not any(record.kind == STANDING[step] for record in window.past):
                window.live(lambda step=step: step(window))  # type: ignore[misc]
            _work(story, window)
    for _ in range(60):
        if window.state.closed:
            break
        window.live(lambda: a_second(window))
        _work(story, window)
    return window


def a_second(window: Window) -> None:
    """Everyone but the first says that it lives."""
    for node_id in window.ids[1:]:
        if window.node(node_id).launched is not None:
            window.say(node_id, win.beat())
    window.after(1000)


def _work(story: Story, window: MortalWindow) -> None:
    """Whatever is due and can be done; a permission and a question show their effect elsewhere."""
    fails = dict(story.fails)
    while works := sorted(
        (c for c in window.due if c.kind not in ("begin", "check_alive")), key=lambda c: (c.kind, c.node_id or "")
    ):
        window.live(lambda: _do(window, works[0], fails))


def _do(window: MortalWindow, command: Command, fails: dict[str, Callable[[str], Word]]) -> None:
    if command.kind in fails and command.node_id in (None, "n0"):
        window.note(fails[command.kind](command.node_id or ""))
        window.settle()
    else:
        window.do(command)


def told(window: Window) -> Counter[tuple[str, str]]:
    """Every record but those that a restart adds, with whom it is about."""
    return Counter((r.kind, str(r.body.get("node_id"))) for r in window.past if r.kind not in OF_A_RESTART)


def verdict(window: Window) -> tuple[object, ...]:
    dispositions = tuple((n, window.node(n).disposition, window.node(n).runner) for n in window.ids)
    return (window.state.exit, window.state.classification, window.state.reason, dispositions)


def every_kill(story: Story, nodes: int) -> None:
    unharmed = played(story, MortalWindow(nodes))
    assert (unharmed.state.exit, unharmed.state.closed) == (story.ends, True)
    records = len(unharmed.past)
    every_life_short = [2] * (2 * records)  # `epoch_opened`, one record more, and dead
    for lives in (*([at] for at in range(1, records + 1)), every_life_short):
        harmed = MortalWindow(nodes)  # the first record names the run: before it there is nothing to go on from
        harmed.lives = list(lives)
        played(story, harmed)
        assert verdict(harmed) == verdict(unharmed), lives
        assert told(harmed) == told(unharmed), lives


@pytest.mark.parametrize("name", STORIES)
def test_killed_after_any_record_the_run_ends_as_if_it_never_had_been(name: str) -> None:
    every_kill(STORIES[name], 2)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("nodes", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("name", STORIES)
def test_killed_after_any_record_with_any_number_of_contributors(name: str, nodes: int) -> None:
    if (name, nodes) != ("skewed", 1):  # one alone has no skew
        every_kill(STORIES[name], nodes)


# --- the same on a real file, where a write may end anywhere in its line -------------------------------------------

RUN, NODE = "run-1", "swarm-mac-a"


@dataclass
class WindowOnDisk(MortalWindow):
    """What it writes goes through the coordinator's journal; after a death only the folder is left of it."""

    folder: Path = Path()
    key: SigningKey = field(default_factory=SigningKey.generate)
    journal: RunJournal | None = None

    def __post_init__(self) -> None:
        self.journal = self._open()
        super().__post_init__()

    def _open(self) -> RunJournal:
        return RunJournal.open(
            self.folder, RUN, NODE, self.key, Clock(wall_ms=lambda: self.now, mono_ms=lambda: self.now)
        )

    def write(self, body: Word) -> None:
        assert self.journal is not None
        self.journal.append(body)
        super().write(body)

    def crash(self) -> None:
        assert self.journal is not None
        self.journal.close()
        past = read_past(self.folder, RUN, NODE, self.key)
        self.state = restored(past.records, self.now)
        if past.closed:
            self.past = list(past.records)
            return
        self.journal = self._open()
        self.past = list(read_past(self.folder, RUN, NODE, self.key).records)
        self.epoch = self.journal.epoch
        self.hear_again()


@contextmanager
def tearing(monkeypatch: pytest.MonkeyPatch, cuts: Iterator[int | None]) -> Iterator[None]:
    """Each write takes the next cut: so many bytes of its line get to the disk, and the process is dead."""

    def write_some(fd: int, line: bytes) -> None:
        cut = next(cuts, None)
        whole(fd, line if cut is None else line[: cut % (len(line) + 1)])
        if cut is not None:
            raise KilledError

    whole = durable.write_all
    with monkeypatch.context() as patch:
        patch.setattr(journal_file, "write_all", write_some)
        patch.setattr(journal_file, "sync_fd", lambda _: None)  # a killed process loses no page of the system's
        yield


def torn(story: Story, folder: Path, monkeypatch: pytest.MonkeyPatch, cuts: Iterator[int | None]) -> WindowOnDisk:
    folder.mkdir(parents=True)
    window = WindowOnDisk(2, folder=folder)
    with tearing(monkeypatch, cuts):
        played(story, window)
    assert window.journal is not None
    window.past = list(read_past(folder, RUN, NODE, window.key).records)
    return window


UNHARMED = {name: played(story, MortalWindow(2)) for name, story in STORIES.items()}


@pytest.mark.parametrize("cut", [300, -1])
def test_every_record_is_torn_once_and_none_is_lost_or_doubled(
    cut: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torn, then `epoch_opened`, `recovered` and the record itself whole, then the next one torn."""
    window = torn(STORIES["promoted"], tmp_path / "j", monkeypatch, cycle((cut, None, None, None)))
    assert verdict(window) == verdict(UNHARMED["promoted"])
    assert told(window) == told(UNHARMED["promoted"])
    assert window.epoch >= len(UNHARMED["promoted"].past) // 4
    said = [r.body["cut_bytes"] for r in window.past if r.kind == "recovered"]
    assert bool(said) is (cut != -1), "what was cut is on record, and nothing else is"


@settings(
    max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(
    name=st.sampled_from(sorted(STORIES)),
    cuts=st.lists(st.one_of(st.none(), st.none(), st.integers(0, 1200)), max_size=40),
)
def test_torn_anywhere_also_in_what_a_restart_writes(name: str, cuts: list[int | None]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch, TemporaryDirectory() as folder:
        window = torn(STORIES[name], Path(folder, "j"), monkeypatch, iter(cuts))
        assert verdict(window) == verdict(UNHARMED[name])
        assert told(window) == told(UNHARMED[name])


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", STORIES)
def test_each_record_torn_alone_at_many_places(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in range(len(UNHARMED[name].past) - 1):
        for cut in (0, 1, 100, 400, -1, -2):
            window = torn(STORIES[name], tmp_path / f"{at}.{cut}", monkeypatch, iter((*(None,) * at, cut)))
            assert (verdict(window), told(window)) == (verdict(UNHARMED[name]), told(UNHARMED[name])), (at, cut)
