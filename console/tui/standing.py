"""How the watched run stands, and which acts would be refused for that."""

from console.tui.attachment import Attachment
from console.tui.view import Mode


def mode_of(attachment: Attachment | None, *, starting: bool) -> Mode:
    if attachment is None:
        return Mode.STARTING if starting else Mode.IDLE
    if attachment.retained:
        return Mode.RETAINED
    if attachment.state.closed is not None:
        return Mode.CLOSED
    if attachment.state.opened is None:
        return Mode.STARTING
    return Mode.LEFT if attachment.alive is False else Mode.LIVE


def reason_against(binding_id: str | None, mode: Mode, *, read_only: bool, run: str) -> str | None:
    """Why a key would be refused now, and what would enable it; None when it would work."""
    if binding_id not in ("app.start", "app.stop"):
        return None
    if read_only:
        return "this console is read-only; start it without --read-only"
    if binding_id == "app.start":
        return f"{run or 'a run'} is going on; x stops it first" if mode in (Mode.LIVE, Mode.STARTING) else None
    if mode is Mode.STARTING:
        return "the run is still starting"
    return None if mode is Mode.LIVE else "no run is going on; g starts one"
