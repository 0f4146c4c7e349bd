"""How long the coordinator lets its own work take, from the lane's policies."""

from runners.contract.lane import Policies

ENDING_MS = 60_000  # what ending a runner may take once its host answers


def release_ms(policies: Policies) -> int:
    """Until a runner is ended or given up: its host is reached, its late work fetched, its process ended."""
    return policies.contact_ms + policies.fetch_ms + ENDING_MS
