"""The hosts that `swarm host add` made ready: one document each, on the coordinator's machine."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import StringConstraints

from console.hosts.errors import HostNotKnown
from runners.contract.canonical import MAX_DOCUMENT_BYTES
from runners.contract.document import Document
from runners.contract.names import FileName, Sha256, Text
from runners.records.durable import read_regular, sync_folder, write_durable

if TYPE_CHECKING:
    import asyncssh

# A path on another host: absolute and printable. It is quoted wherever a shell sees it, and never opened here.
HostPath = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f\x7f-\x9f]{0,1000}$")]


class KnownHost(Document):
    """How a host is reached, who it is, and where on it our things lie. Holds no secret."""

    schema_version: Literal["swarm.known_host.v1"] = "swarm.known_host.v1"
    name: FileName
    destination: Text  # address, or alias of an ssh_config
    username: Text | None  # None: as the ssh_config says
    port: int | None
    ssh_config: tuple[str, ...]  # files on this machine
    client_key_path: str | None  # on this machine; None: the operator's own keys and SSH agent
    host_key: Text  # pinned: OpenSSH public key line
    believed_because: Text
    home: HostPath
    directory: HostPath  # everything of ours on that host but run roots
    python: HostPath
    runners_sha256: Sha256
    model_dir: HostPath
    token_custody: Literal["proved", "handed_over"]  # proved: the host's owner put a token file there
    added_wall_ms: int

    @property
    def package_dir(self) -> str:
        """The folder that holds `runners` there."""
        return f"{self.directory}/runners/{self.runners_sha256}"

    @property
    def pinned(self) -> "asyncssh.SSHKey":
        from console.hosts.keys import pinned_key  # who only lists hosts' names doesn't wait for asyncssh

        return pinned_key(self.host_key)

    @property
    def fingerprint(self) -> str:
        return self.pinned.get_fingerprint()

    @property
    def made_its_environment(self) -> bool:
        """Else its Python is one that the operator named."""
        return self.python.startswith(f"{self.directory}/venvs/")

    @property
    def has_our_model(self) -> bool:
        return self.model_dir.startswith(f"{self.directory}/models/")

    @property
    def fix(self) -> str:
        """What helps where another host key answers, for the operator's eyes: it names files of this machine."""
        return mend_key(self.name, self.believed_because)

    @property
    def fix_in_evidence(self) -> str:
        """As `fix` without a place of this machine: a run's records go into its bundle."""
        return f"`swarm host doctor {self.name}` says where the old key was pinned; until it is clear, do not connect"

    @property
    def where(self) -> str:
        user = f"{self.username}@" if self.username else ""
        return f"{user}{self.destination}" + (f":{self.port}" if self.port is not None else "")


class HostBook:
    def __init__(self, home: Path) -> None:
        self._folder = home / "hosts"

    def place(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(path.stem for path in self._folder.glob("*.json")))

    def has(self, name: str) -> bool:
        return is_name(name) and self.place(name).is_file()

    def get(self, name: str) -> KnownHost:
        """Raises HostNotKnown, MalformedBytes, DigestMismatch."""
        if not self.has(name):
            known = ", ".join(self.names()) or "none yet"
            raise HostNotKnown(
                f"{name}: expected a host of `swarm host list` ({known}); `swarm host add {name}` adds it"
            )
        return KnownHost.read(read_regular(self.place(name), limit=MAX_DOCUMENT_BYTES))

    def keep(self, host: KnownHost) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durable(self.place(host.name), host.to_bytes(), mode=0o600)
        return self.place(host.name)

    def forget(self, name: str) -> None:
        """With its pinned key. Whoever adds the host again vouches for its key again."""
        self.place(name).unlink()
        sync_folder(self._folder)


def mend_key(name: str, because: str) -> str:
    return (
        f"It was pinned because {because}. If the host was set up anew on purpose, forget the old key there, take up "
        f"the new one with ssh, and do `swarm host add {name}` again; otherwise something else answers there: do not "
        "connect"
    )


def is_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text) is not None
