"""The closed list of verbs, and what is answered when one of them fails."""

import contextlib
import sys
import traceback
from collections.abc import Callable

from runners.contract.document import Word
from runners.contract.errors import ContractError
from runners.contract.jobs import JOBS
from runners.contract.requests import VERBS
from runners.process.admission import admit
from runners.process.bringup import bringup
from runners.process.control import begin, release, status, stop
from runners.process.errors import ProcessError
from runners.process.jobs import JOB_HANDLERS
from runners.process.launch import launch
from runners.process.reach import reach
from runners.process.receive import receive
from runners.process.refusals import refusal_of
from runners.process.settings import HostSettings
from runners.process.wire import Wire
from runners.records.errors import RecordsError

Handler = Callable[[HostSettings, Wire], Word]

VERB_HANDLERS: dict[str, Handler] = {
    "bringup": bringup,
    "admit": admit,
    "receive": receive,
    "launch": launch,
    "begin": begin,
    "status": status,
    "release": release,
    "stop": stop,
    "reach": reach,
}
HANDLERS: dict[str, Handler] = {**VERB_HANDLERS, **JOB_HANDLERS}
assert tuple(VERB_HANDLERS) == VERBS
assert tuple(JOB_HANDLERS) == JOBS


def answer(name: str, settings: HostSettings, wire: Wire) -> int:
    """Run one verb or job and write its last line. The exit code: 0 answered, 1 refused."""
    try:
        response = HANDLERS[name](settings, wire)
    except Exception as error:
        narrate(error)
        refuse(wire, error, settings)
        return 1
    wire.write(response)
    return 0


def narrate(error: Exception) -> None:
    """A refusal that was foreseen is one line; for anything else whoever looks after this host needs the place. Where
    the log has no room, the answer still has to be given."""
    with contextlib.suppress(OSError):
        if isinstance(error, (ProcessError, ContractError, RecordsError)):
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        else:
            traceback.print_exception(error, file=sys.stderr)


def refuse(wire: Wire, error: BaseException, settings: HostSettings | None) -> None:
    try:
        wire.write(refusal_of(error, settings))
    except BrokenPipeError:
        print("nobody is left to hear the refusal", file=sys.stderr)
