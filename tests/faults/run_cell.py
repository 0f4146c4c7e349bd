"""One cell from start to verdict."""

import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncssh

from runners.records.admission import new_token
from tests.faults.matrix import Cell
from tests.faults.promises import Witness, broken_promises
from tests.faults.rig import CellFailed, FaultRun, eventually, fault_run, run_arguments

ARRIVAL_S = 150.0
END_S = 240.0


@dataclass(frozen=True)
class Result:
    cell: str
    verdict: str  # "kept", "broken", "void": it couldn't be judged
    classification: str
    broken: tuple[str, ...]
    seconds: float
    reattached_s: float | None
    status_s: float | None
    at: str
    machine: str = ""
    server: str = "agent"  # what answers on the other host: our own agent, or "sshd"

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def run_cell(cell: Cell, folder: Path, prepared: Path, *, sshd: bool = False, **scaled: str) -> Result:
    """`scaled` changes the lane's policies. A cell that can't be judged is void, not kept."""
    started, classification = time.monotonic(), ""
    witness = Witness((cell.expected,), journal_touched=cell.fault.journal_touched)
    fault = cell.fault
    try:
        with fault_run(
            folder,
            prepared,
            owned=fault.owned,
            sshd=sshd,
            small_disk=fault.small_disk,
            contract_digest="b" * 64 if fault.spoiled == "contract" else None,
            **{**fault.lane, **scaled},
        ) as run:
            _strike_and_end(run, cell, witness)
            broken = broken_promises(run, witness, zlib.crc32(cell.name.encode()))
            classification = next((r["body"]["classification"] for r in run.records() if r["kind"] == "closed"), "")
        verdict = "broken" if broken else "kept"
    except CellFailed as error:
        verdict, broken = "void", [str(error)]
    return Result(
        cell.name, verdict, classification, tuple(broken), round(time.monotonic() - started, 1),
        witness.reattached_s and round(witness.reattached_s, 3), witness.status_s and round(witness.status_s, 3),
        time.strftime("%Y-%m-%d", time.gmtime()), server="sshd" if sshd else "agent",
    )  # fmt: skip


def _strike_and_end(run: FaultRun, cell: Cell, witness: Witness) -> None:
    fault, phase = cell.fault, cell.phase
    run.tell("wall_offset_s", "0")
    if fault.spoiled is None:
        run.hold(phase)
    else:
        _spoil(run, fault.spoiled)
    options, secrets = run_arguments(run)
    run.watch(run.start(*options, **secrets))
    if fault.spoiled is None:
        eventually(f"the run at {phase}", lambda: run.held(phase) is not None or run.done(), ARRIVAL_S)
        if run.held(phase) is None:
            raise CellFailed(f"expected the run to come to {phase}, got its end")
        if phase == "produced":
            eventually("the other contribution", lambda: run.has("submission_judged"), ARRIVAL_S)
        witness.look(run)
        fault.strike(run, phase)
        witness.look(run)
        witness.reattach(run)
        run.let_go(phase)
    else:
        eventually("the run to be open", lambda: run.has("run_opened"), ARRIVAL_S)
        witness.look(run)
        witness.reattach(run)
    see_through(run, witness)


def _spoil(run: FaultRun, what: str) -> None:
    if what == "token":
        run.token = new_token()
    if what == "host_key":
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        (run.folder / "host.pub").write_text(other)


def see_through(run: FaultRun, witness: Witness) -> None:
    """An operator attaches where nobody lives; the cell ends with a bundle in place, or is void."""
    deadline = time.monotonic() + END_S
    attached = 0
    while not run.done():
        if time.monotonic() > deadline:
            raise CellFailed(f"expected a closed run within {END_S:g} s, got {[r['kind'] for r in run.records()][-5:]}")
        if not run.coordinator_lives() and not run.watched() and not run.done():
            attached += 1
            if attached > 3:
                raise CellFailed("expected a coordinator that goes on, got three that ended")
            secrets = run_arguments(run)[1]
            run.watch(run.swarm("attach", run.run_id, **secrets))
            eventually("a coordinator", lambda: run.coordinator_lives() or not run.watched(), 30)
        time.sleep(0.1)
    run.end_watchers()
    witness.look(run)
    run.end_owned_agent()
