"""Per-device summaries that are false in one thing, and the rule that says so; and a bundle that has a true one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.checks.forge import forge
from tests.checks.lies import Lies
from tests.checks.resealing import operator_key_file

Body = dict[str, Any]


def _asks(body: Body) -> None:
    body["extra_documents"] = ["per_device_summary"]


def summarised(folder: Path) -> Path:
    """A true bundle of a lane that asks for the summary."""
    made = forge(folder, Lies(contract=_asks))
    operator_key_file(made.parent)
    return made


def _row(place: int, **fields: Any) -> Callable[[Body], None]:
    return lambda body: body["per_device_contributions"][place].update(fields)


LIES: tuple[tuple[str, str, Callable[[Body], None]], ...] = (
    ("another_count", "device_summary_tells_the_run", lambda body: body.update(accepted_contributions=1)),
    ("a_device_left_out", "device_summary_tells_the_run", lambda body: body["per_device_contributions"].pop()),
    ("steps_never_done", "device_rows_are_the_receipts", _row(0, steps=999)),
    ("another_rate", "device_rows_are_the_receipts", _row(0, tokens_per_second=1e6)),
    ("another_share", "device_rows_are_the_receipts", _row(1, share_numerator=0)),
    ("an_endpoint_on_a_tailnet", "device_rows_are_the_receipts", _row(0, observed_endpoint="100.64.0.2:35201")),
)
