"""One host as the coordinator sees it: local or over SSH, the same words."""

from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from runners.contract.document import Word
from runners.contract.plan import FileRef

W = TypeVar("W", bound=Word)


@dataclass(frozen=True)
class Ending:
    """How a verb's process ended; negative for a signal. The stderr lines are hostile text, made printable."""

    exit_code: int
    stderr: tuple[str, ...]


@dataclass(frozen=True)
class LinkState:
    """One of the two facts about a host; the other is its runner."""

    up: bool
    reason: str  # "connected", or why it is down
    rtt_ms: float | None
    since_mono_ms: int
    endpoint: str = ""  # where the connection went, or was meant to go


LinkCallback = Callable[[LinkState], None]


class Conversation(Protocol):
    """One running verb: lines out, lines in. Leaving its block before `finish` ends the process."""

    @property
    def verb(self) -> str: ...

    async def send(self, word: Word) -> None:
        """One canonical JSON line. Raises LinkDown; a verb that is gone shows at the next `receive`."""

    async def send_bytes(self, chunks: Iterable[bytes] | AsyncIterable[bytes]) -> None: ...

    async def end_input(self) -> None:
        """Nothing more will be sent: some verbs answer only then."""

    async def receive(self, expected: type[W]) -> W:
        """The next line. Raises HostRefused, VerbFailed when none comes, MalformedBytes, LinkDown."""

    async def finish(self) -> Ending:
        """End of input, then wait for the process. Raises LinkDown, MalformedBytes for output after the last answer."""


class Host(Protocol):
    """A host of the lane. Nothing is ever written on it except by its own verbs."""

    @property
    def node_id(self) -> str: ...

    @property
    def endpoint(self) -> str:
        """As observed: "local" or "ssh://127.0.0.1:34101"."""

    @property
    def host_key_fingerprint(self) -> str:
        """ "SHA256:..." of the pinned key, "local" without SSH."""

    @property
    def rtt_ms(self) -> float | None: ...

    def open(self, verb: str) -> AbstractAsyncContextManager[Conversation]:
        """`async with host.open("admit") as conversation`. Raises LinkDown."""

    async def ask(self, verb: str, request: Word, expected: type[W]) -> W:
        """One request, one answer, exit status 0. Raises HostRefused, VerbFailed, LinkDown, MalformedBytes."""

    async def read_at(self, name: str, offset: int, size: int) -> bytes:
        """At most `size` bytes of a file in the run root; fewer only at its end. Raises FileAbsent, FetchRefused."""

    async def fetch(self, name: str, expected: FileRef, target: Path, *, limit: int) -> Path:
        """Copy a file whose size and sha256 were journaled to `target`, durably, whole or not at all.
        Raises ArtifactDigestMismatch (with what was received), FetchRefused, FileAbsent, LinkDown."""

    async def close(self) -> None: ...
