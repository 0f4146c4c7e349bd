"""A run's bring-up reports, checked while it still goes on: what the check of its bundle trains again is then known."""

import threading

from console.coordination.paths import RunPaths
from console.evidence.checks.bringup.report import check_bringup
from console.observation.line import Line
from runners.contract.coordinator_records import BringupReceived
from runners.contract.lane import RunContract


class ReportsFirst:
    """`hear` starts a thread a report. Its verdict is dropped, because the bundle's own check judges every report
    again; the gate's losses, the longest part of a first check, are computed once in a process."""

    def __init__(self, paths: RunPaths, contract: RunContract) -> None:
        self._paths = paths
        self._roots = {node.node_id: node.run_root for node in contract.nodes}

    def hear(self, line: Line) -> None:
        if isinstance(line.body, BringupReceived) and line.body.node_id in self._roots:
            threading.Thread(target=self._check, args=(line.body.node_id,), name="report", daemon=True).start()

    def _check(self, node_id: str) -> None:
        check_bringup(self._paths.reports / f"{node_id}_bringup.json", host=self._roots[node_id])
