"""How the watched run stands."""

from dataclasses import replace
from pathlib import Path

from console.observation.moment import Moment
from console.observation.runs import RunRef, RunStanding
from console.observation.snapshot import snapshot
from console.observation.source import Counters
from console.observation.state import State
from console.tui.attachment import Attachment
from console.tui.view import BlindFor, Mode, ReplayAt, View


def view_of(attachment: Attachment | None, moment: Moment) -> View:
    """What is known of the watched run at a moment: now, or where the scrubber stands."""
    if attachment is None:
        return View(snapshot(State(), moment), Mode.IDLE, "", None, Counters())
    player, state, ring = attachment.player, attachment.state, attachment.shown_ring
    moment_ms = moment.now.mono_ms
    blind = attachment.blind_at(moment_ms)
    replay = None
    if player is not None:
        state, moment = player.scene.state, player.scene.moment
        replay = ReplayAt(player.wall_ms, player.share, player.playing)
    elif blind is not None and blind.wholly:
        moment = replace(moment, now=blind.since)  # what is shown was true then
    elif attachment.retained and attachment.caught_up and state.closed is None and state.last is not None:
        moment = Moment(state.last, alive=False, kept=True)  # its clock stood still then
    return View(
        snapshot=snapshot(state, moment, bad=ring.bad),
        mode=Mode.IDLE,
        title=attachment.state.run_id or attachment.run_dir.name,
        bundle=home_relative(attachment.bundle) if attachment.bundle else None,
        counters=attachment.source.counters(),
        reading=not attachment.caught_up and blind is None,
        blind=BlindFor(blind.why, moment_ms - blind.since.mono_ms, wholly=blind.wholly)
        if blind and not player
        else None,
        replay=replay,
    )


def why_gone(attachment: Attachment | None, now_ms: int) -> str:
    """Why nothing of the watched run can be read any more; empty while it can."""
    blind = attachment.blind_at(now_ms) if attachment else None
    return blind.why if blind is not None and blind.wholly else ""


def other_live(runs: tuple[RunRef, ...], attachment: Attachment | None) -> bool:
    """Does a run go on here that isn't the one that is watched?"""
    watched = attachment.run_dir if attachment else None
    return any(run.standing is RunStanding.LIVE and run.run_dir != watched for run in runs)


def home_relative(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


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
