"""The four promises are the frozen ones, and an observed result is what its run shows."""

from collections.abc import Iterator

from console.evidence.checks.lane.held import Body, Held
from console.evidence.checks.lane.plain_file import read_plain
from console.evidence.checks.layout import BUNDLE_FILE, NAMESPACE, SIGNATURE_FILE
from console.evidence.checks.sshsig import read_sshsig
from console.evidence.checks.stored import UnreadableError, digest_of, parse_stored, sha256_hex
from console.evidence.checks.verdict import Mismatch, differs, shown

REPORT = "coordinator_runtime_report.json"
# kind -> (classification of the run, disposition of the node at fault, departures, blocked, replay)
PROMISES: dict[str, tuple[str, str, list[str], bool, bool]] = {
    "stale_worker": ("replay_required", "replay_required", ["none", "timed_out"], True, True),
    "upload_disagreement": ("rejected", "rejected", ["none"], True, False),
    "contributor_loss": ("replay_required", "replay_required", ["crashed", "timed_out"], True, True),
    "uneven_worker_speed": ("wait_then_replay", "quarantined", ["none"], True, True),
}
BOUNDS: dict[str, list[str]] = {
    "stale_worker": ["stale_ms"],
    "upload_disagreement": [],
    "contributor_loss": ["stale_ms", "loss_ms"],
    "uneven_worker_speed": ["skew_ms", "skew_wait_ms"],
}


def the_four_drills_are_declared(held: Held) -> Iterator[Mismatch]:
    """All four, each once."""
    if held.has("drills"):
        kinds = [drill["kind"] for drill in held.documents["drills"]["drills"]]
        yield from differs("drills", list(PROMISES), kinds)


def promises_stay_frozen(held: Held) -> Iterator[Mismatch]:
    """A promise that was softened after the fact is no promise."""
    for drill in _drills(held):
        promise, where = drill["promise"], f"drills {drill['kind']} promise"
        classification, disposition, departures, blocked, replay = PROMISES[drill["kind"]]
        yield from differs(f"{where} result_classification", classification, promise["result_classification"])
        yield from differs(f"{where} validator_disposition", disposition, promise["validator_disposition"])
        yield from differs(f"{where} departures", departures, promise["departures"])
        yield from differs(f"{where} aggregation_blocked", blocked, promise["aggregation_blocked"])
        yield from differs(f"{where} replay_required", replay, promise["replay_required"])


def bounds_are_the_contracts(held: Held) -> Iterator[Mismatch]:
    """A drill is about the lane's own bounds and nodes."""
    if not held.has("contract"):
        return
    policies = held.documents["contract"]["policies"]
    names = [node["node_id"] for node in held.contributors]
    others = [name for name in names if name != held.coordinator["node_id"]]
    for drill in _drills(held):
        bounds = [policies[name] for name in BOUNDS[drill["kind"]]]
        yield from differs(f"drills {drill['kind']} bounds_ms", bounds, drill["bounds_ms"])
        struck = names if drill["kind"] == "uneven_worker_speed" else (others or names)[:1]
        yield from differs(f"drills {drill['kind']} affected_node_ids", struck, drill["affected_node_ids"])


def observations_are_of_this_lane(held: Held) -> Iterator[Mismatch]:
    """A run under another contract observed another lane."""
    for drill in _drills(held):
        observed = drill["observed"]
        if observed is not None:
            where = f"drills {drill['kind']} observed"
            digest = held.documents["drills"]["contract_digest"]
            yield from differs(f"{where} contract_digest", digest, observed["contract_digest"])
            if observed["node_id"] not in drill["affected_node_ids"]:
                yield Mismatch(f"{where} node_id", shown(drill["affected_node_ids"]), observed["node_id"])


def observations_are_judged_by_comparison(held: Held) -> Iterator[Mismatch]:
    """`as_frozen` is what the observed words give when held against the promise."""
    for drill in _drills(held):
        observed = drill["observed"]
        if observed is None:
            continue
        classification, disposition, departures, blocked, _ = PROMISES[drill["kind"]]
        kept = (
            observed["result_classification"] == classification
            and observed["validator_disposition"] == disposition
            and observed["departure"] in departures
            and (observed["merge_disposition"] == "no_merge") == blocked
        )
        yield from differs(f"drills {drill['kind']} observed as_frozen", kept, observed["as_frozen"])


def observations_are_what_the_run_shows(held: Held) -> Iterator[Mismatch]:
    """What is kept of the drill says the same: a whole bundle, or its first document as the operator signed it."""
    for drill in _drills(held):
        observed = drill["observed"]
        if observed is None:
            continue
        where = f"drills {drill['kind']} observed"
        for folder in (f"swarm/runs/{observed['run_id']}", f"swarm/drills/{observed['run_id']}"):
            raw, report = (read_plain(held.root, f"{folder}/{name}") for name in (BUNDLE_FILE, REPORT))
            if isinstance(raw, bytes) and isinstance(report, bytes):
                yield from _as_retained(where, observed, raw, report)
                if folder.startswith("swarm/drills/"):
                    yield from _as_signed(where, raw, report, read_plain(held.root, f"{folder}/{SIGNATURE_FILE}"))


def _as_signed(where: str, raw: bytes, report: bytes, signature: bytes | str) -> Iterator[Mismatch]:
    """The rest of such a bundle isn't kept: the signature and the listing are what binds these two files."""
    try:
        bundle = parse_stored(raw)
        read = read_sshsig(signature if isinstance(signature, bytes) else b"")
    except UnreadableError as error:
        yield Mismatch(f"{where} {SIGNATURE_FILE}", error.expected, error.got)
        return
    yield from differs(f"{where} {SIGNATURE_FILE} key", bundle["operator_public_key"], read.public_key)
    if read.namespace != NAMESPACE or not read.covers(raw):
        yield Mismatch(f"{where} {SIGNATURE_FILE}", f"a signature over {BUNDLE_FILE}", "one over other bytes")
    listed = {item["path"]: item["sha256"] for item in bundle["files"]}
    yield from differs(f"{where} {REPORT}", listed.get(REPORT), sha256_hex(report))


def _as_retained(where: str, observed: Body, raw: bytes, report: bytes) -> Iterator[Mismatch]:
    try:
        bundle, runtime = parse_stored(raw), parse_stored(report)
    except UnreadableError as error:
        yield Mismatch(f"{where} retained bundle", error.expected, error.got)
        return
    yield from differs(f"{where} bundle_digest", digest_of(bundle), observed["bundle_digest"])
    for name in ("run_id", "contract_digest", "result_classification", "merge_disposition"):
        yield from differs(f"{where} {name}", bundle[name], observed[name])
    yield from differs(f"{where} finished_wall_ms", runtime["finished_wall_ms"], observed["finished_wall_ms"])
    node = next((item for item in runtime["nodes"] if item["node_id"] == observed["node_id"]), None)
    if node is None:
        yield Mismatch(f"{where} node_id", "a node of the run", observed["node_id"])
        return
    yield from differs(f"{where} validator_disposition", node["disposition"], observed["validator_disposition"])
    yield from differs(f"{where} departure", node["departure"] or "none", observed["departure"])


def _drills(held: Held) -> list[Body]:
    return held.documents["drills"]["drills"] if held.has("drills") else []


RULES = (
    the_four_drills_are_declared,
    promises_stay_frozen,
    bounds_are_the_contracts,
    observations_are_of_this_lane,
    observations_are_judged_by_comparison,
    observations_are_what_the_run_shows,
)
