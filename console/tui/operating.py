"""The app as one who operates: what the operator does to the world, and why it would be refused."""

from textual.binding import Binding
from textual.events import Key

from console.tui.errors import ActRefused
from console.tui.screens.confirm import ConfirmStop
from console.tui.standing import ACTS, reason_against
from console.tui.watching import WatchingApp


class OperatingApp(WatchingApp):
    """Every act has a reason against it or does what it says; a refused one stays visible."""

    def blocked(self) -> frozenset[str]:
        return frozenset(name for name in ACTS if self.reason_against(name))

    def reason_against(self, binding_id: str | None) -> str | None:
        """Why a key would be refused now, and what would enable it; None when it would work."""
        run = self.attachment.run_dir.name if self.attachment else ""
        past = self.attachment is not None and self.attachment.player is not None
        return reason_against(binding_id, self.mode, read_only=self.read_only, run=run, replaying=past)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """A refused act stays visible, greyed."""
        return None if self.reason_against(f"app.{action}") else True

    def on_key(self, event: Key) -> None:
        """A key whose act is refused says why."""
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and event.key in binding.key.split(","):
                reason = self.reason_against(binding.id)
                if reason is not None:
                    self.notice(f"× {binding.key} {binding.description}: {reason}", "warn")
                    event.stop()

    async def action_start(self) -> None:
        self.starting = True
        self.run_worker(self._start(), group="acts", exclusive=True)

    async def _start(self) -> None:
        try:
            started = await self.desk.start()
        except ActRefused as error:
            self.notice(f"✗ go live: {error}", "bad")
        else:
            self.attach(started.run_dir)
        finally:
            self.starting = False
            self.again()

    def action_stop(self) -> None:
        if self.attachment is None:
            return
        run_id = self.attachment.state.run_id

        def answered(yes: bool | None) -> None:
            self.again()
            if yes:
                self.run_worker(self._stop(run_id), group="acts", exclusive=True)
            else:
                self.notice(f"{run_id} goes on", "text")

        self.again()
        self.push_screen(ConfirmStop(run_id), answered)

    async def _stop(self, run_id: str) -> None:
        try:
            await self.desk.stop(run_id)
        except ActRefused as error:
            self.notice(f"✗ stop: {error}", "bad")
        self.again()
