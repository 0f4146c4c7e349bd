"""A contributor of the spec as an SSH target: our agent takes bare verbs, a system sshd whole commands."""

from pathlib import Path
from shlex import join

from console.coordination.spec import RemoteHost
from console.hosts.keys import client_key, pinned_key
from console.hosts.ssh_target import SshTarget, runners_command
from runners.contract.lane import RunContract


def target_of(remote: RemoteHost, contract: RunContract) -> SshTarget:
    """Raises KeyFileError, asyncssh.KeyImportError."""
    assert remote.host_key is not None
    host_key = pinned_key(remote.host_key)
    own_key = client_key(Path(remote.client_key_path)) if remote.client_key_path is not None else None
    if remote.sshd is None:
        return SshTarget(remote.host, remote.port, host_key, own_key, dialed_in=remote.kind == "dial_in")
    assert remote.run_root is not None
    return SshTarget(
        address=remote.host,
        port=remote.port,
        host_key=host_key,
        client_key=own_key,
        username=remote.sshd.username,
        command_prefix=runners_command(remote.sshd.python, remote.sshd.package_dir),
        command_suffix=join(_verb_options(remote, contract)),
        sftp_root=remote.run_root,
        config=remote.sshd.ssh_config,
        fix=remote.sshd.fix,
    )


def _verb_options(remote: RemoteHost, contract: RunContract) -> list[str]:
    """What our agent would tell its verbs by the environment. The token is no option: it goes by standard input."""
    assert remote.run_root is not None and remote.home is not None and remote.model_dir is not None
    options = {
        "--run-root": remote.run_root,
        "--host-home": remote.home,
        "--model-dir": remote.model_dir,
        "--backend": contract.node(remote.node_id).backend,
        "--contract-digest": contract.digest,
    }
    return [part for option in options.items() for part in option]
