"""How a contributor's records change what it says of itself."""

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any

from console.observation.line import Line
from console.observation.plain import plain
from console.observation.state import SERIES, Work
from runners.contract import node_records as node
from runners.contract.states import Phase

SAID = 50  # lines of a runner that are kept

WorkFold = Callable[[Work, Line, Any], Work]
_FIELDS = tuple(field.name for field in fields(Work))
_VALUES = attrgetter(*_FIELDS)


def _changed(work: Work, **known: Any) -> Work:
    """As `dataclasses.replace`, in a third of its time: a long journal is mostly heartbeats."""
    return Work(**{**dict(zip(_FIELDS, _VALUES(work), strict=True)), **known})


def _unchanged(work: Work, _: Line, __: Any) -> Work:
    return work


def _acknowledged(work: Work, _: Line, body: node.Acknowledged) -> Work:
    return _changed(work, steps=body.steps)


def _preparing(work: Work, _: Line, body: node.Preparing) -> Work:
    return _changed(
        work,
        phase=work.phase or Phase.PREPARING,
        stage=body.stage,
        stage_done=body.done,
        stage_total=body.total,
        stage_unit=body.unit,
    )


def _ready(work: Work, line: Line, body: node.Ready) -> Work:
    read = work.accelerator
    of_another = read is not None and read.device_label != body.device.device_label
    return _changed(
        work,
        accelerator=None if of_another else read,
        phase=Phase.READY,
        ready=line.at,
        device_label=body.device.device_label,
        device_name=plain(body.device.name, 80),
    )


def _began(work: Work, line: Line, _: node.Began) -> Work:
    return _changed(work, began=line.at)


def _heartbeat(work: Work, line: Line, body: node.Heartbeat) -> Work:
    new_loss = body.loss is not None and (body.step != work.step or not work.losses)
    moved = (body.phase, body.step) != (work.phase, work.step) or work.progressed is None
    return _changed(
        work,
        phase=body.phase,
        step=body.step,
        steps=body.steps,
        beat=body.beat,
        loss=body.loss,
        step_ms=body.step_ms,
        memory_bytes=body.memory_bytes,
        memory_total_bytes=body.memory_total_bytes,
        losses=(*work.losses, body.loss)[-SERIES:] if new_loss and body.loss is not None else work.losses,
        beats=(*work.beats, line.at.wall_ms)[-SERIES:],
        arrival_ms=line.arrival_ms,
        progressed=line.at if moved else work.progressed,
        last_beat=line.at,
        beat_ref=line.ref,
    )


def _accelerator_read(work: Work, line: Line, body: node.AcceleratorRead) -> Work:
    """Only of the device that `ready` names: a host's word about another one is no figure of this work."""
    if work.device_label and body.device_label != work.device_label:
        return work
    return _changed(work, accelerator=body, accelerator_at=line.at)


def _produced(work: Work, line: Line, _: node.Produced) -> Work:
    # Whoever produced took every step of the recipe; the last beat before it may be some steps old.
    return _changed(work, phase=Phase.PRODUCED, step=work.steps or work.step, produced=line.at, produced_ref=line.ref)


def _failed(work: Work, _: Line, body: node.Failed) -> Work:
    said = (*work.said, plain(f"{body.reason}: {body.detail}", 2000))[-SAID:]
    return _changed(work, failed=plain(f"{body.reason}: {body.detail}", 200), said=said)


def _log(work: Work, _: Line, body: node.Log) -> Work:
    level = "" if body.level == "info" else f"{body.level}: "
    return _changed(work, said=(*work.said, f"{level}{plain(body.text, 2000)}")[-SAID:])


def _exited(work: Work, _: Line, body: node.Exited) -> Work:
    return _changed(work, exited=body.reason)


NODE_FOLDS: dict[str, WorkFold] = {
    "opened": _unchanged,
    "recovered": _unchanged,
    "claimed": _unchanged,
    "acknowledged": _acknowledged,
    "preparing": _preparing,
    "ready": _ready,
    "began": _began,
    "heartbeat": _heartbeat,
    "accelerator_read": _accelerator_read,
    "checkpointed": _unchanged,  # the coordinator tells which it holds
    "produced": _produced,
    "failed": _failed,
    "exited": _exited,
    "log": _log,
}
