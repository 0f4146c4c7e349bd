"""Starting a run: its folders, its spec, and a detached coordinator that outlives this process."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from console.cli.errors import UsageError
from console.cli.launch import materialize
from console.cli.remotes import is_managed, remote_of
from console.cli.start_options import StartOptions, host_home
from console.coordination.lane_file import load_lane
from console.coordination.paths import RunPaths
from console.coordination.spec import RunSpec
from console.places import runs_dir
from runners.contract.lane import RunContract
from runners.records.admission import check_token
from runners.records.clock import Clock
from runners.records.detaching import keep_awake
from runners.records.durable import NO_LINKS, create_once, write_durable
from runners.records.errors import AdmissionRefused
from runners.records.keys import SigningKey
from runners.records.verb_process import TOKEN_ENV, TOKEN_FD_ENV, child_env

CAPTURE_BATCH = 16
GATE_STEPS = 8
OPERATOR = "operator.pem"
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,95}")
PORTS = range(65536)


def operator_key_file() -> Path:
    return host_home() / "keys" / OPERATOR


def operator_key() -> SigningKey:
    """Made on first use; the loopback lane says where it is."""
    return SigningKey.load_or_create(operator_key_file())


def new_run_id(lane: str) -> str:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{lane.replace('_', '-')}-live-{now}-{secrets.token_hex(2)}"


PortCheck = Callable[[tuple[tuple[str, int, str], ...]], None]


def create_run(options: StartOptions, *, check_ports: PortCheck) -> tuple[RunSpec, RunPaths]:
    """Folders and spec on disk; nothing is contacted yet. Raises UsageError, LaneFileError."""
    contract = load_lane(options.lane)
    check_ports(listening_ports(contract, options))
    run_id = options.run_id or new_run_id(Path(options.lane).stem)
    if not RUN_ID.fullmatch(run_id):
        raise UsageError(f"--run-id: expected up to 96 letters, digits, - and _, got {run_id!r:.120}")
    paths = RunPaths.of(runs_dir(), run_id, contract)
    if paths.root.exists():
        raise UsageError(
            f"run {run_id}: expected a new run id, got one that exists; `swarm attach {run_id}` continues it"
        )
    for folder, named, option in (
        (options.model_dir, "config.json", "--model"),
        (options.dataset_dir, "manifest.json", "--dataset"),
    ):
        if not (folder / named).is_file():
            raise UsageError(f"{option} {folder}: expected a folder with {named}, got none")
    port = coordinator_port(contract, options)
    spec = RunSpec.seal(
        run_id=run_id,
        created_wall_ms=Clock().wall_ms(),
        contract=contract,
        remotes=tuple(
            remote_of(node, contract, options, paths, port) for node in contract.contributors if node.transport == "ssh"
        ),
        model_dir=str(options.model_dir),
        dataset_dir=str(options.dataset_dir),
        prepared_dir=str(runs_dir() / ".prepared"),
        host_home=str(host_home()),
        operator_public_key=operator_key().public_hex,
        coordinator_port=port,
        capture_batch=CAPTURE_BATCH,
        gate_steps=GATE_STEPS,
    )
    require_hard_links(paths.root.parent)
    paths.make()
    # What was known before the run stays with it: the operator bundle, with launch manifest and receipt.
    materialize(
        options.lane,
        run_id,
        paths.operator_bundle,
        frozen_files_must_agree=False,
        model=options.model_dir,
        dataset=options.dataset_dir,
    )
    write_durable(paths.spec, spec.to_bytes())
    return spec, paths


def require_hard_links(runs: Path) -> None:
    """Said before anything is made: the first record that has to be written once would end the run. Raises
    UsageError."""
    probe = runs / f".links-{secrets.token_hex(8)}"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        create_once(probe, b"")
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        raise UsageError(f"SWARM_RUNS {runs}: {error.strerror}") from error
    finally:
        probe.unlink(missing_ok=True)


def listening_ports(contract: RunContract, options: StartOptions) -> tuple[tuple[str, int, str], ...]:
    """(address, port, option) of what this machine must have free before the run starts."""
    ports = [(options.dial_in or "127.0.0.1", coordinator_port(contract, options), "--coordinator-port")]
    for node in contract.contributors:
        if node.transport == "ssh" and is_managed(node, options):
            port = node.cluster_port if options.contributor_port is None else options.contributor_port
            ports.append(("127.0.0.1", port, "--contributor-port"))
    for _, port, option in ports:
        if port not in PORTS:
            raise UsageError(f"{option}: expected a port from 0 to 65535, got {port}")
    return tuple(ports)


def coordinator_port(contract: RunContract, options: StartOptions) -> int:
    """Where this machine listens: asked for, or the lane's own."""
    if options.coordinator_port is not None:
        return options.coordinator_port
    return next(node.cluster_port for node in contract.nodes if "coordinator" in node.roles)


def operator_token() -> str | None:
    """The exported admission token, checked before anything starts. Raises UsageError."""
    text = os.environ.get(TOKEN_ENV)
    if not text:
        return None
    try:
        check_token(text)
    except AdmissionRefused as error:
        raise UsageError(f"{TOKEN_ENV}: {error}") from error
    return text


def spawn_coordinator(paths: RunPaths, token: str | None) -> int:
    """A detached coordinator in its own session; its pid. The token goes through an inherited pipe only."""
    env = {**os.environ, **child_env()}
    env.pop(TOKEN_ENV, None)
    pass_fds: tuple[int, ...] = ()
    read_fd = -1
    if token is not None:
        read_fd, write_fd = os.pipe()
        os.write(write_fd, token.encode() + b"\n")
        os.close(write_fd)
        env[TOKEN_FD_ENV] = str(read_fd)
        pass_fds = (read_fd,)
    with paths.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "console.cli.coordinate", str(paths.spec)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, pass_fds=pass_fds, start_new_session=True,
        )  # fmt: skip
    if read_fd >= 0:
        os.close(read_fd)
    keep_awake(process.pid)
    return process.pid
