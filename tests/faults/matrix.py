"""Which fault at which phase ends how: frozen before anything runs. `absent` tells why a pair isn't here."""

from dataclasses import dataclass, field

from tests.faults import strikes
from tests.faults.hooks import PLACES
from tests.faults.strikes import Strike

GOOD, REPLAY, REJECTED = "bounded_success", "replay_required", "rejected"
PREPARATION, CONTRIBUTION, VALIDATION, BRINGUP, ADMISSION = (
    "failed_preparation", "failed_contribution", "failed_validation", "refused_bringup", "refused_admission",
)  # fmt: skip
RUNNER = ("preparing", "training", "writing", "produced", "fetching")  # phases in which the contributor's runner lives
LINKED = ("admission", *RUNNER, "validating", "aggregating", "closing")
PATIENT = {"prepare_ms": "60000"}  # a runner that never gets ready is given up after this, not after five minutes
UNSKEWED = {"skew_ms": "60000"}  # for cells in which one contributor is held longer than the other on purpose


@dataclass(frozen=True)
class Fault:
    name: str
    what: str
    promise: str
    strike: Strike
    ends: dict[str, str]  # phase -> classification
    owned: bool = False  # the other host's agent runs before the coordinator comes, behind a cable
    small_disk: str | None = None
    journal_touched: bool = False
    spoiled: str | None = None  # what is wrong from the start: token, host_key, contract
    lane: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    fault: Fault
    phase: str

    @property
    def name(self) -> str:
        return f"{self.fault.name}:{self.phase}"

    @property
    def expected(self) -> str:
        return self.fault.ends[self.phase]


def every(phases: tuple[str, ...], ends: str, **others: str) -> dict[str, str]:
    return {phase: others.get(phase, ends) for phase in phases}


def _blackhole(seconds: int, ends: str) -> Fault:
    return Fault(
        f"link_blackholed_{seconds}s", f"the link swallows everything for {seconds} s",
        "named by the link within 4.25 s; a contributor silent past 5 s while it trains needs a replay,"
        " else nobody is blamed",
        strikes.blackhole_for(seconds), every(LINKED, GOOD, training=ends, writing=ends), owned=True,
    )  # fmt: skip


def _artifact(how: str) -> Fault:
    return Fault(
        f"artifact_{how}", f"the adapter in the outbox is {how} after it was journaled",
        "refused, quarantined with its reason, never under a final name; after the fetch nothing depends on it",
        strikes.artifact(how), {"fetching": REJECTED, "validating": GOOD, "aggregating": GOOD},
    )  # fmt: skip


def _journal(how: str) -> Fault:
    return Fault(
        f"journal_{how}", f"the contributor's journal is {how} on its host while it writes on",
        "the chain ends there, the revision is rejected, and what was verified before is kept",
        strikes.journal(how), {"preparing": REJECTED, "training": REJECTED, "writing": REJECTED}, journal_touched=True,
    )  # fmt: skip


def _wall(sign: str, offset_s: int) -> Fault:
    return Fault(
        f"wall_clock_{sign}1h", f"every process of both hosts reads a wall clock {sign}1 h off, from then on",
        "wall time decides nothing", strikes.wall_clock(offset_s),
        every(("admission", "training", "fetching", "validating", "closing"), GOOD),
    )  # fmt: skip


def _spoiled(what: str, ends: str) -> Fault:
    return Fault(
        f"wrong_{what}", f"the host has another {what.replace('_', ' ')} than the coordinator expects",
        "refused before anything is shipped, by name, with the evidence", strikes.nothing, {"admission": ends},
        owned=True, spoiled=what,
    )  # fmt: skip


FAULTS: tuple[Fault, ...] = (
    Fault(
        "kill_coordinator", "kill -9 of the coordinator",
        "the next one goes on from the journal; nothing is done twice",
        strikes.kill_coordinator, every(PLACES, GOOD),
    ),
    Fault(
        "kill_console", "kill -9 of whoever follows the run", "the run goes on", strikes.kill_console,
        every(PLACES, GOOD), lane=UNSKEWED,
    ),
    Fault(
        "kill_agent", "kill -9 of the other host's SSH agent", "it is started again, and its runner never noticed",
        strikes.kill_agent, every(PLACES[:-1], GOOD, spawn=BRINGUP), lane=UNSKEWED,
    ),
    Fault(
        "kill_runner", "kill -9 of the runner (later: of the validator's own job)",
        "crashed by proof; before `produced` its slice needs a replay, after it nothing is lost",
        strikes.kill_runner,
        every((*RUNNER, "validating", "aggregating"), GOOD, preparing=PREPARATION, training=REPLAY, writing=REPLAY,
              validating=VALIDATION, aggregating=VALIDATION),
    ),
    Fault(
        "stop", "SIGSTOP of the runner, for good",
        "stale past 5 s, lost past 7.5 s, timed out and never called crashed",
        strikes.stop, every(RUNNER, GOOD, preparing=PREPARATION, training=REPLAY, writing=REPLAY), lane=PATIENT,
    ),
    Fault(
        "stop_4s", "SIGSTOP of the runner, SIGCONT at 4 s", "no false alarm", strikes.stop_for(4),
        every((*RUNNER, "validating"), GOOD),
    ),
    Fault(
        "stop_6s", "SIGSTOP of the runner, SIGCONT at 6 s", "stale for good while it trains, nothing at other times",
        strikes.stop_for(6), every((*RUNNER, "validating"), GOOD, training=REPLAY, writing=REPLAY),
    ),
    Fault(
        "link_reset", "every connection of the link is reset", "made again within seconds; work is asked for again",
        strikes.link_reset, every(LINKED, GOOD), owned=True,
    ),
    _blackhole(3, GOOD),
    _blackhole(6, REPLAY),
    _blackhole(9, REPLAY),
    _artifact("tampered"),
    _artifact("swapped"),
    _artifact("symlinked"),
    _artifact("truncated"),
    _journal("tampered"),
    _journal("truncated"),
    _journal("forked"),
    Fault(
        "throttle", "the runner gets a sixth of its time", "slow is not stale", strikes.throttle,
        every(("preparing", "training", "writing"), GOOD),
    ),
    _spoiled("token", ADMISSION),
    _spoiled("host_key", BRINGUP),
    _spoiled("contract", BRINGUP),
    Fault(
        "disk_full_host", "not one byte is left on the host's disk (writing: room for a last word alone)",
        "its work is lost and said to be, by the runner where it still can; no half file is taken",
        strikes.disk_full("host"), {"training": REPLAY, "writing": REPLAY}, owned=True, small_disk="host",
        lane={"minimum_disk_free_bytes": "1"},
    ),
    Fault(
        "disk_full_coordinator", "not one byte is left on the coordinator's disk",
        "it ends rather than act unrecorded, and goes on once there is room", strikes.disk_full("coordinator"),
        every(("preparing", "training", "writing", "fetching", "validating", "aggregating"), GOOD), owned=True,
        small_disk="coordinator", lane={"minimum_disk_free_bytes": "1"},
    ),
    _wall("+", 3600),
    _wall("-", -3600),
    Fault(
        "suspend", "both hosts stand still for 10 s and their boot clocks jump by 10 min (simulated)",
        "a suspend is an observer gap, never a stale worker", strikes.suspend,
        every(("preparing", "training", "writing", "fetching", "validating"), GOOD),
    ),
    Fault(
        "loop_blocked_8s", "the coordinator's event loop stands for 8 s", "its own lateness is credited to everyone",
        strikes.loop_blocked, every(("preparing", "training", "writing", "produced", "fetching", "validating"), GOOD),
    ),
    Fault(
        "kill_both", "kill -9 of both runners at once", "both are crashed by proof", strikes.kill_both,
        every(RUNNER, REPLAY, preparing=PREPARATION, fetching=GOOD),
    ),
    Fault(
        "stop_both", "SIGSTOP of both runners at once", "both are stale", strikes.stop_both,
        {"training": REPLAY, "writing": REPLAY},
    ),
)  # fmt: skip
CELLS = tuple(Cell(fault, phase) for fault in FAULTS for phase in PLACES if phase in fault.ends)


# Each kind of fault once where the host answers by Debian's own sshd: `make faults ARGS=--sshd`.
OVER_SSHD = (
    "kill_coordinator:training", "kill_coordinator:validating", "kill_agent:training", "kill_agent:fetching",
    "kill_runner:training", "stop:training", "stop_6s:training", "link_reset:training", "link_reset:fetching",
    "link_blackholed_3s:training", "link_blackholed_9s:training", "artifact_tampered:fetching",
    "artifact_symlinked:fetching", "loop_blocked_8s:training",
)  # fmt: skip


def absent(fault: Fault, phase: str) -> str:
    """Why there is no such cell."""
    if fault.name == "kill_agent":
        return "the agent is gone before the bundle is written"
    if fault.spoiled:
        return "settled at admission: nothing goes on from there"
    if fault.name.startswith("artifact"):
        return "there is nothing in the outbox yet, or nobody reads it any more"
    if fault.name.startswith(("link", "wall", "suspend", "loop", "disk")):
        return "nothing of the run crosses or stands there that other cells don't show"
    if fault.name.startswith("journal"):
        return "the contributor has no journal yet, or its last word was read"
    return "no such process lives then"
