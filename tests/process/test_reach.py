"""`reach`: the way back to the coordinator, and no way to anywhere else."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runners.contract.canonical import canonical_bytes
from runners.contract.requests import ReachRequest, ReachResponse
from runners.process.errors import Refused
from runners.process.reach import reach
from runners.process.settings import HostSettings
from runners.process.wire import Wire
from tests.hosts.free_port import free_port

NONCE = "5" * 64


def ask(port: int, peer: str | None = "127.0.0.1") -> ReachResponse:
    source, sink = os.pipe()
    os.write(sink, canonical_bytes(ReachRequest(port=port, nonce=NONCE).to_json()) + b"\n")
    os.close(sink)
    try:
        return reach(HostSettings(home=Path("/nowhere"), peer_address=peer), Wire(source, -1))
    finally:
        os.close(source)


def answering(said: bytes) -> tuple[int, Callable[[], None]]:
    """A port that says `said` to the first who comes."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection, server:
            connection.sendall(said)

    thread = threading.Thread(target=serve)
    thread.start()
    return int(server.getsockname()[1]), thread.join


def test_the_coordinator_is_reached_where_it_says_the_number_made_now() -> None:
    port, done = answering(NONCE.encode() + b"\n")
    assert ask(port) == ReachResponse(reached=True, address="127.0.0.1", detail="")
    done()


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"6" * 64 + b"\n", b"\x1b[2J" * 100])
def test_something_else_that_answers_there_is_not_the_coordinator(said: bytes) -> None:
    port, done = answering(said)
    answer = ask(port)
    done()
    assert not answer.reached
    assert answer.detail == "something else answers there"


def test_a_closed_port_is_told_with_the_systems_reason() -> None:
    answer = ask(free_port())
    assert not answer.reached
    assert "refused" in answer.detail.lower()


@pytest.mark.parametrize(("port", "peer", "reason"), [(22, "127.0.0.1", "port_refused"), (34100, None, "peer_unknown")])
def test_low_ports_and_an_unknown_peer_are_refused(port: int, peer: str | None, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        ask(port, peer)
    assert caught.value.reason == reason
