"""What the coordinator itself does, in words: of what, and how far."""

from console.observation.figures import size
from console.observation.state import Doing, State

_ACTIVITIES = {
    "capture": "captures hidden states",
    "cut": "cuts slices",
    "ship": "ships a slice",
    "fetch": "fetches the upload",
    "replay": "does the work again",
    "merge": "merges",
    "score": "scores on held-out samples",
    "bundle": "writes the bundle",
}
# A capture says at what it is, after whose hidden states they are: `validation tokenize`.
_OF_A_CAPTURE = {
    "wait": "waits for another capture here",
    "digest": "hashes the checkpoint",
    "load": "loads the checkpoint",
    "tokenize": "tokenizes {what}",
    "capture": "captures hidden states of {what}",
}


def own_work(doing: Doing) -> tuple[str, str]:
    """`captures hidden states of validation`, `16 of 136`; the second is empty where there is nothing to count."""
    work = doing.body
    what, _, stage = work.detail.rpartition(" ")
    verb = _ACTIVITIES[work.activity]
    if work.activity == "capture" and what and stage in _OF_A_CAPTURE:
        verb = _OF_A_CAPTURE[stage].format(what=what)
    if work.activity == "ship":
        return verb, f"{size(work.done)} of {size(work.total)}"
    unit = " MiB" if stage == "digest" else ""
    return verb, f"{work.done} of {work.total}{unit}" if work.total > 1 else ""


def shipping(state: State, node_id: str) -> str:
    """`262 KB of 1.2 MB` of a slice on its way there; empty where none is, or where it takes no second."""
    going = (one for one in state.doing if (one.body.activity, one.body.node_id) == ("ship", node_id))
    return next((own_work(one)[1] for one in going), "")
