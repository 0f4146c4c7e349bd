"""What can go wrong with a host, told apart by who can fix it."""

from pathlib import Path
from shlex import quote

from runners.contract.plan import FileRef


class HostError(Exception):
    """Base of everything that a host, the way to it, or its files can fail with."""


class HostUnreachable(HostError):
    """Nothing answers at the endpoint. `fact` says it where the endpoint stands beside it and room is scarce."""

    def __init__(self, text: str, fact: str = "") -> None:
        super().__init__(text)
        self.fact = fact or text


class HostAuthRefused(HostError):
    """The host is there and is the right one, but does not accept our key."""


class HostKeyMismatch(HostError):
    """Something answers with another key than the pinned one. Nothing was sent to it."""

    def __init__(self, endpoint: str, expected: str, got: str, fix: str) -> None:
        super().__init__(f"{endpoint}: expected host key {expected}, got {got}. {fix}")
        self.expected = expected
        self.got = got


class HostKeyUnknown(HostError):
    """First contact with a host whose key nobody vouched for. Nothing was sent to it."""

    def __init__(self, name: str, got: str, files: tuple[str, ...]) -> None:
        super().__init__(
            f"{name}: expected its host key in {' or '.join(files) or 'a known_hosts file'}, got no line for it; "
            f"the host shows {got}. On its own screen `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` must print "
            f"the same: then give --fingerprint {got}, or connect once with ssh and accept it there"
        )
        self.got = got


class HostKeyChanged(HostError):
    """The host shows another key than the one that known_hosts, or the operator, names. Nothing was sent to it."""

    def __init__(self, name: str, expected: tuple[str, ...], got: str, files: tuple[str, ...]) -> None:
        mend = " ; ".join(f"ssh-keygen -R {quote(name)} -f {quote(file)}" for file in files)
        super().__init__(
            f"{name}: expected host key {' or '.join(expected)}, got {got}. Something else may answer there: do not "
            "connect before `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host's own screen shows that key."
            + (f" Only then forget the old one: {mend}" if mend else "")
        )
        self.got = got


class HostKeyRevoked(HostError):
    """known_hosts says that this key is no longer to be trusted."""

    def __init__(self, name: str, got: str, place: str) -> None:
        super().__init__(f"{name}: expected a host key that is not revoked, got {got}, which {place} revokes")


class HostNotKnown(HostError):
    """No host of that name was ever added."""


class SshConfigError(HostError):
    """The operator's ssh_config can't be understood."""


class FirstContactFailed(HostError):
    """A bare host did not do what was asked of it: what it said is in the message, made printable."""


class LinkDown(HostError):
    """The link is lost for now. Unreachable is not dead: ask again when it is back."""


class HostRefused(HostError):
    """A verb answered with a refusal."""

    def __init__(self, verb: str, refused: str, detail: str) -> None:
        super().__init__(f"{verb}: refused as {refused}: {detail}")
        self.verb = verb
        self.refused = refused
        self.detail = detail


class VerbFailed(HostError):
    """A verb's process ended without the answer that was due, or with a bad exit status after it."""

    def __init__(self, verb: str, exit_code: int, stderr: tuple[str, ...]) -> None:
        last = stderr[-1] if stderr else "nothing on standard error"
        super().__init__(f"{verb}: expected an answer and exit status 0, got exit status {exit_code}: {last}")
        self.verb = verb
        self.exit_code = exit_code
        self.stderr = stderr


class FileAbsent(HostError):
    """There is no such file in the run root, yet."""


class FetchRefused(HostError):
    """A file is not one that may be fetched: a link, a folder, a bad name, or past the limit."""


class ArtifactDigestMismatch(HostError):
    """The bytes are not the ones that were journaled. What came is kept, for quarantine."""

    def __init__(self, name: str, expected: FileRef, got_bytes: int, got_sha256: str, received: Path) -> None:
        super().__init__(
            f"{name}: expected {expected.size_bytes} bytes with sha256 {expected.sha256}, "
            f"got {got_bytes} bytes with sha256 {got_sha256}"
        )
        self.name = name
        self.expected = expected
        self.got_bytes = got_bytes  # one more than expected when the file is longer: the rest isn't fetched
        self.got_sha256 = got_sha256
        self.received = received


class PortTaken(HostError):
    """A port of the lane is in use on this machine."""


class AgentStartFailed(HostError):
    """Our agent did not come up."""
