"""The lanes page as rows: each of them chooses what it shows."""

from console.coordination.lane_file import load_lane
from console.hosts.endpoints import Endpoint, Tried
from console.hosts.ways import Way
from console.tui.drawing.lane import lane_rows

BOX = Endpoint("swarm-linux-a", "box", 0, "host book", Way(remote="box"), "box")


def test_a_way_that_fails_says_all_that_helps_and_every_row_of_it_chooses_it() -> None:
    why = (
        "ssh://box: expected our client key to be accepted for 'ann', got: Permission denied. Add its public line there"
    )
    tried = {BOX: Tried("none", "by name", False, why)}
    rows, choices = lane_rows({"loopback": load_lane("loopback")}, "loopback", Way(), tried, 98)
    mine = ["".join(text for text, _ in row) for row, choice in zip(rows, choices, strict=True) if choice is BOX]
    assert len(mine) > 1
    assert why in " ".join(" ".join(mine).split())


def test_a_way_that_holds_takes_one_row() -> None:
    tried = {BOX: Tried("lo", "this machine", True, "let in by its pinned key " * 9, 3.2)}
    _, choices = lane_rows({"loopback": load_lane("loopback")}, "loopback", Way(), tried, 98)
    assert choices.count(BOX) == 1


def test_a_long_name_of_a_way_leaves_a_gap_before_the_next_column() -> None:
    long = Endpoint("swarm-linux-a", "10.0.0.200", 34101, "settings", Way(remote="10.0.0.200:34101"), "the-box-below")
    tried = {long: Tried("lo", "this machine", None, "free")}
    for width in (74, 154):
        rows, choices = lane_rows({"loopback": load_lane("loopback")}, "loopback", Way(), tried, width)
        (mine,) = (
            "".join(text for text, _ in row) for row, chosen in zip(rows, choices, strict=True) if chosen is long
        )
        assert " lo " in mine
