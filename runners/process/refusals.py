"""An exception becomes the word and the text that may leave this host."""

import re

from runners.contract.errors import ContractError
from runners.contract.requests import Refusal
from runners.process.errors import ProcessError
from runners.process.settings import HostSettings
from runners.records.errors import AdmissionRefused
from runners.records.machine_limits import limit_of

MAX_DETAIL = 2000
ABSOLUTE_PATH = re.compile(r"(?<![\w.>/:])(?:/[\w.@+~-]+){2,}")  # of a library, say: only its last part is told


def refusal_of(error: BaseException, settings: HostSettings | None) -> Refusal:
    return Refusal(refused=reason_of(error), detail=detail_of(error, settings))


def reason_of(error: BaseException) -> str:
    """The error's own word, or the machine's: `enospc`. Else its type's: `InputMismatch` becomes `input_mismatch`."""
    if isinstance(error, (ProcessError, AdmissionRefused)):
        return error.reason
    if (limit := limit_of(error)) is not None:
        return limit
    name = type(error).__name__ if isinstance(error, (ContractError, Exception)) else "interrupted"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def detail_of(error: BaseException, settings: HostSettings | None) -> str:
    """The message without this host's folders: what is journaled ends in a bundle that strangers read."""
    text = str(error) or type(error).__name__
    folders = {} if settings is None else _folders(settings)
    for folder, name in sorted(folders.items(), key=lambda item: -len(item[0])):
        text = text.replace(folder, name)
    return ABSOLUTE_PATH.sub(lambda path: "…/" + path[0].rpartition("/")[2], text)[:MAX_DETAIL]


def _folders(settings: HostSettings) -> dict[str, str]:
    known = {"<run_root>": settings.run_root_setting, "<model_dir>": settings.model_dir_setting}
    return {str(path): name for name, path in {**known, "<host_home>": settings.home}.items() if path is not None}
