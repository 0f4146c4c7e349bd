"""The app as one who drills: the four cards, a countdown, and a scratch run that is followed to its verdict."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from console.observation.figures import words
from console.tui.keys import DRILL_KEYS
from console.tui.operating import OperatingApp
from console.tui.outcomes import drill_outcome
from console.tui.screens.countdown import Countdown

if TYPE_CHECKING:
    from console.evidence.lane_documents.failure_drills import DrillKind
    from console.tui.drill_board import DrillBoard

DRILL_EVERY_S = 0.1


class DrillingApp(OperatingApp):
    """A drill never touches a run that goes on: it starts its own."""

    _looking = False
    _drills_loaded: "asyncio.Future[None] | None" = None

    def action_drill(self, kind: "DrillKind") -> None:
        binding, lane = DRILL_KEYS[kind], self.desk.acts.lane
        keys = self.key_names
        lines = (
            f"A scratch run of its own on lane {Path(lane).stem}, with a real fault in a real process.",
            keys.told(
                "No other run is touched. The verdict appears under <place.drills>; <app.cancel> ends the drill early."
            ),
        )

        def answered(yes: bool | None) -> None:
            self.again()
            if not yes:
                self.notice(f"drill {words(kind)} was not started", "text")
                return
            self.action_place("drills")
            self._do(lambda: self._drill(kind, binding, lane))

        self.again()
        self.push_screen(Countdown(f"drill {words(kind)}", lines), answered)

    async def _drill(self, kind: "DrillKind", binding: str, lane: str) -> None:
        board = await self.drill_board()
        await self.look_for_runs()  # another console may have begun one while this one counted down
        if (reason := self.reason_against(binding)) is not None:
            self.notice(f"× drill {words(kind)}: {reason}", "warn")
            return
        run_id = f"{Path(lane).stem}-drill-{kind}-{self.clock.wall_ms()}".replace("_", "-")
        board.begin(kind, run_id)
        words_of = ("drill", kind, "--lane", lane, "--run-id", run_id, "--json")
        try:
            await self._run_long(
                "drill", binding, f"drill {words(kind)}", words_of, drill_outcome, run_id=run_id, subject=kind
            )
        finally:
            await self.off_loop(board.end)
            self.again()

    async def drill_board(self) -> "DrillBoard":
        """Read on first need: what the lane promises, and what is kept of earlier drills."""
        board, loaded = self.drills, self._drills_loaded
        if board is None or loaded is None:
            from console.tui.drill_board import DrillBoard

            board = self.drills = DrillBoard(self.runs_dir)
            read = board.load
            loaded = asyncio.ensure_future(self.off_loop(lambda: read(self.desk.acts.lane)))
            if self._drills_loaded is None:
                self.set_interval(DRILL_EVERY_S, self._follow_drill, name="drill")
            self._drills_loaded = loaded
        await asyncio.shield(loaded)  # whoever asks second waits for the same board
        return board

    async def _follow_drill(self) -> None:
        board = self.drills
        if board is None or board.going is None or self._looking:
            return
        self._looking = True
        try:
            await self.off_loop(board.look)
        finally:
            self._looking = False
        scratch = board.scratch_run
        if scratch is not None and (self.attachment is None or self.attachment.run_dir != scratch):
            self.attach(scratch)
