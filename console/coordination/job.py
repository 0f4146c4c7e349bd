"""One job in a fresh process of this host: `python -m runners <job>`, lines in, progress and results out."""

import asyncio
import contextlib
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from console.coordination.errors import JobEnded, JobFailed
from console.hosts.line_conversation import printable
from runners.contract.canonical import MAX_DOCUMENT_BYTES, canonical_bytes, parse_strict
from runners.contract.document import Word, word_from_json
from runners.contract.errors import ContractError
from runners.contract.jobs import Counted, Progress
from runners.contract.requests import Refusal
from runners.records.host_memory import MIB, free_bytes, kernel_kills
from runners.records.machine_limits import error_of
from runners.records.process_group import signal_group

W = TypeVar("W", bound=Word)
LAST_BYTES = 4000  # of a log
OnProgress = Callable[[Progress], None]


async def run_job(job: str, request: Word, expected: type[W], on_progress: OnProgress, *, log: Path) -> W:
    """The result of a job that asks for one line. Raises JobFailed with the job's own reason, and OSError for what this
    machine refused it; cancelling ends it."""
    async with JobProcess.start(job, request, log=log) as process:
        return await process.finish(expected, on_progress)


class JobProcess:
    """A job that is going on. Leaving its block ends it. What this machine refused it is raised as OSError, as if it
    had been refused to us: nobody else is to blame."""

    def __init__(self, job: str, process: asyncio.subprocess.Process, log: Path, log_begins: int) -> None:
        self._job = job
        self._process = process
        self._log, self._log_begins = log, log_begins
        self._counted = ""
        self._free_bytes, self._kernel_kills = free_bytes(), kernel_kills()  # as it began

    @classmethod
    @asynccontextmanager
    async def start(cls, job: str, request: Word, *, log: Path) -> "AsyncIterator[JobProcess]":
        with log.open("ab") as stderr:
            begins = stderr.tell()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "runners", job,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=stderr,
                limit=MAX_DOCUMENT_BYTES, start_new_session=True,
            )  # fmt: skip
        try:
            running = cls(job, process, log, begins)
            await running.send(request)
            yield running
        finally:
            if process.returncode is None:
                signal_group(process.pid, signal.SIGKILL)
                await process.wait()

    async def send(self, word: Word) -> None:
        """A process that is gone shows at the next answer."""
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(canonical_bytes(word.to_json()) + b"\n")
            await self._process.stdin.drain()

    async def answer(self, expected: type[W], on_progress: OnProgress) -> W:
        """The next line that is no progress. Raises JobFailed."""
        assert self._process.stdout is not None
        while raw := await self._process.stdout.readline():
            try:
                answer = self._read(parse_strict(raw.rstrip(b"\n")), expected, on_progress)
            except ContractError as error:
                raise JobFailed(f"{self._job}: expected a result line, got {error}") from error
            if answer is not None:
                return answer
        raise self._end_without_answer(await self._process.wait())

    async def finish(self, expected: type[W], on_progress: OnProgress) -> W:
        """Nothing more is asked; the last answer, and the end of the process. Raises JobFailed."""
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.close()
        result = await self.answer(expected, on_progress)
        await self._process.wait()
        return result

    def _end_without_answer(self, code: int) -> JobEnded | OSError:
        """A process that the kernel ends for want of memory says nothing; what is known of it is said here."""
        counted = f"; it had counted: {self._counted}" if self._counted else ""
        memory = f"{self._free_bytes // MIB} MiB were free as it began, {free_bytes() // MIB} are now{counted}"
        if code != -signal.SIGKILL:
            if code >= 0:
                ended, more = f"exit status {code}", ""
            else:
                ended, more = f"an end by {signal.Signals(-code).name}", f" ({memory}){self._last_words()}"
            return JobEnded(f"{self._job}: expected a result, got {ended} without one{more}; see {self._log.name}")
        now = kernel_kills()
        if now is not None and self._kernel_kills is not None and now > self._kernel_kills:
            return OSError(
                errno.ENOMEM,
                f"{self._job}: ended by the kernel, out of memory: {memory}; end what else holds memory here, or give"
                " it more, and go on",
            )
        told = "not for want of memory, by the kernel's own count" if now is not None else "by whom can't be told here"
        return JobEnded(f"{self._job}: expected a result, got an end by SIGKILL without one, {told}; {memory}")

    def _last_words(self) -> str:
        """A library that gives up says why on standard error and aborts, as Metal's does for macOS' GPU watchdog."""
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            log.seek(max(self._log_begins, os.fstat(log.fileno()).st_size - LAST_BYTES))
            lines = [line for line in log.read(LAST_BYTES).decode(errors="replace").splitlines() if line.strip()]
            return f"; it said last: {printable(lines[-1])}" if lines else ""
        return ""

    def _read(self, body: object, expected: type[W], on_progress: OnProgress) -> W | None:
        if isinstance(body, dict) and "refused" in body:
            refusal = word_from_json(Refusal, body)
            if (error := error_of(refusal.refused, f"{self._job}: {refusal.detail}")) is not None:
                raise error
            raise JobFailed(f"{self._job}: {refusal.refused}: {refusal.detail}")
        if isinstance(body, dict) and set(body) == set(Counted.model_fields):
            self._counted = word_from_json(Counted, body).counted
            return None
        if isinstance(body, dict) and set(body) == set(Progress.model_fields):
            on_progress(word_from_json(Progress, body))
            return None
        return word_from_json(expected, body)
