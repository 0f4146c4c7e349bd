"""Rules about what a host says of its accelerator while it works."""

from collections.abc import Iterator

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.verdict import Mismatch, differs


def accelerators_are_those_that_compute(e: Evidence) -> Iterator[Mismatch]:
    """A host tells of the device that its `ready` names, and one that computes on a processor tells of none."""
    for node in e.contributors:
        for journal in e.story_of(node):
            ready = next((line.body["device"]["device_label"] for line in journal.lines if line.kind == "ready"), None)
            for line in journal.lines:
                if line.kind == "accelerator_read" and ready is not None:
                    yield from differs(f"{line.where} device_label", ready, line.body["device_label"])


RULES = (accelerators_are_those_that_compute,)
