"""One host, whole: who it is, what it does, how it is reached, and what its runner printed."""

from pathlib import Path

from console.observation.host_view import HostView
from console.observation.output import readable
from console.observation.runner_output import runner_logs
from console.observation.state import SERIES
from console.tui.drawing.host import host_rows
from console.tui.drawing.output import output_rows
from console.tui.drawing.plot import plot
from console.tui.drawing.text import Row
from console.tui.screens.fixed import Leaf
from console.tui.view import View

HIGH, PLOT = 36, 12  # rows of a screen that has room for a curve, and of the curve


class HostPage(Leaf):
    TITLE_TEXT = "host"

    def __init__(self, node_id: str) -> None:
        super().__init__()
        self.node_id = node_id
        self._logged: bool | None = None  # of a run that is over: does its log lie here?

    def rows(self, view: View, width: int) -> tuple[Row, ...]:
        one = next((host for host in view.snapshot.hosts if host.host.node_id == self.node_id), None)
        if one is None:
            return (((f"{self.node_id} is no host of the run that is watched", "muted"),),)
        said = self._said()
        output = output_rows(readable(said), width) if said else (((f"  {self._silence(view)}", "muted"),),)
        title: Row = (
            ("what it printed", "bright*"),
            (view.keys.told("  newest line first, noise folded; <app.pager> shows all of it"), "muted"),
        )
        return (*host_rows(one, view, width), *self._curve(one, width), (), title, *output)

    def _curve(self, one: HostView, width: int) -> tuple[Row, ...]:
        """Where there is the height for it: the words come first."""
        losses = one.host.work.losses
        if self.size.height < HIGH or len(losses) < 2:
            return ()
        which = "each of its beats" if len(losses) < SERIES else f"its last {SERIES} beats"
        title: Row = (("loss", "bright*"), (f"  at {which} that told one", "muted"))
        return ((), title, *plot((("accent", losses),), width, PLOT, below="beat"))

    def paged(self) -> Path | str:
        """The whole log where it lies on this machine."""
        attachment = self.app.attachment
        logs = runner_logs(attachment.run_dir, self.node_id) if attachment else ()
        return logs[-1] if logs else self._said()

    def _silence(self, view: View) -> str:
        if view.snapshot.state.closed is None:
            return "nothing was heard of it yet"
        if self._logged is None:
            attachment = self.app.attachment
            self._logged = attachment is not None and bool(runner_logs(attachment.run_dir, self.node_id))
        return "it printed nothing" if self._logged else "its log is not kept here, and it journaled no trouble"

    def _said(self) -> str:
        attachment = self.app.attachment
        return attachment.output_of(self.node_id) if attachment else ""
