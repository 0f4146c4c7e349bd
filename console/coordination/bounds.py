"""How long the coordinator lets its own work take, from the lane's policies."""

from console.coordination.due import Kind
from runners.contract.lane import Policies

ENDING_MS = 60_000  # what ending a runner may take once its host answers


def release_ms(policies: Policies) -> int:
    """Until a runner is ended or given up: its host is reached, its late work fetched, its process ended."""
    return policies.contact_ms + policies.fetch_ms + ENDING_MS


def longest_ms(kind: Kind, policies: Policies) -> int:
    """One try at a piece of work: no host and no process can make the run wait for ever."""
    match kind:
        case "fetch" | "keep_checkpoints":
            return policies.fetch_ms
        case "replay" | "score":
            return policies.replay_ms
        case "begin":
            return policies.contact_ms
        case "release":
            return release_ms(policies)
        case _:
            return policies.prepare_ms


def unreached_ms(kind: Kind, policies: Policies) -> int | None:
    """All tries together, while the host can't be reached. None: tried as long as the run goes on, because its effect
    is seen in a journal and the age of the last heartbeat decides."""
    if kind in ("begin", "check_alive"):
        return None
    return policies.fetch_ms if kind in ("fetch", "keep_checkpoints") else policies.contact_ms
