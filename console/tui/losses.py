"""What is lost when a long act is ended. Pure."""

Loss = tuple[str, str]  # what is gone, and what stays

_LOSSES: dict[str, Loss] = {
    "app.bring-up": (
        "every measurement of it: no host gets a report, also none that is through its gate",
        "reports of earlier bring-ups",
    ),
    "app.publish": (
        "the gates and the merge's load through PEFT: no snapshot is written",
        "the run's bundle; what was half written is removed",
    ),
}
_DRILL: Loss = (
    "its verdict: a case that goes on ends as FAIL, since its evidence does not come",
    "its scratch run, which is stopped and closes its bundle first; no other run is touched",
)


def loss_of(binding: str) -> Loss:
    """Of an act by the id of its key; empty where it only reads what is kept: the same key has it again."""
    return _DRILL if binding.startswith("drill.") else _LOSSES.get(binding, ("", ""))
