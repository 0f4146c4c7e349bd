"""`swarm host agent`: what to type on a host that we can't log in to, and what to type here."""

import argparse
import sys
import time
from pathlib import Path
from shlex import quote

from console.cli.errors import UsageError
from console.cli.host_add import AGENT_PORT
from console.cli.start_options import host_home
from console.hosts.host_book import HostBook
from console.hosts.keys import client_key, public_line
from runners.records.sources import sources_sha256

COORDINATOR_PORT = 34100
CHECKOUT = ".venv/bin/python -m runners agent", "fixtures/swarm/base"  # and the model, where `make setup` was done


def agent_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Prints the command that starts our agent on a host without a system sshd, or behind NAT, with the public half "
        "of this machine's client key in it, and the command that uses it from here. Contacts nobody."
    )
    parser.add_argument(
        "name", nargs="?", help="of `swarm host list`: its Python, code and checkpoint; else a checkout"
    )
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--listen", metavar="ADDRESS", help="its own address, which this machine can reach")
    way.add_argument("--dial", metavar="ADDRESS", help="an address of this machine that it can reach: it dials in")
    parser.add_argument("--port", type=int, help=f"default: {AGENT_PORT} to listen on, {COORDINATOR_PORT} to dial")
    parser.add_argument(
        "--backend", choices=("torch", "mlx"), default="torch", help="whose library trains there (default: torch)"
    )
    parser.add_argument("--client-key", type=Path, metavar="FILE", help="ours (default: ~/.swarm/keys/ssh_client.pem)")


def print_agent(options: argparse.Namespace) -> int:
    """Raises UsageError, HostNotKnown."""
    port = (AGENT_PORT if options.listen else COORDINATOR_PORT) if options.port is None else options.port
    if not 0 < port < 65536:
        raise UsageError(f"--port: expected 1 to 65535, got {options.port}")
    address = options.listen or options.dial
    spelled = f"[{address}]" if ":" in address else address
    where = f"--listen {quote(address)} --port {port}" if options.listen else f"--dial {quote(f'{spelled}:{port}')}"
    starts, model = _program(options.name)
    line = public_line(client_key(options.client_key or host_home() / "keys" / "ssh_client.pem"))
    root = f"~/swarm-runs/agent-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}/{options.backend}"
    print("on the host; the token of `swarm token new` goes in as its first line:\n", file=sys.stderr)
    print(
        f"{starts} {where} \\\n    --token-stdin --run-root {root} --model {model} --backend {options.backend} \\\n"
        f"    --authorized-key {quote(line)}"
    )
    way = f"--remote {quote(f'{spelled}:{port}')}" if options.listen else f"--dial-in {quote(address)}"
    ours = f" --client-key {quote(str(options.client_key))}" if options.client_key else ""
    coordinator = f" --coordinator-port {port}" if options.dial else ""
    print(
        "\nhere, with that token exported as PSIONIC_SWARM_ADMISSION_TOKEN and the first line that the agent prints in "
        f"FILE:\n\n    swarm run {way}{coordinator} --remote-host-key FILE{ours}\n\n"
        "One agent serves one run: its run root is that run's for good.",
        file=sys.stderr,
    )
    return 0


def _program(name: str | None) -> tuple[str, str]:
    """How the agent starts there, and its checkpoint."""
    if name is None:
        return CHECKOUT
    host = HostBook(host_home()).get(name)
    if host.runners_sha256 != sources_sha256():
        raise UsageError(f"{name}: expected the runners of this machine, got older ones; `swarm host add {name}` first")
    return f"PYTHONPATH={quote(host.package_dir)} {quote(host.python)} -P -m runners agent", quote(host.model_dir)
