"""The keys that work everywhere: each has a name to remap it by, and says what it does."""

from textual.binding import Binding

PLACES = Binding.Group("places")
RUN = Binding.Group("run")
DISPLAY = Binding.Group("display")

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
        tooltip="the display stands still; the run doesn't",
        group=DISPLAY,
    ),
    Binding("t", "next_theme", "theme", id="app.theme", tooltip="the next theme", group=DISPLAY),
    Binding("question_mark", "help", "help", id="app.help", tooltip="keys, glyphs, thresholds", group=DISPLAY),
    Binding("q", "leave", "leave", id="app.leave", tooltip="leave the console; the run goes on", group=DISPLAY),
)
