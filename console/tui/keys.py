"""The keys that work everywhere: each has a name to remap it by, and says what it does."""

from textual.binding import Binding

PLACES = Binding.Group("places")
RUN = Binding.Group("run")
DISPLAY = Binding.Group("display")
TIME = Binding.Group("time")

EVERYWHERE = (
    Binding("1", "place('dashboard')", "dashboard", id="place.dashboard", tooltip="the run at one look", group=PLACES),
    Binding("2", "place('receipts')", "receipts", id="place.receipts", tooltip="every record, verified", group=PLACES),
    Binding("3", "place('drills')", "drills", id="place.drills", tooltip="rehearsed faults", group=PLACES),
    Binding("4", "place('checks')", "checks", id="place.checks", tooltip="stop conditions with evidence", group=PLACES),
    Binding("5", "place('viewer')", "viewer", id="place.viewer", tooltip="runs that were kept", group=PLACES),
    Binding("g", "start", "go live", id="app.start", tooltip="start a loopback run", group=RUN),
    Binding("x", "stop", "stop", id="app.stop", tooltip="stop the run; asks first", group=RUN),
    Binding(
        "space",
        "pause",
        "pause",
        id="app.pause",
        tooltip="the display stands still, the run doesn't; in a replay: play, stand",
        group=DISPLAY,
    ),
    Binding("s", "snapshot", "snapshot", id="app.snapshot", group=DISPLAY,
            tooltip="screen, state and digest of what is shown, to a folder"),
    Binding("left_square_bracket", "scrub('second', -1)", "back 1 s", id="replay.back", key_display="[",
            tooltip="the run a second earlier, through the dashboard; not live", group=TIME),
    Binding("right_square_bracket", "scrub('second', 1)", "on 1 s", id="replay.on", key_display="]",
            tooltip="the run a second later", group=TIME),
    Binding("left_curly_bracket", "scrub('phase', -1)", "phase back", id="replay.phase-back", key_display="{",
            tooltip="to the change of phase before", group=TIME),
    Binding("right_curly_bracket", "scrub('phase', 1)", "next phase", id="replay.phase-on", key_display="}",
            tooltip="to the next change of phase", group=TIME),
    Binding("full_stop", "live", "live", id="replay.live", key_display=".",
            tooltip="from the past back to what is", group=TIME),
    Binding("t", "next_theme", "theme", id="app.theme", tooltip="the next theme", group=DISPLAY),
    Binding("question_mark", "help", "help", id="app.help", tooltip="keys, glyphs, thresholds", group=DISPLAY),
    Binding("q", "leave", "leave", id="app.leave", tooltip="leave the console; the run goes on", group=DISPLAY),
)  # fmt: skip
