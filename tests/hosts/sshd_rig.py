"""Debian's own sshd for tests: its own keys, configuration and user environment, on 127.0.0.1 or behind a veth pair.

`with running_sshd(folder) as rig:` gives a host that knows nothing of us: no agent, no package of ours. A test that
asks for it is skipped, with the reason, where sshd is missing. `rig.home` stands for the user's home: real ones stay
untouched.
"""

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import psutil
import pytest

from tests.hosts.free_port import free_port
from tests.patience import PATIENCE_S, until

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")

CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding yes
LogLevel VERBOSE
MaxStartups 100
{subsystem}
SetEnv HOME={home} SWARM_HOST_KEY_FINGERPRINT={fingerprint}
"""


@dataclass
class SshdRig:
    """`start` may follow `kill`: same keys, same port. `namespace` is the network namespace that sshd runs in."""

    folder: Path
    address: str = "127.0.0.1"
    port: int = 0
    namespace: str | None = None
    subsystem: str = "Subsystem sftp internal-sftp"
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    client_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def user(self) -> str:
        return getpass.getuser()

    @property
    def home(self) -> Path:
        return self.folder / "user"

    @property
    def client_key_file(self) -> Path:
        return self.folder / "client_key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        """As an operator would have it in ~/.ssh/config: the alias `box`."""
        return self.folder / "ssh_config"

    @property
    def log(self) -> Path:
        return self.folder / "sshd.log"

    @property
    def fingerprint(self) -> str:
        return self.host_key.get_fingerprint()

    def start(self) -> None:
        """Raises AssertionError with sshd's own words when it does not come up."""
        assert SSHD is not None
        self.folder.mkdir(exist_ok=True)
        self.home.mkdir(exist_ok=True)
        self.port = self.port or free_port()
        self._write_keys()
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd asks for it before it reads anything
        config = self.folder / "sshd_config"
        config.write_text(
            CONFIG.format(
                port=self.port,
                address=self.address,
                folder=self.folder,
                home=self.home,
                fingerprint=self.fingerprint,
                subsystem=self.subsystem,
            )
        )
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*inside, SSHD, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._until_listening()

    def _write_keys(self) -> None:
        for name, key in (("host_key", self.host_key), ("client_key", self.client_key)):
            path = self.folder / name
            path.write_bytes(key.export_private_key("openssh"))
            path.chmod(0o600)
        public = self.client_key.export_public_key().decode().strip()
        (self.folder / "authorized_keys").write_text(public + "\n")
        self.know(self.host_key)
        self.ssh_config.write_text(
            f"Host box\n  HostName {self.address}\n  Port {self.port}\n  User {self.user}\n"
            f"  IdentityFile {self.client_key_file}\n  UserKnownHostsFile {self.known_hosts}\n"
        )

    def know(self, key: asyncssh.SSHKey) -> None:
        """Write known_hosts with `key` as this host's, behind a line of another host."""
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
        own = key.export_public_key().decode().strip()
        self.known_hosts.write_text(f"other.example {other}\n[{self.address}]:{self.port} {own}\n")

    def _until_listening(self) -> None:
        assert self.process is not None
        process = self.process

        def listens() -> bool:
            assert process.poll() is None, self.log.read_text()
            return b"Server listening" in self.log.read_bytes()

        until("sshd to listen", listens)

    def sessions(self) -> list[psutil.Process]:
        """sshd's processes of open connections."""
        assert self.process is not None
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def kill(self) -> None:
        """As a host that loses power: the listener and every connection, without a word."""
        assert self.process is not None
        with_sessions = [*self.sessions(), psutil.Process(self.process.pid)]
        for process in with_sessions:
            with suppress(psutil.NoSuchProcess):  # a session ends by itself, too
                if process.name().startswith(("sshd", "ip")):  # a runner that was launched lives on
                    process.kill()
        self.process.wait(PATIENCE_S)
        self.log.write_bytes(b"")

    def end(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.kill()


def need_sshd() -> None:
    """Skips with the reason where a login over a plain sshd can't be had."""
    if SSHD is None:
        pytest.skip("no sshd on this machine (Debian: apt-get install openssh-server)")
    shadow = Path("/etc/shadow")
    if os.access(shadow, os.R_OK) and f"\n{getpass.getuser()}:!" in "\n" + shadow.read_text():
        pytest.skip(f"the account {getpass.getuser()} is locked: sshd without PAM lets nobody in, by key either")


@contextmanager
def running_sshd(folder: Path) -> Iterator[SshdRig]:
    need_sshd()
    rig = SshdRig(folder)
    try:
        rig.start()
        yield rig
    finally:
        rig.end()


@dataclass(frozen=True)
class VethPair:
    """A cable between this machine (`near`) and a network namespace (`far`), which `cut` and `mend` pull and plug."""

    namespace: str
    near: str
    far: str
    near_address: str
    far_address: str

    def cut(self) -> None:
        """Packets vanish both ways and nobody is told: no reset, no unreachable."""
        _ip("netns", "exec", self.namespace, "ip", "link", "set", self.far, "down")

    def mend(self) -> None:
        _ip("netns", "exec", self.namespace, "ip", "link", "set", self.far, "up")


@contextmanager
def veth_pair(*, tailnet: bool = False) -> Iterator[VethPair]:
    """Skips where this process may not make network namespaces. `tailnet` takes addresses of that range."""
    tag = f"{os.getpid() % 100000}{int(time.monotonic() * 10) % 100}"
    third, fourth = os.getpid() % 250 + 1, int(time.monotonic()) % 62 * 4
    second = os.getpid() // 250 % 50
    net = f"100.{70 + second}.{third}" if tailnet else f"10.{200 + second}.{third}"
    pair = VethPair(f"swarm{tag}", f"sw{tag}a", f"sw{tag}b", f"{net}.{fourth + 1}", f"{net}.{fourth + 2}")
    if shutil.which("ip") is None:
        pytest.skip("no ip(8) on this machine (Debian: apt-get install iproute2)")
    made = subprocess.run(["ip", "netns", "add", pair.namespace], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"this process may not make network namespaces: {made.stderr.strip()}")
    try:
        _lay(pair)
        yield pair
    finally:
        subprocess.run(["ip", "link", "del", pair.near], capture_output=True, check=False)
        _ip("netns", "del", pair.namespace)


def _lay(pair: VethPair) -> None:
    made = subprocess.run(
        ["ip", "link", "add", pair.near, "type", "veth", "peer", "name", pair.far, "netns", pair.namespace],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip(f"this kernel gives no veth pair: {made.stderr.strip()}")
    inside = ("netns", "exec", pair.namespace, "ip")
    _ip("addr", "add", f"{pair.near_address}/30", "dev", pair.near)
    _ip("link", "set", pair.near, "up")
    _ip(*inside, "addr", "add", f"{pair.far_address}/30", "dev", pair.far)
    _ip(*inside, "link", "set", pair.far, "up")
    _ip(*inside, "link", "set", "lo", "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=PATIENCE_S)


@contextmanager
def sshd_behind_a_cable(folder: Path) -> Iterator[tuple[SshdRig, VethPair]]:
    """sshd on an address of its own, at the far end of a cable."""
    need_sshd()
    with veth_pair() as pair:
        rig = SshdRig(folder, address=pair.far_address, namespace=pair.namespace)
        try:
            rig.start()
            yield rig, pair
        finally:
            rig.end()
