"""A process of its own that asks NVIDIA's driver, one JSON line for each line that it is sent, until its input ends.

A call into a driver in trouble may never return and can't be killed meanwhile (the kernel waits inside it). In the
runner that would keep the lock of the run root held after its death, and nobody could prove that it died.
"""

import json
import sys
from collections.abc import Callable
from typing import Any, TextIO

from runners.process.probes import nvml
from runners.process.probes.card_now import CardReader


def tell(answer: Callable[[], dict[str, Any]], source: TextIO, sink: TextIO) -> None:
    for _ in source:
        sink.write(json.dumps(answer()) + "\n")
        sink.flush()


if __name__ == "__main__":
    uuid, name = sys.argv[1:]
    tell(CardReader(nvml.library(), uuid, name).answer, sys.stdin, sys.stdout)
