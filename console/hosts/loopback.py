"""Our own agent as the "remote" host of the loopback lane: started detached, found again, ended by name."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from console.hosts.errors import AgentStartFailed, PortTaken
from console.hosts.line_conversation import printable
from runners.contract.announcement import KEPT, AgentAnnouncement
from runners.contract.canonical import parse_strict
from runners.contract.document import word_from_json
from runners.contract.errors import ContractError
from runners.records.process_identity import ProcessIdentity, started_ms
from runners.records.verb_process import child_env

MAX_ANNOUNCEMENT_BYTES = 8192
PATIENCE_S = 5.0

OWN_WORDS = "agent: "  # before what an agent says of itself when it can't go on


@dataclass(frozen=True)
class AgentPlan:
    """What the agent is told. Paths are passed on as they are: the coordinator opens none of them."""

    home: Path
    run_root: Path
    model_dir: Path
    backend: str
    authorized_key: str
    log_path: Path  # standard error of the agent; on the coordinator's side
    listen: str = "127.0.0.1"
    port: int = 34101
    contract_digest: str | None = None
    dangerous_drill_fault: str | None = None  # what the host's owner switches on for a drill
    idle_exit_s: int = 3600  # a coordinator that died for good leaves no agent behind

    def argv(self, *, with_token: bool) -> list[str]:
        options = {
            "--listen": self.listen,
            "--port": str(self.port),
            "--home": str(self.home),
            "--run-root": str(self.run_root),
            "--model": str(self.model_dir),
            "--backend": self.backend,
            "--authorized-key": self.authorized_key,
            "--idle-exit-s": str(self.idle_exit_s),
        }
        if self.contract_digest is not None:
            options["--contract-digest"] = self.contract_digest
        if self.dangerous_drill_fault is not None:
            options["--dangerous-drill-fault"] = self.dangerous_drill_fault
        pairs = [part for option in options.items() for part in option]
        stdin = ["--kept-stdin", *(["--token-stdin"] if with_token else [])]
        return [sys.executable, "-m", "runners", "agent", *stdin, *pairs]


@dataclass(frozen=True)
class AgentHandle:
    """Names one agent process for good: what the coordinator journals to find or end it after its own restart."""

    pid: int
    process_started_ms: int
    address: str
    port: int
    host_key: str
    host_key_fingerprint: str
    child: "subprocess.Popen[bytes] | None" = field(default=None, compare=False, repr=False)

    @property
    def identity(self) -> ProcessIdentity:
        return ProcessIdentity(self.pid, self.process_started_ms)

    @property
    def is_alive(self) -> bool:
        return self.identity.lives


def require_free_port(address: str, port: int, *, option: str) -> None:
    """Raises PortTaken. Port 0 is always free."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of an earlier listener that are still closing don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise PortTaken(
                f"{address}:{port}: expected a free port, got {error.strerror}. "
                f"Stop what listens there, or choose another with {option}"
            ) from error


async def start_agent(
    plan: AgentPlan,
    *,
    token: str | None,
    note: Callable[[AgentHandle], None] = lambda _: None,
    timeout_s: float = 20.0,
) -> AgentHandle:
    """The agent, listening, in a session of its own: it survives this process from the moment that `note` returns.

    Killed before that, we leave none behind: nobody would know of it. The token goes through its standard input.
    Raises PortTaken, AgentStartFailed.
    """
    require_free_port(plan.listen, plan.port, option="--contributor-port")
    child = _spawn(plan, with_token=token is not None)
    try:
        line = await asyncio.to_thread(_hand_over_and_read, child, token, timeout_s)
        announced = word_from_json(AgentAnnouncement, parse_strict(line))
        handle = _handle_of(announced, child)
        note(handle)
        await asyncio.to_thread(_keep, child)
    except BaseException as error:
        _end_child(child)
        if isinstance(error, (ContractError, OSError, TimeoutError)):
            last = _last_line(plan.log_path)
            if last.startswith(OWN_WORDS):  # why, and what to do, and nothing before it
                raise AgentStartFailed(f"{last.removeprefix(OWN_WORDS)} (its log {plan.log_path.name})") from error
            raise AgentStartFailed(
                f"agent on {plan.listen}:{plan.port}: expected its announcement, got {error}; "
                f"its log {plan.log_path.name} ends with: {last}"
            ) from error
        raise
    finally:
        _close_pipes(child)
    return handle


def _handle_of(announced: AgentAnnouncement, child: "subprocess.Popen[bytes]") -> AgentHandle:
    return AgentHandle(
        pid=announced.pid,
        process_started_ms=announced.process_started_ms,
        address=announced.address,
        port=announced.port,
        host_key=announced.host_key,
        host_key_fingerprint=announced.host_key_fingerprint,
        child=child,
    )


def _spawn(plan: AgentPlan, *, with_token: bool) -> "subprocess.Popen[bytes]":
    with plan.log_path.open("ab") as log:
        return subprocess.Popen(
            plan.argv(with_token=with_token),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=child_env(),
            start_new_session=True,
        )


def _hand_over_and_read(child: "subprocess.Popen[bytes]", token: str | None, timeout_s: float) -> bytes:
    """The announcement's line. Raises TimeoutError, and ChildProcessError when the agent ended before it."""
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):
        if token is not None:
            child.stdin.write(token.encode() + b"\n")
            child.stdin.flush()
    deadline = time.monotonic() + timeout_s
    line = b""
    while not line.endswith(b"\n") and len(line) <= MAX_ANNOUNCEMENT_BYTES:
        ready, _, _ = select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError(f"nothing within {timeout_s:g} s")
        data = os.read(child.stdout.fileno(), MAX_ANNOUNCEMENT_BYTES)
        if not data:
            raise ChildProcessError(f"exit status {child.wait()}")
        line += data
    return line.rstrip(b"\n")


def _keep(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdin is not None
    child.stdin.write(KEPT)
    child.stdin.close()


def _end_child(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.wait()


def _close_pipes(child: "subprocess.Popen[bytes]") -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def _last_line(log: Path) -> str:
    lines = log.read_bytes()[-4000:].decode(errors="replace").splitlines()
    return printable(lines[-1]) if lines else "nothing"


def find_agent(recorded: AgentHandle) -> AgentHandle | None:
    """The agent of an earlier start of the coordinator, when that very process still runs. Whether it still has its
    host key is checked by the SSH connection itself."""
    return recorded if recorded.is_alive else None


async def stop_agent(handle: AgentHandle, *, patience_s: float = PATIENCE_S) -> bool:
    """SIGTERM, then SIGKILL past `patience_s`, to that very process and no other. True when it is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not handle.identity.send(number):
            break
        await _until_gone(handle, patience_s)
    if handle.child is not None and started_ms(handle.child.pid) is None:
        # Its first thread is gone; the kernel lets it be waited for when the last one is.
        await asyncio.to_thread(handle.child.wait)
    return not handle.is_alive


async def _until_gone(handle: AgentHandle, patience_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            # It may be another process's child by now, so its end can only be asked for.
            while handle.is_alive:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
