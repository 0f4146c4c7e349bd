"""`work`: the runner as a process. It owns the run root's lock, its journal, its signals and its heartbeat."""

import contextlib
import signal
import sys
import threading
import time
from types import FrameType
from typing import Literal

from runners.contract.node_records import Exited, Failed, Log, Opened, Recovered
from runners.contract.requests import LaunchResponse
from runners.process.epochs import PreviousEpoch, close_previous, next_writer
from runners.process.errors import Orphaned, Refused, StopRequested
from runners.process.heartbeat import HeartbeatThread
from runners.process.launch import EXIT_BUSY, check_admission
from runners.process.memory_note import forget_note
from runners.process.refusals import detail_of, reason_of
from runners.process.run_root import RunRoot
from runners.process.runner import Runner
from runners.process.settings import HostSettings
from runners.records.errors import AlreadyHeld
from runners.records.journal_file import JournalFile
from runners.records.keys import SigningKey
from runners.records.lock import FolderLock
from runners.records.process_identity import ProcessIdentity

POLL_S = 0.1
LOCK_PATIENCE_S = 3.0  # somebody who asks for the status holds the lock for an instant
EXIT_JOURNAL = 74  # the journal itself can't be written: there is nowhere to say so
ExitReason = Literal["released", "stopped", "failed", "orphaned"]
EXIT_CODES: dict[ExitReason, int] = {"released": 0, "failed": 1, "orphaned": 4, "stopped": 143}


def work(settings: HostSettings, revision: int) -> int:
    """The exit code. Everything else that it has to say stands in its journal."""
    lock = FolderLock(settings.run_root)
    if not _acquired(lock):
        return EXIT_BUSY
    try:
        runner = open_runner(settings, revision)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _setter(runner.stop))
        return see_through(runner)
    except OSError as error:
        with contextlib.suppress(OSError):
            print(f"journal can't be written: {error.strerror}; nothing more can be recorded", file=sys.stderr)
        with contextlib.suppress(OSError):
            forget_note(RunRoot(settings.run_root), revision)  # it wasn't the kernel
        return EXIT_JOURNAL


def open_runner(settings: HostSettings, revision: int) -> Runner:
    """Open this start's journal, then answer the launch. The caller holds the run root's lock."""
    root = RunRoot(settings.run_root)
    request = root.requested(revision)
    if request is None:
        raise Refused("not_launched", f"revision {revision}: expected a launch request in the run root, got none")
    key = SigningKey.load_or_create(settings.key_path(request.node_id))
    admission = root.admitted(key.public_hex)
    check_admission(admission, request, key.public_hex)
    writer = next_writer(root.folder, request.run_id, request.node_id, revision)
    previous = close_previous(root.folder, writer, key)
    journal = JournalFile(root.folder / writer.file_name, writer, key)
    own = ProcessIdentity.own()
    opened = Opened(
        pid=own.pid,
        process_started_ms=own.started_ms,
        assignment_digest=request.assignment.digest,
        node_public_key=key.public_hex,
        admission_digest=admission.digest,
        previous_file=previous.file,
        previous_tail=previous.tail,
    )
    journal.append("opened", opened)
    _note_previous(journal, previous)
    response = LaunchResponse(
        pid=own.pid,
        process_started_ms=own.started_ms,
        revision=revision,
        epoch=writer.epoch,
        journal=writer.file_name,
    )
    root.keep(root.launch(revision), response)
    return Runner(settings, root, request, journal, threading.Event())


def see_through(runner: Runner) -> int:
    """Every way out leaves an `exited` record as the last one. Raises OSError where the journal can't be written."""
    with HeartbeatThread(runner.journal.append, runner.progress, period_ms=runner.heartbeat_ms), runner.accelerator:
        reason = _outcome(runner)
    runner.journal.append("exited", Exited(reason=reason, code=EXIT_CODES[reason]))
    runner.leave()
    return EXIT_CODES[reason]


def _outcome(runner: Runner) -> ExitReason:
    try:
        runner.carry_out()
    except StopRequested:
        return "stopped"
    except Orphaned as error:
        runner.journal.append("log", Log(level="warning", text=str(error)))
        return "orphaned"
    except Exception as error:
        with contextlib.suppress(OSError):
            sys.excepthook(type(error), error, error.__traceback__)
        failed = Failed(reason=reason_of(error), detail=detail_of(error, runner.settings))
        runner.journal.append("failed", failed)
        return "failed"
    return "released"


def _note_previous(journal: JournalFile, previous: PreviousEpoch) -> None:
    if previous.cut_bytes:
        journal.append("recovered", Recovered(cut_bytes=previous.cut_bytes))
    if previous.broken:
        journal.append("log", Log(level="error", text=f"journal {previous.file} is broken: {previous.broken}"[:2000]))


def _acquired(lock: FolderLock) -> bool:
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            lock.acquire()
        except AlreadyHeld:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        else:
            return True


def _setter(stop: threading.Event) -> signal.Handlers:
    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    return on_signal  # type: ignore[return-value]
