"""Ways to a host, tried for real on loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.coordination.lane_file import load_lane
from console.hosts.endpoints import Endpoint, endpoints_of, interface_of, network_of, try_endpoint
from console.hosts.host_book import HostBook


@contextmanager
def greeting(said: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            link, _ = server.accept()
            with link:
                link.sendall(said)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def at(port: int) -> Endpoint:
    return Endpoint("swarm-linux-a", "127.0.0.1", port, "lane", None)


def test_an_ssh_host_that_answers_is_told_with_its_greeting_interface_and_network() -> None:
    with greeting(b"SSH-2.0-AsyncSSH_2.23\r\n") as port:
        tried = try_endpoint(at(port), managed=False)
    assert (tried.answers, tried.network, tried.interface) == (True, "this machine", "lo")
    assert tried.result == "SSH-2.0-AsyncSSH_2.23"
    assert tried.took_ms is not None


def test_something_else_that_answers_is_no_ssh_host_and_its_words_are_harmless() -> None:
    with greeting(b"\x1b[2JHTTP/1.0\r\n") as port:
        tried = try_endpoint(at(port), managed=False)
    assert tried.answers is False
    assert tried.result == "expected an SSH greeting, got '·[2JHTTP/1.0·'"


@pytest.mark.parametrize(("managed", "answers"), [(True, None), (False, False)])
def test_a_closed_port_is_a_fault_unless_our_own_agent_will_listen_there(managed: bool, answers: bool | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert try_endpoint(at(port), managed=managed).answers is answers


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("localhost", "this machine"), ("127.0.0.1", "this machine"), ("::1", "this machine"),
        ("192.168.1.20", "trusted LAN"), ("10.0.0.2", "trusted LAN"), ("fd00::1", "trusted LAN"),
        ("100.101.102.103", "tailnet"), ("169.254.1.1", "link-local"), ("fe80::1%en0", "link-local"),
        ("8.8.8.8", "public internet"), ("rtx-box.local", "by name"),
    ],
)  # fmt: skip
def test_the_kind_of_network_follows_from_the_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_an_address_that_is_ours_has_an_interface_and_another_has_none() -> None:
    assert (interface_of("127.0.0.1"), interface_of("192.0.2.1")) == ("lo", "unknown")


def test_the_lane_and_the_host_book_name_the_ways(tmp_path: Path) -> None:
    ways = endpoints_of(load_lane("loopback"), HostBook(tmp_path))
    assert [(way.node_id, way.origin) for way in ways] == [
        ("swarm-mac-a", "local process"), ("swarm-linux-a", "lane"),
    ]  # fmt: skip
