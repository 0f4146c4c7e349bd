"""A plain login on a host that has nothing of ours yet: a script goes in by standard input, marked lines come out."""

import json
import secrets
from collections.abc import AsyncIterator
from importlib.resources import files
from shlex import quote

import asyncssh

from console.hosts.errors import FirstContactFailed
from console.hosts.line_conversation import printable
from console.hosts.ssh_link import SshLink
from console.hosts.ssh_target import SshTarget
from runners.contract.canonical import parse_strict
from runners.contract.errors import ContractError

MAX_LINE_BYTES = 256 * 1024
MAX_LINES = 20_000
NOISE_CHARS = 400
READ_BYTES = 32 * 1024
NOT_STARTED = (126, 127)  # a shell's words for what it may not run, and for what isn't there
# Newer than 3.11 if there is one, else any that can at least say how old it is.
CANDIDATES = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")
CODE = "import sys;exec(compile(sys.stdin.buffer.read({size}),{name!r},'exec'),{{'__name__':'__main__'}})"


class Login:
    """`noise` is what came on standard output without the mark."""

    def __init__(self, target: SshTarget) -> None:
        self._link = SshLink(target)
        self.noise = ""

    async def __aenter__(self) -> "Login":
        """Raises HostUnreachable, HostKeyMismatch, HostAuthRefused."""
        await self._link.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._link.close()

    @property
    def rtt_ms(self) -> float:
        return self._link.state.rtt_ms or 0.0

    @property
    def endpoint(self) -> str:
        return self._link.endpoint

    async def run(
        self, script: str, order: dict[str, object], archives: tuple[bytes, ...] = (), python: str | None = None
    ) -> AsyncIterator[dict[str, object]]:
        """The marked lines of `runners/bootstrap/<script>`. Raises FirstContactFailed, LinkDown."""
        text = (files("runners") / "bootstrap" / script).read_bytes()
        mark = f"swarm-{secrets.token_hex(8)} "
        with self._link.losses():
            process = await self._link.connection.create_process(
                command_line(CODE.format(size=len(text), name=script), mark, python), encoding=None
            )
        said = False
        try:
            with self._link.losses():
                process.stdin.write(text + json.dumps({**order, "mark": mark}).encode() + b"\n")
                for archive in archives:
                    process.stdin.write(archive)
                    await process.stdin.drain()
                async for line in self._marked(process, mark.encode()):
                    said = True
                    yield line
                await process.wait_closed()
            errors = b"" if process.stderr.at_eof() else await process.stderr.read(READ_BYTES)
            if process.returncode != 0 or not said:
                raise FirstContactFailed(_failure(python or script, process.returncode, errors))
        finally:
            process.close()

    async def _marked(
        self, process: "asyncssh.SSHClientProcess[bytes]", mark: bytes
    ) -> AsyncIterator[dict[str, object]]:
        rest, count = b"", 0
        while data := await process.stdout.read(READ_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                raise FirstContactFailed(f"expected lines of at most {MAX_LINE_BYTES} bytes, got more without an end")
            for line in lines:
                count += 1
                if count > MAX_LINES:
                    raise FirstContactFailed(f"expected at most {MAX_LINES} lines, got more")
                before, found, body = line.partition(mark)
                self._hear(before if found else line)
                if found:
                    yield _object(body)
        self._hear(rest)

    def _hear(self, noise: bytes) -> None:
        if noise.strip() and len(self.noise) < NOISE_CHARS:
            self.noise += printable(noise.decode(errors="replace"))[:NOISE_CHARS]


def command_line(code: str, mark: str, python: str | None) -> str:
    """Through sh, so that every login shell takes it; without any Python it answers an empty object."""
    if python is not None:
        return f"{_word(python)} -I -c {quote(code)}"
    new_enough = quote("import sys; sys.exit(sys.version_info < (3, 11))")
    script = (
        f"for p in {' '.join(CANDIDATES)}; do if $p -c {new_enough} </dev/null >/dev/null 2>&1; "
        f"then exec $p -I -c {quote(code)}; fi; done; "
        f"if command -v python3 >/dev/null; then exec python3 -I -c {quote(code)}; fi; "
        f"printf '%s\\n' {quote(mark + '{}')}"
    )
    return f"sh -c {quote(script)}"


def _word(path: str) -> str:
    """Quoted, but for a leading `~/`, which is the host's home and is for its shell to read."""
    return f"~/{quote(path[2:])}" if path.startswith("~/") else quote(path)


def _object(raw: bytes) -> dict[str, object]:
    try:
        body = parse_strict(raw, limit=MAX_LINE_BYTES)
    except ContractError as error:
        raise FirstContactFailed(f"expected a line of JSON from the host, got {error}") from error
    if not isinstance(body, dict):
        raise FirstContactFailed(f"expected a JSON object from the host, got {type(body).__name__}")
    return body


def _failure(what: str, code: int | None, errors: bytes) -> str:
    lines = [line for line in errors.decode(errors="replace").splitlines() if line.strip()]
    last = printable(lines[-1])[:600] if lines else "nothing on standard error"
    if code in NOT_STARTED:
        return f"{what} on the host: expected a Python that its user may run, got {last}"
    return f"{what} on the host: expected exit 0, got {code}: {last}"
