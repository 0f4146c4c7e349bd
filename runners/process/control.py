"""`begin`, `release`, `status`, `stop`: one launched runner, steered by files and signals."""

import time

from runners.contract.canonical import canonical_bytes
from runners.contract.requests import BeginRequest, Done, LaunchRequest, RunnerRequest, RunnerStatus
from runners.process.admission import require_contract
from runners.process.errors import Refused
from runners.process.memory_note import told_of_death
from runners.process.run_root import RunRoot
from runners.process.settings import HostSettings
from runners.process.wire import Wire
from runners.records.keys import verify
from runners.records.lock import is_held
from runners.records.machine_limits import full_disk
from runners.records.process_identity import ProcessIdentity

BEGIN_PREFIX = b"swarm.begin.v1\0"
STOP_PATIENCE_S = 5.0
SETTLE_S = 2.0
POLL_S = 0.02


def begin(settings: HostSettings, wire: Wire) -> Done:
    """Lay down the coordinator's permission; the runner checks it again. Raises Refused, BadSignature."""
    given = wire.read(BeginRequest)
    root = RunRoot(settings.run_root)
    check_begin(given, require_launched(root, given.begin.revision, given.begin.run_id, given.node_id))
    root.keep_begin(given.begin, given.signature)
    return Done()


def check_begin(given: BeginRequest, request: LaunchRequest) -> None:
    """Signed by the coordinator that launched this, for this run, window, revision, contract and assignment."""
    verify(request.coordinator_public_key, given.signature, BEGIN_PREFIX + canonical_bytes(given.begin.to_json()))
    assignment = request.assignment
    expected = (request.run_id, assignment.window_id, assignment.revision)
    got = (given.begin.run_id, given.begin.window_id, given.begin.revision)
    if got != expected:
        raise Refused("begin_of_another", f"expected a permission for {expected}, got one for {got}")
    require_contract(request.contract.digest, given.begin.contract_digest)
    if assignment.digest not in given.begin.assignment_digests:
        raise Refused("begin_of_another", f"expected a permission that names assignment {assignment.digest}, got none")


def release(settings: HostSettings, wire: Wire) -> Done:
    """The runner may go. Raises Refused."""
    request = wire.read(RunnerRequest)
    root = RunRoot(settings.run_root)
    require_launched(root, request.revision, request.run_id, request.node_id)
    root.keep(root.release(request.revision), request)
    return Done()


def status(settings: HostSettings, wire: Wire) -> RunnerStatus:
    """Alive, proven dead, or neither. Raises Refused."""
    request = wire.read(RunnerRequest)
    return status_of(RunRoot(settings.run_root), request)


def stop(settings: HostSettings, wire: Wire) -> RunnerStatus:
    """End exactly that process: SIGTERM, five seconds, SIGKILL. Raises Refused."""
    request = wire.read(RunnerRequest)
    root = RunRoot(settings.run_root)
    before = status_of(root, request)
    launched = root.launched(request.revision)
    if launched is None or before.proven_dead:
        return before
    how = ProcessIdentity(launched.pid, launched.process_started_ms).end(patience_s=STOP_PATIENCE_S)
    after = _settled(root, request)
    return after.model_copy(update={"detail": f"{how}; {after.detail}"})


def _settled(root: RunRoot, request: RunnerRequest) -> RunnerStatus:
    """The kernel closes the files of a killed process, and so frees its lock, a moment after it is a zombie."""
    deadline = time.monotonic() + SETTLE_S
    while not (current := status_of(root, request)).proven_dead and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return current


def status_of(root: RunRoot, request: RunnerRequest) -> RunnerStatus:
    launched = root.launched(request.revision)
    if launched is None:
        return _never_launched(root, request.revision)
    require_launched(root, request.revision, request.run_id, request.node_id)
    identity = ProcessIdentity(launched.pid, launched.process_started_ms)
    lives = identity.lives
    held = is_held(root.folder) and not _is_successors(root, request.revision)
    detail = (
        f"pid {identity.pid} {'lives' if lives else 'is gone or another process'}, lock {'held' if held else 'free'}"
    )
    dead = not held and not lives
    if dead:
        told = (told_of_death(root, request.revision), full_disk(root.folder))
        detail = "; ".join((detail, *filter(None, told)))
    return RunnerStatus(
        alive=held and lives,
        proven_dead=dead,
        pid=identity.pid,
        detail=detail,
    )


def require_launched(root: RunRoot, revision: int, run_id: str, node_id: str) -> LaunchRequest:
    """The launch that a request speaks of. Raises Refused."""
    request = root.requested(revision)
    if request is None or root.launched(revision) is None:
        raise Refused("not_launched", f"revision {revision}: expected a launched runner, got none")
    if (request.run_id, request.node_id) != (run_id, node_id):
        raise Refused(
            "another_run", f"expected {request.node_id} of run {request.run_id}, got {node_id} of run {run_id}"
        )
    return request


def _never_launched(root: RunRoot, revision: int) -> RunnerStatus:
    """A launch that is under way, or broke off, leaves its request: then nothing is proven."""
    pending = root.request(revision).exists()
    detail = "a launch is under way or broke off" if pending else "never launched"
    return RunnerStatus(alive=False, proven_dead=not pending, pid=None, detail=detail)


def _is_successors(root: RunRoot, revision: int) -> bool:
    """The lock passes from one revision's runner to the next one's; held by that, it says nothing against the first."""
    later = (path.name.removeprefix("launch-r").removesuffix(".json") for path in root.folder.glob("launch-r*.json"))
    for name in later:
        if name.isdigit() and int(name) > revision and (launched := root.launched(int(name))) is not None:
            holder = ProcessIdentity(launched.pid, launched.process_started_ms)
            if holder.lives:
                return True
    return False
