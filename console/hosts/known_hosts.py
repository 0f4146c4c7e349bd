"""What the operator's known_hosts says of a host, and in which line: a changed key is refused with the line to mend."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from console.hosts.errors import HostKeyChanged, HostKeyRevoked, HostKeyUnknown

SSH_PORT = 22


@dataclass(frozen=True)
class Pin:
    """One line of a known_hosts file that speaks of the host."""

    file: Path
    line: int
    key: asyncssh.SSHKey
    revoked: bool

    @property
    def place(self) -> str:
        return f"{self.file} line {self.line}"


def name_in_known_hosts(host: str, port: int) -> str:
    """As ssh-keygen and known_hosts spell it."""
    return host if port == SSH_PORT else f"[{host}]:{port}"


def find_pins(files: Iterable[Path], host: str, port: int) -> tuple[Pin, ...]:
    """Every line about that host, hashed names included. A line that can't be read is skipped, as ssh(1) does."""
    pins: list[Pin] = []
    for file in files:
        try:
            lines = file.expanduser().read_text(errors="replace").splitlines()
        except OSError:
            continue
        for number, line in enumerate(lines, 1):
            trusted, revoked = _keys_of(line, host, port)
            pins += [Pin(file, number, key, revoked=False) for key in trusted]
            pins += [Pin(file, number, key, revoked=True) for key in revoked]
    return tuple(pins)


def _keys_of(line: str, host: str, port: int) -> tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey]]:
    try:
        # Spelled with its port, because asyncssh would else take a line for port 22 where another one has none.
        found = asyncssh.import_known_hosts(line).match(name_in_known_hosts(host, port), "", None)
    except (ValueError, asyncssh.KeyImportError):
        return [], []
    return list(found[0]), list(found[2])


def judge_host_key(
    pins: tuple[Pin, ...],
    shown: asyncssh.SSHKey,
    *,
    name: str,
    files: tuple[Path, ...],
    expected_fingerprint: str | None,
) -> str:
    """Why the key is believed. Raises HostKeyRevoked, HostKeyChanged, HostKeyUnknown.

    Nothing is learned: the operator's known_hosts holds the key, or the operator typed the fingerprint that was read
    on the host's own screen.
    """
    fingerprint = shown.get_fingerprint()
    for pin in pins:
        if pin.revoked and pin.key == shown:
            raise HostKeyRevoked(name, fingerprint, pin.place)
    if expected_fingerprint is not None:
        if expected_fingerprint != fingerprint:
            raise HostKeyChanged(name, (f"{expected_fingerprint} as --fingerprint says",), fingerprint, ())
        return "the operator gave its fingerprint"
    trusted = [pin for pin in pins if not pin.revoked]
    for pin in trusted:
        if pin.key == shown:
            return f"{pin.place} holds it"
    if trusted:
        kept = tuple(f"{pin.key.get_fingerprint()} ({pin.place})" for pin in trusted)
        raise HostKeyChanged(name, kept, fingerprint, tuple(sorted({str(pin.file) for pin in trusted})))
    raise HostKeyUnknown(name, fingerprint, tuple(str(file) for file in files))
