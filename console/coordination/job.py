"""One job in a fresh process of this host: `python -m runners <job>`, one line in, progress and one result out."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from console.coordination.errors import JobFailed
from runners.contract.canonical import MAX_DOCUMENT_BYTES, canonical_bytes, parse_strict
from runners.contract.document import Word, word_from_json
from runners.contract.errors import ContractError
from runners.contract.jobs import Progress
from runners.contract.requests import Refusal

W = TypeVar("W", bound=Word)
OnProgress = Callable[[Progress], None]


async def run_job(job: str, request: Word, expected: type[W], on_progress: OnProgress, *, log: Path) -> W:
    """The job's result. Raises JobFailed with the job's own reason; cancelling ends the process."""
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runners", job,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=stderr,
            limit=MAX_DOCUMENT_BYTES, start_new_session=True,
        )  # fmt: skip
    try:
        return await _converse(process, job, request, expected, on_progress)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _converse(
    process: asyncio.subprocess.Process, job: str, request: Word, expected: type[W], on_progress: OnProgress
) -> W:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(canonical_bytes(request.to_json()) + b"\n")
    with contextlib.suppress(ConnectionError):
        await process.stdin.drain()
        process.stdin.close()
    result: W | None = None
    while raw := await process.stdout.readline():
        try:
            body = parse_strict(raw.rstrip(b"\n"))
            result = _read(job, body, expected, on_progress) or result
        except ContractError as error:
            raise JobFailed(f"{job}: expected a result line, got {error}") from error
    code = await process.wait()
    if result is None:
        raise JobFailed(f"{job}: expected a result, got exit status {code} without one; see the coordinator's log")
    return result


def _read(job: str, body: object, expected: type[W], on_progress: OnProgress) -> W | None:
    if isinstance(body, dict) and "refused" in body:
        refusal = word_from_json(Refusal, body)
        raise JobFailed(f"{job}: {refusal.refused}: {refusal.detail}")
    if isinstance(body, dict) and set(body) == set(Progress.model_fields):
        on_progress(word_from_json(Progress, body))
        return None
    return word_from_json(expected, body)
