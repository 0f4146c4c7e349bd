"""`launch`: start the runner so that it outlives this verb, its link and its coordinator. Once per revision."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import runners
from runners.contract.receipts import AdmissionReceipt
from runners.contract.requests import CHECKPOINT_MISSING, LaunchRequest, LaunchResponse
from runners.process.admission import require_contract
from runners.process.drill_fault import require_loopback
from runners.process.errors import Refused
from runners.process.run_root import RunRoot
from runners.process.settings import HostSettings
from runners.process.wire import Wire
from runners.records.detaching import NEEDED_BY_SYSTEMD, in_own_scope, keep_awake, user_systemd
from runners.records.durable import matches
from runners.records.keys import SigningKey
from runners.records.lock import is_held

START_S = 30.0  # a runner opens its journal before it imports anything heavy
POLL_S = 0.02
EXIT_BUSY = 75  # the run root's lock is another runner's

# What a runner inherits. A closed list, because an operator's shell holds tokens under names that nobody here knows.
KEPT_NAMES = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LD_PRELOAD",
})  # fmt: skip
KEPT_PREFIXES = (
    "LC_", "OMP_", "KMP_", "MKL_", "OPENBLAS_", "VECLIB_", "NUMEXPR_", "CUDA_", "CUBLAS_", "NVIDIA_", "MLX_",
    "AGX_", "MTL_",  # Apple's GPU driver and Metal
)  # fmt: skip


def launch(settings: HostSettings, wire: Wire) -> LaunchResponse:
    """Raises Refused, ContractError, RecordsError."""
    request = wire.read(LaunchRequest)
    root = RunRoot(settings.make_run_root())
    check_request(settings, root, request)
    with one_at_a_time(root.folder):
        return _known(root, request) or _start(settings, root, request)


def check_request(settings: HostSettings, root: RunRoot, request: LaunchRequest) -> None:
    """One run, one node, one contract, one coordinator; and every byte named is already here."""
    assignment, contract = request.assignment, request.contract
    require_loopback(settings.dangerous_drill_fault, contract)
    require_contract(settings.contract_digest, contract.digest)
    require_contract(contract.digest, assignment.contract_digest)
    if (assignment.run_id, assignment.node_id) != (request.run_id, request.node_id):
        raise Refused("assignment_of_another", f"expected an assignment of {request.node_id}, got {assignment.node_id}")
    if request.node_id not in {node.node_id for node in contract.contributors}:
        raise Refused("unknown_node", f"lane {contract.lane_id}: expected a contributor, got {request.node_id}")
    key = SigningKey.load_or_create(settings.key_path(request.node_id))
    check_admission(root.admitted(key.public_hex), request, key.public_hex)
    archive = root.archive(request.archive_sha256)
    for named in (assignment.slice.shard, assignment.initial_adapter):
        if not matches(archive / named.name, named):
            raise Refused("archive_missing", f"{named.name}: expected sha256 {named.sha256} as shipped, got another")
    if assignment.start is not None and root.start_of(assignment, request.archive_sha256) is None:
        named = assignment.start.file
        raise Refused(CHECKPOINT_MISSING, f"{named.name}: expected sha256 {named.sha256} here or as shipped, got none")


def check_admission(receipt: AdmissionReceipt, request: LaunchRequest, node_public_key: str) -> None:
    expected = (
        request.run_id,
        request.node_id,
        request.contract.digest,
        request.coordinator_public_key,
        node_public_key,
    )
    got = (
        receipt.run_id,
        receipt.node_id,
        receipt.contract_digest,
        receipt.coordinator_public_key,
        receipt.node_public_key,
    )
    if got != expected:
        raise Refused("not_admitted", f"expected an admission of {expected}, got one of {got}; run `admit` again")


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Two launches at once take turns, so that the second one finds the first one's runner."""
    fd = os.open(folder / "launching", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def runner_environment(settings: HostSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Settings by name, a few names of the system, and no secret."""
    kept = {name: value for name, value in environ.items() if name in KEPT_NAMES or name.startswith(KEPT_PREFIXES)}
    package_parent = str(Path(runners.__file__).resolve().parent.parent)
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [package_parent, environ.get("PYTHONPATH")]))
    kept["PYTHONUNBUFFERED"] = "1"
    kept["SWARM_RUN_ROOT"] = str(settings.run_root)
    kept["SWARM_HOST_HOME"] = str(settings.home)
    for name, value in (
        ("SWARM_MODEL_DIR", settings.model_dir_setting),
        ("SWARM_BACKEND", settings.backend),
        ("SWARM_ORPHAN_MS", settings.orphan_ms),
        ("SWARM_DANGEROUS_DRILL_FAULT", settings.dangerous_drill_fault),
    ):
        if value is not None:
            kept[name] = str(value)
    return kept


def _known(root: RunRoot, request: LaunchRequest) -> LaunchResponse | None:
    response = root.launched(request.assignment.revision)
    if response is not None:
        root.keep(root.request(request.assignment.revision), request)
    return response


def _start(settings: HostSettings, root: RunRoot, request: LaunchRequest) -> LaunchResponse:
    if is_held(root.folder):
        raise Refused("run_root_busy", "expected a free run root, got one that a living runner holds; `stop` it first")
    revision = request.assignment.revision
    # No runner of this revision opened its journal: what an interrupted launch left behind binds nobody.
    root.request(revision).unlink(missing_ok=True)
    root.keep(root.request(revision), request)
    child = _spawn(settings, root, revision)
    try:
        return _await_runner(root, revision, child)
    except BaseException:
        child.kill()
        child.wait()
        root.request(revision).unlink(missing_ok=True)
        raise


def _spawn(settings: HostSettings, root: RunRoot, revision: int) -> subprocess.Popen[bytes]:
    """Own session, no terminal, no pipe to this verb: neither SIGHUP nor a closed channel or login reaches it."""
    environment = runner_environment(settings, os.environ)
    systemd_run = user_systemd(os.environ)
    if systemd_run is not None:
        environment |= {name: os.environ[name] for name in NEEDED_BY_SYSTEMD if name in os.environ}
    runner = [sys.executable, "-P", "-m", "runners", "work", "--revision", str(revision)]
    with root.log(revision).open("ab") as log:
        return subprocess.Popen(
            in_own_scope(runner, systemd_run, f"swarm runner in {root.folder}"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=root.folder,
            env=environment,
            start_new_session=True,
            close_fds=True,
        )


def _await_runner(root: RunRoot, revision: int, child: subprocess.Popen[bytes]) -> LaunchResponse:
    deadline = time.monotonic() + START_S
    while (response := root.launched(revision)) is None:
        if child.poll() is not None and root.launched(revision) is None:
            reason = "run_root_busy" if child.returncode == EXIT_BUSY else "launch_failed"
            tail = root.log(revision).read_text(errors="replace")[-800:]
            raise Refused(reason, f"runner exited with {child.returncode} before it opened its journal: {tail}")
        if time.monotonic() > deadline:
            raise Refused("launch_timed_out", f"expected an open journal within {START_S:g} s, got none")
        time.sleep(POLL_S)
    keep_awake(response.pid)
    # The runner is nobody's child from here: init reaps it when this verb has ended.
    child.returncode = 0
    return response
