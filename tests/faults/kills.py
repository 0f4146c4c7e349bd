"""`make kills`: random kill -9 of a run's processes, dozens in every run, until there were enough; resumable.

Runs are stopped at random phases and their coordinators, followers, agents and runners killed at random moments, those
that are just starting included. After each run the promises of the fault matrix are read from what it left. A line of
the file is a run, with its seed. Exit 0: nothing lost, nothing doubled, nothing broken, and as many kills as asked for.
"""

import argparse
import json
import random
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from runners.records.lock import is_held
from tests.faults.__main__ import _folder, machine
from tests.faults.hooks import PLACES
from tests.faults.matrix import GOOD, REPLAY
from tests.faults.promises import PROMISES, Witness, reattaching_shows_the_true_state
from tests.faults.rig import CellFailed, FaultRun, eventually, fault_run
from tests.faults.run_cell import ARRIVAL_S, see_through
from tests.live.rig import LOCAL, REMOTE, ROOT

RESULTS = ROOT / "docs" / "reliability" / "kills.jsonl"
HELD = PLACES[1:]  # an agent killed before its first word is a refused bring-up, which the matrix has
CHANCES = {"coordinator": 0.9, "console": 0.2, "agent": 0.4}  # of each living one to die in a volley
# Nobody is late here because somebody else was killed on purpose, twenty times over.
PATIENT = {"skew_ms": "600000", "skew_wait_ms": "600000", "prepare_ms": "900000"}
# How soon a new observer knows is told here, and judged in the matrix, where the run stands still meanwhile.
JUDGED = tuple(promise for promise in PROMISES if promise is not reattaching_shows_the_true_state)
STUCK_S = 420.0
ATTACHING_S = 2.0  # nobody asks again before


@dataclass
class Barrage:
    """Kills in one run. `wanted` are all; they are spread over the phases at which it is held."""

    run: FaultRun
    witness: Witness
    chance: random.Random
    wanted: int
    kills: Counter[str] = field(default_factory=Counter)
    _coordinators: set[int] = field(default_factory=set)
    _attaching_until: float = 0.0

    def go(self) -> None:
        """Not before there is a run: a start that was killed before it is nothing to go on with."""
        phases = [place for place in HELD if self.chance.random() < 0.5] or ["training"]
        with_runner = "training" in phases and self.chance.random() < 0.3
        for place in phases:
            self.run.hold(place)
        eventually("the run to be open", lambda: self.run.has("run_opened"), ARRIVAL_S)
        deadline = time.monotonic() + STUCK_S
        for number, place in enumerate(phases, start=1):
            share = self.wanted * number // len(phases)
            while self.run.held(place) is None or self.kills.total() < share:
                late = time.monotonic() > deadline  # fewer kills than wanted; its promises hold all the same
                if late or self.run.done() or self.run.has("closed"):  # it will not come to that phase
                    self.run.let_go_of_all()
                    return
                self._turn(kill=self.kills.total() < share)
            if place == "training" and with_runner:
                self._kill_runner()
            self.run.let_go(place)
        self.run.let_go_of_all()

    def _turn(self, *, kill: bool) -> None:
        if not self._living_coordinators() and time.monotonic() > self._attaching_until:
            self.run.watch(self.run.swarm("attach", self.run.run_id))
            self._attaching_until = time.monotonic() + ATTACHING_S
        # From just started to long at work.
        time.sleep(0.1 * 30 ** self.chance.random())
        if not kill:
            return
        self.witness.look_at_journals(self.run)
        for name, pids in self._targets().items():
            for pid in pids:
                if self.chance.random() < CHANCES[name]:
                    self._kill(name, pid)

    def _targets(self) -> dict[str, list[int]]:
        agent = self.run.agent_pid() if self.run.has("agent_started") else None
        return {
            "coordinator": self._living_coordinators(),
            "console": [pid for pid in self.run.watchers() if self._lives(pid)],
            "agent": [agent] if agent is not None and self._lives(agent) else [],
        }

    def _living_coordinators(self) -> list[int]:
        for pid in self.run.watchers():
            try:
                children = psutil.Process(pid).children()
            except psutil.Error:
                continue
            self._coordinators |= {child.pid for child in children}
        return [pid for pid in self._coordinators if self._lives(pid)]

    def _lives(self, pid: int) -> bool:
        try:
            return self.run.is_own(psutil.Process(pid))
        except psutil.Error:
            return False

    def _kill(self, name: str, pid: int) -> None:
        at_work = name == "coordinator" and is_held(self.run.own)
        try:
            psutil.Process(pid).send_signal(signal.SIGKILL)
        except psutil.Error:
            return
        self.kills["coordinator at its start" if name == "coordinator" and not at_work else name] += 1

    def _kill_runner(self) -> None:
        """Its slice needs a replay from here on, and nothing else may be said."""
        pid = self.run.runner_pid(self.chance.choice((LOCAL, REMOTE)))
        if pid is not None and self._lives(pid):
            self._kill("runner", pid)
            self.witness.expected = (REPLAY,)


def kill_in_one_run(seed: int, wanted: int, folder: Path, prepared: Path) -> dict[str, Any]:
    """A line of the file."""
    started, kills, witness = time.monotonic(), Counter[str](), Witness((GOOD,))
    classification, void = "", ""
    broken: list[str] = []
    prepared.mkdir()
    try:
        with fault_run(folder, prepared, owned=False, sshd=False, **PATIENT) as run:
            run.tell("wall_offset_s", "0")
            barrage = Barrage(run, witness, random.Random(seed), wanted, kills)
            run.watch(run.start())
            barrage.go()
            witness.look(run)
            witness.reattach(run)
            see_through(run, witness)
            broken = [f"{kept.__name__}: {what}" for kept in JUDGED for what in kept(run, witness, seed)]
            classification = next((r["body"]["classification"] for r in run.records() if r["kind"] == "closed"), "")
    except CellFailed as error:
        void = str(error)
    return {
        "seed": seed, "kills": dict(kills), "classification": classification, "broken": broken, "void": void,
        "reattached_s": witness.reattached_s and round(witness.reattached_s, 3),
        "seconds": round(time.monotonic() - started, 1), "at": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how many there shall have been in all (default 1000)")
    parser.add_argument("--per-run", type=int, default=40, help="kills in one run (default 40)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default 2)")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"JSON lines (default {RESULTS.name})")
    options = parser.parse_args()
    while (done := _done(options.results)) < options.kills:
        first = len(_lines(options.results))
        wanted = min(options.per_run, options.kills - done)
        with _folder() as folder, ThreadPoolExecutor(options.jobs) as pool:
            runs = [
                pool.submit(kill_in_one_run, seed, wanted, folder / str(seed), folder / f"prepared-{seed}")
                for seed in range(first, first + options.jobs)
            ]
            for run in as_completed(runs):
                _keep(options.results, run.result())
    return summary(options.results)


def _keep(results: Path, line: dict[str, Any]) -> None:
    with results.open("a") as file:
        file.write(json.dumps(line, sort_keys=True) + "\n")
    said = line["void"] or line["broken"] or "nothing lost, nothing doubled"
    print(f"seed {line['seed']}: {sum(line['kills'].values())} kills, {line['seconds']} s: {said}", file=sys.stderr)


def _lines(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def _done(results: Path) -> int:
    """Kills in runs that could be judged."""
    return sum(sum(line["kills"].values()) for line in _lines(results) if not line["void"])


def summary(results: Path) -> int:
    lines = [line for line in _lines(results) if not line["void"]]
    kills = sum((Counter(line["kills"]) for line in lines), Counter[str]())
    lost = [line["seed"] for line in lines if any("acknowledged" in what for what in line["broken"])]
    doubled = [line["seed"] for line in lines if any("exactly_once" in what for what in line["broken"])]
    broken = [line["seed"] for line in lines if line["broken"]]
    print(f"{kills.total()} kills in {len(lines)} runs: {dict(kills.most_common())}")
    print(f"lost in runs {lost}, doubled in runs {doubled}, any promise broken in runs {broken}")
    print(f"void runs: {[line['seed'] for line in _lines(results) if line['void']]}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
