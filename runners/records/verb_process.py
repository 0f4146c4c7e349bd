"""How one verb is started on this machine: by the agent for a peer, or by the coordinator for its own host."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import runners
from runners.records.process_group import signal_group

TOKEN_ENV = "PSIONIC_SWARM_ADMISSION_TOKEN"  # noqa: S105 - the name, not a token
TOKEN_FD_ENV = "SWARM_TOKEN_FD"  # noqa: S105
STREAM_LIMIT = 256 * 1024
GRACE_S = 2.0  # between SIGTERM and SIGKILL


@dataclass(frozen=True)
class VerbEnvironment:
    """What a verb must know about its own host. Goes through the environment: nothing here is secret."""

    home: Path  # keys and admission receipts of the node
    run_root: Path
    model_dir: Path
    backend: str
    contract_digest: str | None = None
    host_key_fingerprint: str = "local"  # of the SSH host key that peers reach this host by
    extra: dict[str, str] = field(default_factory=dict)

    def to_env(self) -> dict[str, str]:
        named = {
            "SWARM_HOST_HOME": str(self.home),
            "SWARM_RUN_ROOT": str(self.run_root),
            "SWARM_MODEL_DIR": str(self.model_dir),
            "SWARM_BACKEND": self.backend,
            "SWARM_HOST_KEY_FINGERPRINT": self.host_key_fingerprint,
        }
        if self.contract_digest is not None:
            named["SWARM_CONTRACT_DIGEST"] = self.contract_digest
        return {**child_env(), **self.extra, **named}

    def coming_from(self, address: str) -> "VerbEnvironment":
        """As this, for a peer at that address."""
        return replace(self, extra={**self.extra, "SWARM_PEER_ADDRESS": address})


def child_env() -> dict[str, str]:
    """Ours without the admission token and without settings of another host; PYTHONPATH finds this very package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SWARM_") and name != TOKEN_ENV}
    package_home = str(Path(runners.__file__).parent.parent)
    others = [part for part in kept.get("PYTHONPATH", "").split(os.pathsep) if part and part != package_home]
    return {**kept, "PYTHONPATH": os.pathsep.join([package_home, *others])}


def verb_argv(verb: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "runners", verb)


class _Watched(SubprocessStreamProtocol):
    """Knows when the process is gone, even while a grandchild still holds its pipes open."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=STREAM_LIMIT, loop=loop)
        self.exited: asyncio.Future[None] = loop.create_future()

    def process_exited(self) -> None:
        super().process_exited()
        if not self.exited.done():
            self.exited.set_result(None)


class VerbProcess:
    """One running verb with binary pipes, in a session of its own so that signals reach only what it started."""

    def __init__(self, process: Process, transport: asyncio.SubprocessTransport, exited: asyncio.Future[None]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.pid = process.pid
        self.stdin = process.stdin
        self.stdout = process.stdout
        self.stderr = process.stderr
        self._process = process
        self._transport = transport
        self._exited = exited

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def wait_exit(self) -> int:
        """Exit status, negative for a signal. Does not wait for pipes that a grandchild holds."""
        await asyncio.shield(self._exited)
        code = self._process.returncode
        assert code is not None
        return code

    async def end(self) -> int:
        """SIGTERM, then SIGKILL after GRACE_S, to the verb's own process group; then let go of its pipes."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.returncode is None:
                signal_group(self.pid, number)
                with suppress(TimeoutError):
                    async with asyncio.timeout(GRACE_S):
                        await self.wait_exit()
        self.close_pipes()
        return await self.wait_exit()

    def close_pipes(self) -> None:
        self._transport.close()


async def start_verb(
    verb: str, environment: VerbEnvironment, *, token: str | None = None, argv: tuple[str, ...] | None = None
) -> VerbProcess:
    """Start `python -m runners <verb>`. A token goes through an inherited pipe and nowhere else.

    `argv` replaces the program; only tests do that.
    """
    env = environment.to_env()
    token_fd = _token_pipe(token) if token is not None else None
    if token_fd is not None:
        env[TOKEN_FD_ENV] = str(token_fd)
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.subprocess_exec(
            lambda: _Watched(loop),
            *(argv or verb_argv(verb)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=env,
            start_new_session=True,
            pass_fds=() if token_fd is None else (token_fd,),
        )
    finally:
        if token_fd is not None:
            os.close(token_fd)
    return VerbProcess(Process(transport, protocol, loop), transport, protocol.exited)


def _token_pipe(token: str) -> int:
    """The read end of a pipe that holds one line. A token is far below the pipe's capacity, so this can't block."""
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, token.encode() + b"\n")
    finally:
        os.close(write_end)
    return read_end
