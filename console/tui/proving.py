"""The app as one who proves: the record behind a verdict, read again from disk and checked again."""

import asyncio
from pathlib import Path

from console.observation.line import Ref
from console.observation.receipts import ReceiptRing, find
from console.observation.receipts import Row as Receipt
from console.tui.pages import OpeningApp
from console.tui.screens.fixed import Finding, Record
from console.tui.screens.kept import KeptPage
from console.tui.screens.viewer import Viewer
from console.tui.widgets.receipt_detail import read_again
from console.tui.widgets.receipts import ReceiptsView


class ProvingApp(OpeningApp):
    """What a journal holds is the evidence; the screen is a view of it."""

    def on_line_view_chosen(self, event: ReceiptsView.Chosen) -> None:
        """Enter on a receipt opens it whole."""
        if isinstance(event.view, ReceiptsView):
            self.open_receipt(event.view.chosen)

    def open_record_at(self, ref: Ref) -> None:
        """The record that a verdict rests on."""
        ring = self.attachment.shown_ring if self.attachment else ReceiptRing()
        place = find(ring, len(ring) - 1, -1, lambda row: row.ref == ref)
        if place is None:
            self.notice(f"✗ {ref.file} #{ref.seq} is older than the receipts in memory", "bad")
        else:
            self.open_receipt(ring[place])

    def action_evidence(self) -> None:
        """Of the kept run that is open or chosen in the viewer, else of the watched one, else of the last one."""
        bundle = self._bundle_at_hand()
        if bundle is not None:
            self.run_worker(self._evidence_of(bundle), group="kept", exit_on_error=False)
        elif self.attachment is None:
            lists = self.key_names("place.viewer")
            self.notice(f"× proof: no run was kept on this machine yet; {lists} lists those of the repository", "warn")
        else:
            self._open_evidence()

    def _bundle_at_hand(self) -> Path | None:
        if isinstance(self.screen, KeptPage):
            return self.screen.run.path
        if isinstance(self.screen, Viewer):
            return self.screen.chosen.bundle if self.screen.chosen else None
        return self.last_run.bundle if self.attachment is None and self.last_run else None

    async def _evidence_of(self, bundle: Path) -> None:
        """The run is watched from then on, so that esc leads from the record to the dashboard of its last moment."""
        from console.evidence.verify_process import is_ours  # brings NumPy, for which no first paint waits

        if not await asyncio.to_thread(is_ours, bundle):
            shows = self.key_names("lines.open")
            self.notice(f"× proof: no journals of ours are here; {shows} shows which documents there are", "warn")
            return
        self.watch_kept(bundle)
        watched = self.attachment
        while watched is not None and watched is self.attachment and (not watched.caught_up or watched.waiting):
            if watched.problem:
                self.notice(f"✗ proof: {watched.problem}", "bad")
                return
            await asyncio.sleep(0.02)
        if watched is self.attachment:
            self._open_evidence()

    def _open_evidence(self) -> None:
        """Behind the worst condition, else behind the newest problem, else the run's last word."""
        shown = self.view(self.stamp()).snapshot
        if shown.cause is not None:
            self.open_record_at(shown.cause)
        elif (problem := self.problem_at_hand()) is not None:
            self.open_receipt(problem)
        elif shown.state.closed is not None and self.attachment is not None:
            ring = self.attachment.shown_ring
            place = find(ring, len(ring) - 1, -1, lambda row: row.kind == "closed")
            self.open_receipt(None if place is None else ring[place])
        else:
            self.notice("nothing stands against the run: no condition says stop, and no record reports a fault")

    def open_receipt(self, receipt: Receipt | None) -> None:
        """Whole, read again from disk and checked again."""
        detail, problem = read_again(self.attachment, receipt)
        self.again()
        if detail is not None:
            self.push_screen(Record(detail, receipt.text if receipt else ""))
        elif receipt is not None and receipt.ref is None:
            self.push_screen(Finding(receipt.text))
        elif problem:
            self.notice(f"✗ {problem}", "bad")

    def copy_record(self, receipt: Receipt | None) -> None:
        detail, problem = read_again(self.attachment, receipt)
        if detail is not None:
            self.copy_text(detail.raw.decode(errors="backslashreplace"), "canonical record")
        elif problem:
            self.notice(f"✗ {problem}", "bad")
