"""Where a host is reached by SSH, as whom, and how a verb is started there."""

from dataclasses import dataclass
from shlex import join

import asyncssh

from console.hosts.host_book import KnownHost

PIN_AFRESH = (
    "If the host was set up anew on purpose, pin the new key with `swarm host add`; otherwise something else answers "
    "there: do not connect"
)


def runners_command(python: str, package_dir: str) -> str:
    """`env`: it reads the same in every login shell. -P: nothing is imported from where that shell happens to be."""
    named = [f"PYTHONPATH={package_dir}", "PYTHONDONTWRITEBYTECODE=1"]
    return join(["env", *named, python, "-P", "-m", "runners"])


@dataclass(frozen=True)
class SshTarget:
    """`host_key` is pinned: nothing is learned on first contact.

    Our agent takes one key of ours and the bare verb. A system sshd is reached as ssh(1) would: `config` names
    ssh_config files (aliases, ProxyJump, IdentityFile), and without a `client_key` the user's SSH agent and keys serve.
    """

    address: str
    port: int | None  # None: as the ssh_config says, else 22
    host_key: asyncssh.SSHKey
    client_key: asyncssh.SSHKey | str | None  # a key, the path of one, or None for the user's own
    username: str | None = "swarm"  # None: as the ssh_config says, else the operator's name
    command_prefix: str = "swarm-runner"  # a system sshd: `env ... python -m runners`
    command_suffix: str = ""  # a system sshd: the verb's options, quoted
    sftp_root: str = ""  # run root as SFTP names it; our agent's is the run root itself
    config: tuple[str, ...] | None = None  # None reads no ssh_config at all
    dialed_in: bool = False  # the host opens the connection, to address and port on this machine
    fix: str = PIN_AFRESH  # what helps where another key answers

    @property
    def endpoint(self) -> str:
        scheme = "dial-in" if self.dialed_in else "ssh"
        return f"{scheme}://{self.address}" if self.port is None else f"{scheme}://{self.address}:{self.port}"

    def command(self, verb: str) -> str:
        return " ".join(filter(None, (self.command_prefix, verb, self.command_suffix)))


def target_of(host: KnownHost) -> SshTarget:
    """A plain login on a host of the book, with its pinned key."""
    return SshTarget(
        address=host.destination,
        port=host.port,
        host_key=host.pinned,
        client_key=host.client_key_path,
        username=host.username,
        config=host.ssh_config,
        fix=host.fix,
    )
