"""Why a host doesn't do what it was asked to do."""


class ProcessError(Exception):
    """Base of everything that a verb is refused for. `reason` is the word that crosses the wire."""

    reason = "process_error"


class SettingsError(ProcessError):
    """The host's own settings are missing or unusable; the owner of the host can fix them."""

    reason = "host_settings"


class StreamEnded(ProcessError):
    """The other side closed, or fell silent, before it had said everything."""

    reason = "stream_ended"


class Refused(ProcessError):
    """The request was understood and isn't granted."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class StopRequested(ProcessError):
    """SIGTERM reached the runner; raised where training may be left."""

    reason = "stopped"


class Orphaned(ProcessError):
    """Nobody came back for the runner within its bound."""

    reason = "orphaned"
