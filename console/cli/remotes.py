"""How each contributor of a lane is reached: our agent started here, one that runs there, or a host of the book."""

from pathlib import Path

from console.cli.errors import UsageError
from console.cli.start_options import LOOPBACK, StartOptions, host_home
from console.coordination.paths import RunPaths
from console.coordination.spec import RemoteHost, SshdAccess
from console.hosts.errors import HostNotKnown
from console.hosts.host_book import HostBook, KnownHost, is_name
from console.hosts.keys import pinned_key, public_line
from console.hosts.overlays import tailnet_address
from console.places import runs_dir
from runners.contract.announcement import AgentAnnouncement
from runners.contract.canonical import parse_strict
from runners.contract.document import word_from_json
from runners.contract.errors import ContractError
from runners.contract.lane import NodeContract, RunContract
from runners.records.sources import sources_sha256

MAX_KEY_BYTES = 64 * 1024


def remote_of(
    node: NodeContract, contract: RunContract, options: StartOptions, paths: RunPaths, coordinator_port: int
) -> RemoteHost:
    """Raises UsageError with what is missing."""
    if options.dial_in is not None:
        return _dials_in(node, options, coordinator_port)
    known = known_host(node, options)
    if known is not None:
        return _sshd(node, known, paths.root.name)
    port = node.cluster_port if options.contributor_port is None else options.contributor_port
    managed = is_managed(node, options)
    found = tailnet_address(node.host_alias) if is_tailnet(contract) else None
    host, remote_port = (found or node.host_alias, port) if options.remote is None else _split(options.remote)
    key_path = options.client_key or host_home() / "keys" / "ssh_client.pem"
    if not managed and options.remote_host_key is None:
        raise UsageError(
            f"{node.node_id}: expected a host of `swarm host list` named {host}, or the host key of an agent at "
            f"{host}:{remote_port}; got neither. With a system sshd there: `swarm host add {host}`; else start "
            "`python -m runners agent` on that machine and give --remote-host-key FILE (nothing is learned)"
        )
    home = runs_dir() / ".hosts" / node.node_id
    return RemoteHost(
        node_id=node.node_id,
        kind="managed_agent" if managed else "agent",
        host=host,
        port=remote_port,
        host_key=pinned_line(options.remote_host_key) if options.remote_host_key else None,
        client_key_path=str(key_path),
        token_custody="handed_over" if managed else "proved",
        home=str(home) if managed else None,
        run_root=str(paths.root / node.run_root) if managed else None,
        model_dir=str(options.model_dir) if managed else None,
    )


def is_tailnet(contract: RunContract) -> bool:
    """Is the lane one over admitted overlay devices, so that their addresses are asked of Tailscale?"""
    return "tailnet" in contract.namespace


def _dials_in(node: NodeContract, options: StartOptions, coordinator_port: int) -> RemoteHost:
    """It opens the connection, and has to be told the port: none can be picked at the start."""
    assert options.dial_in is not None
    if options.remote_host_key is None or options.remote is not None or coordinator_port == 0:
        raise UsageError(
            f"--dial-in: expected {node.node_id}'s host key with --remote-host-key FILE, a fixed --coordinator-port "
            "and no --remote; the contributor starts `python -m runners agent --dial "
            f"{options.dial_in}:{coordinator_port or 34100} ...`, which prints that key"
        )
    return RemoteHost(
        node_id=node.node_id,
        kind="dial_in",
        host=options.dial_in,
        port=coordinator_port,
        host_key=pinned_line(options.remote_host_key),
        client_key_path=str(options.client_key or host_home() / "keys" / "ssh_client.pem"),
        token_custody="proved",  # noqa: S106 - a word of the contract
        home=None,
        run_root=None,
        model_dir=None,
    )


def is_managed(node: NodeContract, options: StartOptions) -> bool:
    """Is its agent one that the coordinator starts, on this machine?"""
    if options.dial_in is not None:
        return False
    return options.remote is None and node.host_alias in LOOPBACK and known_host(node, options) is None


def known_host(node: NodeContract, options: StartOptions) -> KnownHost | None:
    """By `--remote NAME`, else by the lane's own alias. Raises UsageError for a name that was never added."""
    book = HostBook(host_home())
    named = options.remote if options.remote is not None and is_name(options.remote) else None
    if named is None and (options.remote is not None or not book.has(node.host_alias)):
        return None
    try:
        return book.get(named or node.host_alias)
    except HostNotKnown as error:
        raise UsageError(f"--remote: {error}; an agent is named as HOST:PORT") from error


def _sshd(node: NodeContract, known: KnownHost, run_id: str) -> RemoteHost:
    ours = sources_sha256()
    if known.runners_sha256 != ours:
        raise UsageError(
            f"{known.name}: expected the runners of this machine ({ours[:16]}), got older ones "
            f"({known.runners_sha256[:16]}); `swarm host add {known.name}` sends what changed"
        )
    return RemoteHost(
        node_id=node.node_id,
        kind="sshd",
        host=known.destination,
        port=known.port,
        host_key=known.host_key,
        client_key_path=known.client_key_path,
        token_custody=known.token_custody,
        home=known.directory,
        run_root=f"{known.home}/swarm-runs/{run_id}/{node.run_root}",
        model_dir=known.model_dir,
        sshd=SshdAccess(
            username=known.username,
            ssh_config=known.ssh_config,
            python=known.python,
            package_dir=known.package_dir,
            fix=known.fix_in_evidence,
        ),
    )


def pinned_line(path: Path) -> str:
    """An OpenSSH public key line, or the line of JSON that an agent prints, which has it."""
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_KEY_BYTES).decode().strip()
        if text.startswith("{"):
            text = word_from_json(AgentAnnouncement, parse_strict(text.splitlines()[0].encode())).host_key
        return " ".join(public_line(pinned_key(text)).split()[:2])  # without its comment
    except (OSError, ValueError, ContractError) as error:
        raise UsageError(
            f"--remote-host-key {path}: expected an OpenSSH public key line, or what the agent printed, got {error}"
        ) from error


def _split(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"--remote: expected a name of `swarm host list`, or HOST:PORT of an agent, got {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)
