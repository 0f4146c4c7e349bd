"""A slice on its way is told once a second, and not at all where it takes none."""

from typing import cast

from console.coordination.desk import Desk
from console.coordination.works.preparing import SEND_BYTES, _pieces


class Told:
    """As much of a desk as the shipping sees; a piece takes `piece_ms`."""

    def __init__(self, piece_ms: int) -> None:
        self.clock, self._piece_ms, self._now_ms = self, piece_ms, 0
        self.said: list[tuple[str, str, int, int]] = []

    def mono_ms(self) -> int:
        self._now_ms += self._piece_ms
        return self._now_ms

    def working(self, activity: str, node_id: str, done: int, total: int) -> None:
        self.said.append((activity, node_id, done, total))


def test_what_was_sent_is_told_from_the_first_second_on_and_nothing_is_lost() -> None:
    data, slow = bytes(range(256)) * (5 * SEND_BYTES // 256) + b"end", Told(400)
    assert b"".join(_pieces(cast("Desk", slow), "linux", data)) == data
    assert slow.said == [("ship", "linux", step * SEND_BYTES, len(data)) for step in (2, 3, 4, 5)] + [
        ("ship", "linux", len(data), len(data))
    ]


def test_a_small_slice_says_nothing() -> None:
    quick = Told(10)
    assert b"".join(_pieces(cast("Desk", quick), "linux", b"small")) == b"small"
    assert quick.said == []
