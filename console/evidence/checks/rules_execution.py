"""Rules about the settings that decide the last bits: measured on the host, planned, and told as they were."""

from collections.abc import Iterator

from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.layout import RECEIPT
from console.evidence.checks.verdict import Mismatch, differs

FROM_DEVICE = {"backend_label": "backend_label", "device_name": "name", "threads": "threads", "blas": "blas",
               "tf32": "tf32"}  # fmt: skip
FROM_SOFTWARE = {"backend": "backend", "runners_sha256": "runners_sha256"}
MUST_BE_AS_PLANNED = ("backend_label", "tf32", "chunk_tokens")


def execution_is_of_the_device_and_software(e: Evidence) -> Iterator[Mismatch]:
    """Settings of another device than the one beside them would owe, or excuse, the wrong bits."""
    for where, execution, device, software in _told(e):
        for name, source in FROM_DEVICE.items():
            yield from differs(f"{where} {name}", device[source], execution[name])
        for name, source in FROM_SOFTWARE.items():
            if software is not None:
                yield from differs(f"{where} {name}", software[source], execution[name])
        if e.contract and execution["chunk_tokens"] > e.contract["recipe"]["chunk_tokens"]:
            most = e.contract["recipe"]["chunk_tokens"]
            yield Mismatch(f"{where} chunk_tokens", f"at most the recipe's {most}", str(execution["chunk_tokens"]))


def _told(e: Evidence) -> Iterator[tuple[str, Body, Body, Body | None]]:
    for node in e.contributors:
        report, receipt, replay = e.bringup(node), e.receipt(node), e.replay(node)
        if report and report["execution"] and report["device"]:
            yield f"reports/{node}_bringup.json execution", report["execution"], report["device"], report["software"]
        if receipt:
            where = f"retained_artifacts/{node}/{RECEIPT} execution"
            yield where, receipt["execution"], receipt["device"], receipt["software"]
        if replay:
            where = f"receipts/replay_{node}.json replay_execution"
            yield where, replay["replay_execution"], replay["replay_device"], replay["replay_software"]
        for line in e.story_lines(node):
            if line.kind == "ready":
                yield f"{line.where} execution", line.body["execution"], line.body["device"], None


def execution_is_planned_and_told(e: Evidence) -> Iterator[Mismatch]:
    """The plan freezes what the host's own bring-up measured; ready, receipt and replay speak of one and the same."""
    for node in e.contributors:
        report, assignment, receipt, replay = e.bringup(node), e.assignment(node), e.receipt(node), e.replay(node)
        if report and assignment:
            where = f"contract/window_plan.json execution of {node}"
            yield from differs(where, report["execution"], assignment["execution"])
        ready = [line for line in e.story_lines(node) if line.kind == "ready"]
        for line in ready if assignment else []:
            assert assignment is not None
            for name in MUST_BE_AS_PLANNED:
                planned, got = assignment["execution"][name], line.body["execution"][name]
                yield from differs(f"{line.where} execution {name}", planned, got)
            start = assignment["continues_from"][-1:]
            yield from differs(f"{line.where} start", start[0] if start else None, line.body["start"])
        if receipt and ready:
            where = f"retained_artifacts/{node}/{RECEIPT} execution"
            yield from differs(where, ready[-1].body["execution"], receipt["execution"])
        if receipt and replay:
            where = f"receipts/replay_{node}.json contributor_execution"
            yield from differs(where, receipt["execution"], replay["contributor_execution"])


RULES = (execution_is_of_the_device_and_software, execution_is_planned_and_told)
