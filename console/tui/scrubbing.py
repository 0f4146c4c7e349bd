"""The app as one who moves in time: the run at another moment than now, and a display that stands still."""

from console.observation.errors import ObservationError
from console.tui.attachment import Attachment
from console.tui.errors import in_words
from console.tui.watching import WatchingApp


class ScrubbingApp(WatchingApp):
    """The run isn't touched by any of it."""

    def action_scrub(self, step: str, way: int) -> None:
        """A step through the run's own time, by a second or by a phase."""
        if self.attachment is not None:
            self.run_worker(self._scrub(self.attachment, step, way), group="scrub", exit_on_error=False)

    def scrub_to(self, wall_ms: int) -> None:
        """To a moment of the run's own time."""
        if self.attachment is not None:
            self.run_worker(self._scrub(self.attachment, "moment", wall_ms), group="scrub", exit_on_error=False)

    async def _scrub(self, attachment: Attachment, step: str, way: int) -> None:
        try:
            player = await attachment.scrubber()
        except (ObservationError, OSError) as error:
            self.notice(f"✗ scrub: {in_words(error)}", "bad")
            return
        self._paused = None
        if step == "phase":
            player.phase(way)
        else:
            player.step(way - player.wall_ms if step == "moment" else way * 1000)
        self.touch()

    def action_live(self) -> None:
        """From a moment of the past back to what is."""
        if self.attachment is not None:
            self.attachment.player = None
        self._paused = None
        self.touch()

    def action_pause(self) -> None:
        self.touch()
        if self.attachment is not None and self.attachment.player is not None:
            self.attachment.player.toggle()
        elif self._paused is None and self.attachment is not None:
            self._paused = self._moment(self.stamp())
        else:
            self._paused = None
