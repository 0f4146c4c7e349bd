"""Numbers as a host may tell them. What it says is hostile until it fits: no count below nothing, no memory that no
machine has, no process id that means all processes, no number that canonical JSON can't spell."""

from typing import Annotated

from pydantic import Field

from runners.contract.canonical import MAX_INTEGER

MOST_BYTES = 1 << 50
Count = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
Bytes = Annotated[int, Field(ge=0, le=MOST_BYTES)]
ProcessId = Annotated[int, Field(ge=1, le=2**31 - 1)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Measure = Annotated[float, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]  # a loss: rounding may bring it below zero
Duration = Annotated[float, Field(ge=0, le=MAX_INTEGER)]
