"""What a contributor's records say, in one line each."""

from console.observation.accelerator import TROUBLES, WORDS, shown
from console.observation.figures import short, size
from console.observation.telling import Teller, Telling, Tone
from runners.contract import node_records as node
from runners.contract.states import Phase

LEVELS = {"info": Tone.PLAIN, "warning": Tone.WARN, "error": Tone.BAD}


def _opened(body: node.Opened) -> Telling:
    after = f", after {body.previous_file}" if body.previous_file else ""
    return Telling(f"runner process {body.pid} opened its journal{after}")


def _recovered(body: node.Recovered) -> Telling:
    return Telling(f"cut a torn tail of {body.cut_bytes} bytes", Tone.WARN)


def _claimed(body: node.Claimed) -> Telling:
    return Telling(f"assignment {short(body.assignment_digest)}")


def _acknowledged(body: node.Acknowledged) -> Telling:
    return Telling(f"{body.steps} steps over {body.samples} samples")


def _preparing(body: node.Preparing) -> Telling:
    done = f"{size(body.done)} of {size(body.total)}" if body.unit == "bytes" else f"{body.done} of {body.total}"
    return Telling(f"{body.stage.replace('_', ' ')} {done} {body.detail}".rstrip())


def _ready(body: node.Ready) -> Telling:
    start = body.start
    on = "" if start is None else f", goes on after step {start.step} of revision {start.revision}"
    return Telling(f"on {body.device.device_label} {body.device.name}, head {short(body.head_sha256)}{on}", Tone.GOOD)


def _began(body: node.Began) -> Telling:
    return Telling(f"permission {short(body.begin_digest)}", Tone.FACT)


def _heartbeat(body: node.Heartbeat) -> Telling:
    if body.phase in (Phase.PREPARING, Phase.READY):
        return Telling(body.phase.value, Tone.BEAT)
    loss = "" if body.loss is None else f"  loss {body.loss:.3f}"
    speed = "" if body.step_ms is None else f"  {body.step_ms:.0f} ms"
    return Telling(f"step {body.step} of {body.steps}{loss}{speed}", Tone.BEAT)


def _accelerator_read(body: node.AcceleratorRead) -> Telling:
    """Read every two seconds, so it is no problem of its own; a trouble is said once."""
    told = shown(body)
    parts = (told.concern, told.busy, told.memory, told.temperature, told.power, told.holds_back, told.shared)
    if body.trouble is None:
        return Telling("  ".join(part for part in parts if part) or "tells nothing", Tone.BEAT)
    return Telling(TROUBLES[body.trouble], Tone.WARN if body.trouble in WORDS else Tone.BEAT)


def _checkpointed(body: node.Checkpointed) -> Telling:
    file = body.checkpoint.file
    return Telling(f"after step {body.checkpoint.step}, {size(file.size_bytes)}, sha {short(file.sha256)}", Tone.FACT)


def _produced(body: node.Produced) -> Telling:
    total = sum(file.size_bytes for file in body.files)
    return Telling(f"{len(body.files)} files, {size(total)}, manifest {short(body.manifest.digest)}", Tone.FACT)


def _failed(body: node.Failed) -> Telling:
    return Telling(f"{body.reason}: {body.detail}", Tone.BAD)


def _exited(body: node.Exited) -> Telling:
    well = body.code == 0 and body.reason in ("released", "stopped")
    return Telling(f"{body.reason}, code {body.code}", Tone.PLAIN if well else Tone.BAD)


def _log(body: node.Log) -> Telling:
    tone = LEVELS[body.level]
    return Telling(body.text if tone is Tone.PLAIN else f"{body.level}: {body.text}", tone)


NODE_TELLINGS: dict[str, Teller] = {
    "opened": _opened,
    "recovered": _recovered,
    "claimed": _claimed,
    "acknowledged": _acknowledged,
    "preparing": _preparing,
    "ready": _ready,
    "began": _began,
    "heartbeat": _heartbeat,
    "accelerator_read": _accelerator_read,
    "checkpointed": _checkpointed,
    "produced": _produced,
    "failed": _failed,
    "exited": _exited,
    "log": _log,
}
