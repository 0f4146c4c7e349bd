"""The keys that work everywhere: each has a name to remap it by, and says what it does."""

from textual.binding import Binding

PLACES = Binding.Group("places")
RUN = Binding.Group("run")
DRILLS = Binding.Group("drills")
DISPLAY = Binding.Group("display")
TIME = Binding.Group("time")
MOVE = Binding.Group("move")
FIND = Binding.Group("find")
HERE = Binding.Group("here")  # what works in one place only
ANSWER = Binding.Group("answer")


def _key(
    key: str,
    action: str,
    name: str,
    name_to_remap: str,
    tooltip: str,
    group: Binding.Group,
    shown: str | None = None,
) -> Binding:
    return Binding(key, action, name, id=name_to_remap, tooltip=tooltip, group=group, key_display=shown)


EVERYWHERE = (
    _key("1", "place('dashboard')", "dashboard", "place.dashboard", "the run at one look", PLACES),
    _key("2", "place('receipts')", "receipts", "place.receipts", "every record, verified", PLACES),
    _key("3", "place('drills')", "drills", "place.drills", "rehearsed faults", PLACES),
    _key("4", "place('checks')", "checks", "place.checks", "stop conditions and checks, with evidence", PLACES),
    _key("5", "place('viewer')", "viewer", "place.viewer", "runs that were kept", PLACES),
    _key("b", "bring_up", "bring-up", "app.bring-up", "the gate of every host of the lane, by a run's own way", RUN),
    _key("g", "start", "go live", "app.start", "start a run of the chosen lane", RUN),
    _key("x", "stop", "stop", "app.stop", "stop the run; asks first", RUN),
    _key("r", "replay", "replay", "app.replay", "the same slices again, after stale, lost or skewed; asks first", RUN),
    _key("A", "audit", "audit", "app.audit", "write the after-action audit of a closed run, and show it", RUN),
    _key("p", "publish", "publish", "app.publish", "a promoted merge as local snapshot; asks first", RUN),
    _key("a", "acknowledge", "acknowledge", "app.acknowledge", "sign that a problem was seen; n passes over it", RUN),
    _key("e", "evidence", "proof", "app.evidence", "the record that proves why the run (or the last) stopped", RUN),
    _key("X", "cancel", "cancel", "app.cancel", "end the drill, bring-up, audit or publication that goes on", RUN),
    _key("H", "host", "host", "app.host", "all of the host in the worst way; again: the next one", RUN),
    _key("O", "acts", "operator log", "app.acts", "what was done here, with the signed record of each act", RUN),
    _key("L", "lane", "lane", "app.lane", "choose the lane, and see the endpoints of its hosts", RUN),
    _key("f5", "drill('stale_worker')", "drill: stale", "drill.stale", "stop a runner of a scratch run", DRILLS, "F5"),
    _key("f6", "drill('upload_disagreement')", "drill: upload", "drill.upload",
         "another adapter, then a changed byte, in scratch runs", DRILLS, "F6"),
    _key("f7", "drill('contributor_loss')", "drill: loss", "drill.loss", "kill a runner of a scratch run", DRILLS,
         "F7"),
    _key("f8", "drill('uneven_worker_speed')", "drill: uneven", "drill.uneven",
         "slow a runner of a scratch run down", DRILLS, "F8"),
    _key("space", "pause", "pause", "app.pause",
         "the display stands still, the run doesn't; in a replay: play, stand", DISPLAY),
    _key("z", "zoom", "zoom", "app.zoom", "what has the focus over the whole screen, and back", DISPLAY),
    _key("o", "pager", "pager", "app.pager", "this page in $PAGER; the run is not touched", DISPLAY),
    _key("s", "snapshot", "snapshot", "app.snapshot", "what is shown: screen, state and digest, to a folder", DISPLAY),
    _key("left_square_bracket", "scrub('second', -1)", "back 1 s", "replay.back",
         "the run a second earlier, through the dashboard; not live", TIME, "["),
    _key("right_square_bracket", "scrub('second', 1)", "on 1 s", "replay.on", "the run a second later", TIME, "]"),
    _key("left_curly_bracket", "scrub('phase', -1)", "phase back", "replay.phase-back",
         "to the change of phase before", TIME, "{"),
    _key("right_curly_bracket", "scrub('phase', 1)", "next phase", "replay.phase-on",
         "to the next change of phase", TIME, "}"),
    _key("full_stop", "live", "live", "replay.live", "from the past back to what is", TIME, "."),
    _key("colon", "command_palette", "palette", "app.palette", "every act and every key by name", DISPLAY, ":"),
    _key("t", "next_theme", "theme", "app.theme", "the next one; your own are files of your settings folder", DISPLAY),
    _key("question_mark", "help", "help", "app.help", "keys, glyphs, thresholds", DISPLAY, "?"),
    _key("ctrl+z", "suspend_process", "suspend", "app.suspend",
         "to the shell, and back with fg; the run goes on", DISPLAY, "^Z"),
    _key("q", "leave", "leave", "app.leave", "leave the console; the run goes on", DISPLAY),
)  # fmt: skip
