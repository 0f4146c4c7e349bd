"""Is this rehearsal report what the cited run amounts to? A `go` and a `no_go` both verify if they are true."""

from collections.abc import Iterator
from pathlib import Path

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.layout import BUNDLE_FILE
from console.evidence.checks.outcomes import rules_citation
from console.evidence.checks.outcomes.document_shapes import REHEARSAL
from console.evidence.checks.outcomes.outcome import Body, Outcome, Rule, judge
from console.evidence.checks.outcomes.phases import BY_NODE, backend_label, timed
from console.evidence.checks.real_run import check_real_run
from console.evidence.checks.verdict import Mismatch, Verdict, differs

PHASES = ("bring_up", "inputs", "ship", "prepare", "train", "fetch", "replay", "merge", "score", "bundle")
NOTED, HIGH = 10, 30  # percent of the time of all phases


def check_rehearsal(path: Path, *, bundle: Path | None = None, allowed_signers: Path | None = None) -> Verdict:
    """`bundle` names the cited run's folder where it lies neither beside the report nor among the retained runs."""
    outcome = Outcome(path, REHEARSAL, bundle, allowed_signers)
    return judge(outcome, rules_citation.FIRST, (*rules_citation.THEN, *RULES))


def every_phase_is_named_once(o: Outcome) -> Iterator[Mismatch]:
    """In the order of the window, none left out."""
    yield from differs(f"{o.where} phases", list(PHASES), [phase["phase_id"] for phase in o.body["phases"]])


def nodes_are_the_contracts(o: Outcome) -> Iterator[Mismatch]:
    """Who coordinates and who contributes is frozen."""
    nodes = o.e.contract["nodes"] if o.e.contract else []
    coordinators = [node["node_id"] for node in nodes if "coordinator" in node["roles"]]
    yield from differs(f"{o.where} coordinator_node_id", coordinators, [o.body["coordinator_node_id"]])
    yield from differs(f"{o.where} contributor_node_ids", sorted(o.e.contributors), o.body["contributor_node_ids"])


def measured_phases_are_in_the_journal(o: Outcome) -> Iterator[Mismatch]:
    """A figure called measured is the difference of two records of the cited run."""
    again = timed(o.e)
    for phase in o.body["phases"]:
        name, where = phase["phase_id"], f"{o.where} {phase['phase_id']}"
        if name == "bundle":
            continue
        ms = again[name].whole_ms
        said = phase["wallclock_ms"] if phase["evidence_posture"] == "measured" else None
        yield from differs(f"{where} measured wallclock_ms", ms, said)
        expected = again[name].active_ms
        if phase["basis"] != "stand_in":
            yield from differs(f"{where} workers", expected, {w["node_id"]: w["active_ms"] for w in phase["workers"]})
        longest = max(expected.values(), default=0)
        for worker in phase["workers"]:
            yield from differs(f"{where} idle_ms", longest - worker["active_ms"], worker["idle_ms"])
            label = backend_label(o.e, worker["node_id"])
            yield from differs(f"{where} backend_label of {worker['node_id']}", label, worker["backend_label"])


def posture_and_basis_fit(o: Outcome) -> Iterator[Mismatch]:
    """Measured, simulated and not measured are never mixed up."""
    again = timed(o.e)
    for phase in o.body["phases"]:
        name, posture = phase["phase_id"], phase["evidence_posture"]
        parallel = "parallelizable" if name in BY_NODE else "serial"
        yield from differs(f"{o.where} {name} parallelization_posture", parallel, phase["parallelization_posture"])
        if posture == "measured":
            basis = "operator_clock" if name == "bundle" else "coordinator_journal"
        elif posture == "simulated":
            basis = "stand_in"
        else:
            basis = "coordinator_journal" if name in again and again[name].active_ms else "none"
        yield from differs(f"{o.where} {name} basis", basis, phase["basis"])
        if (phase["wallclock_ms"] is None) != (posture == "not_measured"):
            yield Mismatch(f"{o.where} {name}", "a figure unless not_measured", f"{posture} {phase['wallclock_ms']}")


def bundle_phase_needs_a_scored_run(o: Outcome) -> Iterator[Mismatch]:
    """The one figure from the operator's clock can't be computed again; it may stand only where a window was scored."""
    phase = next((item for item in o.body["phases"] if item["phase_id"] == "bundle"), None)
    if phase and phase["evidence_posture"] == "measured" and not o.e.said("scored"):
        yield Mismatch(f"{o.where} bundle", "not_measured: no window was scored", str(phase["wallclock_ms"]))


def simulated_phases_are_the_stand_ins(o: Outcome) -> Iterator[Mismatch]:
    """A simulated figure is another lane's measured one, and that run is cited and can be looked up."""
    cited = o.body["stand_in"]
    simulated = {p["phase_id"]: p["wallclock_ms"] for p in o.body["phases"] if p["evidence_posture"] == "simulated"}
    if cited is None:
        yield from differs(f"{o.where} simulated phases without a stand-in", [], sorted(simulated))
        return
    other = _stand_in(o, cited)
    if other is None:
        yield Mismatch(
            f"{o.where} stand_in", f"a bundle of run {cited['run_id']}", "none that can be found and verifies"
        )
        return
    file = other.file_of(BUNDLE_FILE)
    yield from differs(f"{o.where} stand_in.bundle_digest", other.bundle["digest"], cited["bundle_digest"])
    yield from differs(f"{o.where} stand_in.bundle_sha256", file.sha256 if file else "", cited["bundle_sha256"])
    again = timed(other)
    for name, ms in simulated.items():
        expected = again[name].whole_ms if name in again else None
        yield from differs(f"{o.where} {name} simulated wallclock_ms", expected, ms)


def _stand_in(o: Outcome, cited: Body) -> Evidence | None:
    home = o.path.absolute().parent.parent
    places = (home / "runs" / cited["run_id"], home.parent / cited["run_id"] / "bundle")
    found = next((place for place in places if (place / BUNDLE_FILE).is_file()), None)
    return Evidence(found) if found and check_real_run(found).consistent else None


def bottlenecks_follow_from_phases(o: Outcome) -> Iterator[Mismatch]:
    """A tenth of the time or more, longest first; a third is high."""
    having = [phase for phase in o.body["phases"] if phase["wallclock_ms"] is not None]
    every = sum(phase["wallclock_ms"] for phase in having)
    expected = []
    for phase in sorted(having, key=lambda item: item["wallclock_ms"], reverse=True):
        share = phase["wallclock_ms"] * 100 // every if every else 0
        if share >= NOTED:
            severity = "high" if share >= HIGH else "medium"
            copied = (phase["evidence_posture"], phase["parallelization_posture"])
            expected.append((phase["phase_id"], severity, share, *copied))
    names = ("phase_id", "severity", "share_percent", "evidence_posture", "parallelization_posture")
    got = [tuple(item[name] for name in names) for item in o.body["bottlenecks"]]
    yield from differs(f"{o.where} bottlenecks", expected, got)


def serial_phases_are_listed(o: Outcome) -> Iterator[Mismatch]:
    """Those that more hosts would not make faster."""
    serial = [phase["phase_id"] for phase in o.body["phases"] if phase["parallelization_posture"] == "serial"]
    yield from differs(f"{o.where} remaining_serial_phase_ids", serial, o.body["remaining_serial_phase_ids"])


def blockers_are_the_runs(o: Outcome) -> Iterator[Mismatch]:
    """Every refusal, every end that was no success, every phase that nobody measured; nothing else."""
    expected = [
        ("bringup_refused", line.body["node_id"], f"{line.body['reason']}: {line.body['detail']}"[:4000])
        for line in o.e.said("bringup_refused")
    ]
    expected += [
        ("admission_refused", line.body["node_id"], f"{line.body['reason']}: {line.body['detail']}"[:4000])
        for line in o.e.said("admission_decided")
        if line.body["outcome"] == "refused"
    ]
    if o.e.bundle["result_classification"] != "bounded_success":
        expected.append(("run_ended_otherwise", None, o.e.bundle["result_classification"]))
    expected += [
        (f"phase_not_measured:{phase['phase_id']}", None, phase["evidence_posture"])
        for phase in o.body["phases"]
        if phase["evidence_posture"] != "measured"
    ]
    got = [(item["blocker"], item["node_id"], item["detail"]) for item in o.body["remaining_blockers"]]
    yield from differs(f"{o.where} remaining_blockers", expected, got)


def recommendation_follows(o: Outcome) -> Iterator[Mismatch]:
    """`go` exactly when every phase was measured in a run that succeeded."""
    succeeded = o.e.bundle["result_classification"] == "bounded_success"
    measured = all(phase["evidence_posture"] == "measured" for phase in o.body["phases"])
    yield from differs(
        f"{o.where} recommendation", "go" if succeeded and measured else "no_go", o.body["recommendation"]
    )


RULES: tuple[Rule, ...] = (
    every_phase_is_named_once,
    nodes_are_the_contracts,
    posture_and_basis_fit,
    measured_phases_are_in_the_journal,
    bundle_phase_needs_a_scored_run,
    simulated_phases_are_the_stand_ins,
    bottlenecks_follow_from_phases,
    serial_phases_are_listed,
    blockers_are_the_runs,
    recommendation_follows,
)
