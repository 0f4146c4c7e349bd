"""An offline check that runs beside the console, in a process of its own."""

import asyncio
import json
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runners.records.process_group import signal_group

MOST_LINE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Verified:
    """How far a check is. `consistent` is None until it ends; `problem` says why it didn't."""

    path: Path
    rule: str = ""
    done: int = 0
    total: int = 0
    consistent: bool | None = None
    signer: str = ""
    kind: str = ""
    findings: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    facts: tuple[tuple[str, int], ...] = ()
    problem: str = ""
    took_s: float = 0.0

    @property
    def over(self) -> bool:
        return self.consistent is not None or bool(self.problem)


@dataclass
class Verification:
    """Start it once; `state` is another object whenever something changed."""

    path: Path
    state: Verified = field(init=False)

    def __post_init__(self) -> None:
        self.state = Verified(self.path)
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> Verified:
        """Until the check ends. Cancelling ends the process."""
        began = time.monotonic()
        argv = (sys.executable, "-m", "console.evidence.verify_process", str(self.path))
        self._process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is not for it, and it never reads from there
            limit=MOST_LINE_BYTES,
        )
        try:
            await self._follow(self._process)
        finally:
            self.end()
        self.state = replace(self.state, took_s=time.monotonic() - began)
        return self.state

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        trouble = asyncio.ensure_future(process.stderr.read())
        try:
            while line := await process.stdout.readline():
                self.state = _told(self.state, json.loads(line))
        except ValueError as error:
            self.state = replace(self.state, problem=f"the check spoke badly: {error}")
        await process.wait()
        said = (await trouble).decode(errors="replace").strip().splitlines()
        if not self.state.over:
            last = said[-1] if said else "no word"
            self.state = replace(self.state, problem=f"the check ended with code {process.returncode}: {last:.200}")

    def end(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            signal_group(process.pid, signal.SIGKILL)


def _told(state: Verified, said: dict[str, Any]) -> Verified:
    verdict = said.get("verdict")
    if verdict is None:
        return replace(state, rule=said["rule"], done=said["done"], total=said["total"])
    findings = tuple(f"{one['rule']}: {one['where']}: expected {one['expected']}, got {one['got']}"
                     for one in verdict["findings"])  # fmt: skip
    return replace(
        state,
        rule="",
        done=state.total,
        consistent=verdict["consistent"],
        signer=verdict["signer"],
        kind=verdict["kind"],
        findings=findings,
        lines=tuple(verdict["lines"]),
        facts=tuple(verdict["facts"].items()),
    )
