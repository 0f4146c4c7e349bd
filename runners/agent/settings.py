"""What the owner of a host decides about its agent. Read once, at the start, never from the wire."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import asyncssh

from runners.agent.errors import AgentSettingsError
from runners.process.drill_fault import DrillFault
from runners.records.verb_process import VerbEnvironment

DEFAULT_PORT = 34101
BACKENDS = ("mlx", "torch", "reference")
FAULT_SETTING = "SWARM_DANGEROUS_DRILL_FAULT"


@dataclass(frozen=True)
class Limits:
    """What one peer may use up."""

    connections: int = 8
    verbs: int = 8  # at once, over all connections
    stdin_bytes: int = 4 * 1024**3  # of one verb: an archive with slice and initial adapter
    open_files: int = 32  # of one SFTP session
    login_s: float = 10.0
    lost_grace_s: float = 5.0  # how long a verb may go on after its peer is gone


@dataclass(frozen=True)
class AgentSettings:
    """`programs` replaces what a verb starts; only tests set it, no option does."""

    listen: str
    port: int
    home: Path
    run_root: Path
    model_dir: Path
    backend: str
    authorized_keys: tuple[str, ...]  # OpenSSH public keys, one line each, without options
    contract_digest: str | None = None
    dangerous_drill_fault: str | None = None  # handed to every verb; a runner refuses it outside the loopback lane
    idle_exit_s: float | None = None  # end after this long without a connection
    until_kept: bool = False  # whoever started it has to say on standard input that it noted the agent down
    dial: tuple[str, int] | None = None  # a coordinator to dial in to, instead of listening
    limits: Limits = field(default_factory=Limits)
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def host_key_path(self) -> Path:
        return self.home / "keys" / "ssh_host_ed25519.pem"

    def environment(self, host_key_fingerprint: str) -> VerbEnvironment:
        return VerbEnvironment(
            home=self.home,
            run_root=self.run_root,
            model_dir=self.model_dir,
            backend=self.backend,
            contract_digest=self.contract_digest,
            host_key_fingerprint=host_key_fingerprint,
            extra={FAULT_SETTING: self.dangerous_drill_fault} if self.dangerous_drill_fault else {},
        )


def parse_settings(argv: Sequence[str]) -> tuple[AgentSettings, bool]:
    """Settings, and whether the token comes on standard input. Raises AgentSettingsError; SystemExit for usage."""
    options = _parser().parse_args(argv)
    settings = AgentSettings(
        listen=options.listen,
        port=options.port,
        home=options.home.expanduser().absolute(),
        run_root=options.run_root.expanduser().absolute(),
        model_dir=options.model.expanduser().absolute(),
        backend=options.backend,
        authorized_keys=tuple(_bare_key(line) for line in options.authorized_key),
        contract_digest=_digest(options.contract_digest),
        dangerous_drill_fault=options.dangerous_drill_fault,
        idle_exit_s=options.idle_exit_s,
        until_kept=options.kept_stdin,
        dial=_address(options.dial) if options.dial is not None else None,
    )
    _check_apart(settings)
    return settings, options.token_stdin


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runners agent", description="SSH endpoint of this host")
    parser.add_argument("--listen", default="127.0.0.1", metavar="ADDRESS", help="the only address to listen on")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0 takes a free one")
    parser.add_argument(
        "--dial", metavar="HOST:PORT", help="dial in to the coordinator there, again and again, instead of listening"
    )
    parser.add_argument("--home", type=Path, default=Path("~/.swarm"), help="keys of this host")
    parser.add_argument("--run-root", type=Path, required=True, help="the only folder that peers may read")
    parser.add_argument("--model", type=Path, required=True, help="this host's own checkpoint of the base model")
    parser.add_argument("--backend", choices=BACKENDS, required=True)
    parser.add_argument("--authorized-key", action="append", required=True, metavar="KEY", help="may be repeated")
    parser.add_argument("--contract-digest", help="the only contract that this host serves")
    parser.add_argument(
        "--dangerous-drill-fault", choices=get_args(DrillFault), help="drills on the loopback lane only"
    )
    parser.add_argument("--idle-exit-s", type=float, help="end after this long without a connection (default: never)")
    parser.add_argument(
        "--kept-stdin", action="store_true", help="end at once when standard input ends before it said `kept`"
    )
    parser.add_argument("--token-stdin", action="store_true", help="admission token: first line of standard input")
    return parser


def _bare_key(line: str) -> str:
    """An option in front of a key (`command=...`) would change what it may do, so a key stands alone."""
    try:
        return asyncssh.import_public_key(line).export_public_key().decode().strip()
    except (asyncssh.KeyImportError, ValueError) as error:
        raise AgentSettingsError(f"--authorized-key: expected 'ssh-ed25519 AAAA...', got {line[:60]!r}") from error


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise AgentSettingsError(f"--dial: expected HOST:PORT of the coordinator, got {text[:120]!r}")
    return host, int(port)


def _digest(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[0-9a-f]{64}", text):
        raise AgentSettingsError(f"--contract-digest: expected 64 hex digits, got {text[:70]!r}")
    return text


def _check_apart(settings: AgentSettings) -> None:
    """Peers read the run root, so nothing private may lie in it."""
    run_root, home = settings.run_root.resolve(), settings.home.resolve()
    if home.is_relative_to(run_root):
        raise AgentSettingsError(f"--home {home}: expected a folder outside the run root {run_root}, which peers read")
