"""What the host itself decides. Read once, at the edge, from environment and options; never from the wire."""

import argparse
import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from runners.contract.jobs import BackendName
from runners.process.drill_fault import DrillFault
from runners.process.errors import SettingsError

LOCAL_FINGERPRINT = "local"
SYSTEM_HOST_KEYS = Path("/etc/ssh")
SETTINGS = {
    "SWARM_RUN_ROOT": "folder of this node for this run",
    "SWARM_HOST_HOME": "folder of this host's own things: keys/<node_id>.pem (default ~/.swarm)",
    "SWARM_MODEL_DIR": "this host's own checkpoint of the base model",
    "SWARM_BACKEND": "mlx, torch or reference (default: what the lane says)",
    "SWARM_CONTRACT_DIGEST": "the only contract that this host serves (default: any)",
    "SWARM_TOKEN_FD": "number of an inherited pipe that holds the admission token",
    "SWARM_HOST_KEY_FINGERPRINT": "SHA256:... of the SSH host key that this host presents (default: as sshd has it)",
    "SWARM_PEER_ADDRESS": "where the coordinator comes from (default: as sshd has it)",
    "SWARM_ORPHAN_MS": "how long a runner waits for the coordinator (default: the lane's prepare_ms + 30 minutes)",
    "SWARM_DANGEROUS_DRILL_FAULT": "another_shape or another_identity: publish what was not asked for; loopback only",
}


@dataclass(frozen=True)
class HostSettings:
    """`None` is what the owner of the host left open."""

    home: Path
    run_root_setting: Path | None = None
    model_dir_setting: Path | None = None
    backend: BackendName | None = None
    contract_digest: str | None = None
    token_fd: int | None = None
    host_key_fingerprints: tuple[str, ...] = (LOCAL_FINGERPRINT,)
    peer_address: str | None = None
    orphan_ms: int | None = None
    dangerous_drill_fault: DrillFault | None = None

    @property
    def run_root(self) -> Path:
        """Raises SettingsError."""
        if self.run_root_setting is None:
            raise SettingsError("SWARM_RUN_ROOT: expected the folder of this node for this run, got nothing; set it")
        return self.run_root_setting

    @property
    def model_dir(self) -> Path:
        """Raises SettingsError."""
        if self.model_dir_setting is None:
            raise SettingsError("SWARM_MODEL_DIR: expected this host's own checkpoint, got nothing; set it")
        return self.model_dir_setting

    def key_path(self, node_id: str) -> Path:
        return self.home / "keys" / f"{node_id}.pem"

    def make_run_root(self) -> Path:
        self.run_root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.run_root


def add_options(parser: argparse.ArgumentParser) -> None:
    """One option per setting, so that a host can be set up by either."""
    for name, meaning in SETTINGS.items():
        parser.add_argument(_option(name), metavar="X", help=f"{meaning} [{name}]")


def read_settings(options: argparse.Namespace, environ: Mapping[str, str]) -> HostSettings:
    """Options win over the environment. Raises SettingsError."""
    given = {name: _chosen(name, options, environ) for name in SETTINGS}
    backend, digest = given["SWARM_BACKEND"], given["SWARM_CONTRACT_DIGEST"]
    if backend is not None and backend not in get_args(BackendName):
        raise SettingsError(f"SWARM_BACKEND: expected one of {get_args(BackendName)}, got {backend!r}")
    if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise SettingsError("SWARM_CONTRACT_DIGEST: expected 64 hex digits, got something else")
    fault = given["SWARM_DANGEROUS_DRILL_FAULT"]
    if fault is not None and fault not in get_args(DrillFault):
        raise SettingsError(f"SWARM_DANGEROUS_DRILL_FAULT: expected one of {get_args(DrillFault)}, got {fault!r:.40}")
    return HostSettings(
        home=_folder(given["SWARM_HOST_HOME"]) or Path.home() / ".swarm",
        run_root_setting=_folder(given["SWARM_RUN_ROOT"]),
        model_dir_setting=_folder(given["SWARM_MODEL_DIR"]),
        backend=backend,  # type: ignore[arg-type]  # checked above
        contract_digest=digest,
        token_fd=_whole("SWARM_TOKEN_FD", given["SWARM_TOKEN_FD"]),
        host_key_fingerprints=_fingerprints(given["SWARM_HOST_KEY_FINGERPRINT"], environ),
        peer_address=given["SWARM_PEER_ADDRESS"] or environ.get("SSH_CONNECTION", "").partition(" ")[0] or None,
        orphan_ms=_whole("SWARM_ORPHAN_MS", given["SWARM_ORPHAN_MS"]),
        dangerous_drill_fault=fault,  # type: ignore[arg-type]  # checked above
    )


def _option(name: str) -> str:
    return "--" + name.removeprefix("SWARM_").lower().replace("_", "-")


def _chosen(name: str, options: argparse.Namespace, environ: Mapping[str, str]) -> str | None:
    option: str | None = getattr(options, name.removeprefix("SWARM_").lower(), None)
    return option or environ.get(name) or None


def _folder(text: str | None) -> Path | None:
    return Path(text).expanduser().absolute() if text else None


def _whole(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise SettingsError(f"{name}: expected a whole number, got {text[:40]!r}")
    return int(text)


def _fingerprints(text: str | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What this host may be known as: as set, else sshd's public keys inside an SSH session, else `local`."""
    if text:
        return (text,)
    if "SSH_CONNECTION" in environ:
        return tuple(_fingerprint(path) for path in sorted(SYSTEM_HOST_KEYS.glob("ssh_host_*_key.pub")))
    return (LOCAL_FINGERPRINT,)


def _fingerprint(public_key: Path) -> str:
    """OpenSSH's own form, so that it can be compared with what a client prints."""
    try:
        blob = base64.b64decode(public_key.read_text().split()[1], validate=True)
    except (OSError, IndexError, binascii.Error) as error:
        raise SettingsError(f"{public_key}: expected an OpenSSH public key, got {error}") from error
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
