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


_SHORT = {
    "question_mark": "?", "colon": ":", "full_stop": ".", "slash": "/", "escape": "esc", "left_square_bracket": "[",
    "right_square_bracket": "]", "left_curly_bracket": "{", "right_curly_bracket": "}", "ctrl+z": "^Z",
    "left": "←", "right": "→", "up": "↑", "down": "↓",
    **{f"f{number}": f"F{number}" for number in range(1, 25)},
}  # fmt: skip


def shown_key(key: str) -> str:
    """What a key is called on the screen."""
    return _SHORT.get(key, key)


def key(
    keys: str, action: str, name: str, binding_id: str, tooltip: str, group: Binding.Group, *, first: bool = False
) -> Binding:
    """`keys` are comma separated, `binding_id` is what settings remap; `first`: also before what has the focus."""
    return Binding(keys, action, name, id=binding_id, tooltip=tooltip, group=group, priority=first)


DRILL_KEYS = {
    "stale_worker": "drill.stale",
    "upload_disagreement": "drill.upload",
    "contributor_loss": "drill.loss",
    "uneven_worker_speed": "drill.uneven",
}  # id of the key by the kind of drill

EVERYWHERE = (
    key("1", "place('dashboard')", "dashboard", "place.dashboard", "the run at one look", PLACES),
    key("2", "place('receipts')", "receipts", "place.receipts", "every record, verified", PLACES),
    key("3", "place('drills')", "drills", "place.drills", "rehearsed faults", PLACES),
    key("4", "place('checks')", "checks", "place.checks", "stop conditions and checks, with evidence", PLACES),
    key("5", "place('viewer')", "viewer", "place.viewer", "runs that were kept", PLACES),
    key("b", "bring_up", "bring-up", "app.bring-up", "the gate of every host of the lane, by a run's own way", RUN),
    key("g", "start", "go live", "app.start", "start a run of the chosen lane", RUN),
    key("C", "continue", "continue", "app.continue", "a new coordinator for a run whose own died", RUN),
    key("x", "stop", "stop", "app.stop", "stop the run; asks first", RUN),
    key("r", "replay", "replay", "app.replay", "the same slices again, after stale, lost or skewed; asks first", RUN),
    key("A", "audit", "audit", "app.audit", "write the after-action audit of a closed run, and show it", RUN),
    key("p", "publish", "publish", "app.publish", "a promoted merge as local snapshot; asks first", RUN),
    key("a", "acknowledge", "acknowledge", "app.acknowledge",
        "sign that a problem was seen; <receipts.next> passes over it", RUN),
    key("e", "evidence", "proof", "app.evidence", "the record that proves why the run (or the last) stopped", RUN),
    key("X", "cancel", "cancel", "app.cancel", "end the long act that goes on; asks where work would be lost", RUN),
    key("H", "host", "host", "app.host", "all of the host in the worst way; again: the next one", RUN),
    key("O", "acts", "operator log", "app.acts", "what was done here, with the signed record of each act", RUN),
    key("L", "lane", "lane", "app.lane", "choose the lane, and see the endpoints of its hosts", RUN),
    key("f5", "drill('stale_worker')", "drill: stale", "drill.stale", "stop a runner of a scratch run", DRILLS),
    key("f6", "drill('upload_disagreement')", "drill: upload", "drill.upload",
        "another adapter, then a changed byte, in scratch runs", DRILLS),
    key("f7", "drill('contributor_loss')", "drill: loss", "drill.loss", "kill a runner of a scratch run", DRILLS),
    key("f8", "drill('uneven_worker_speed')", "drill: uneven", "drill.uneven",
        "slow a runner of a scratch run down", DRILLS),
    key("space", "pause", "pause", "app.pause",
        "the display stands still, the run doesn't; in a replay: play, stand", DISPLAY),
    key("z", "zoom", "zoom", "app.zoom", "what has the focus over the whole screen, and back", DISPLAY),
    key("o", "pager", "pager", "app.pager", "this page in $PAGER; the run is not touched", DISPLAY),
    key("s", "snapshot", "snapshot", "app.snapshot", "what is shown: screen, state and digest, to a folder", DISPLAY),
    key("left_square_bracket", "scrub('second', -1)", "back 1 s", "replay.back",
        "the run a second earlier, through the dashboard; not live", TIME),
    key("right_square_bracket", "scrub('second', 1)", "on 1 s", "replay.on", "the run a second later", TIME),
    key("left_curly_bracket", "scrub('phase', -1)", "phase back", "replay.phase-back",
        "to the change of phase before", TIME),
    key("right_curly_bracket", "scrub('phase', 1)", "next phase", "replay.phase-on",
        "to the next change of phase", TIME),
    key("full_stop", "live", "live", "replay.live", "from the past back to what is", TIME),
    key("colon", "command_palette", "palette", "app.palette", "every act and every key by name", DISPLAY),
    key("t", "next_theme", "theme", "app.theme", "the next one; your own are files of your settings folder", DISPLAY),
    key("question_mark", "help", "help", "app.help", "keys, glyphs, thresholds", DISPLAY),
    key("ctrl+z", "suspend_process", "suspend", "app.suspend",
        "to the shell, and back with fg; the run goes on", DISPLAY),
    key("q", "leave", "leave", "app.leave", "leave the console; the run goes on", DISPLAY),
)  # fmt: skip
