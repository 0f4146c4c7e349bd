"""Ways to a host, tried for real on loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from console.coordination.lane_file import load_lane
from console.hosts.endpoints import Endpoint, endpoints_of, interface_of, network_of, try_endpoint
from console.hosts.host_book import HostBook
from console.hosts.ways import NamedWay, Way
from tests.hosts.sshd_rig import running_sshd


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
    return Endpoint("swarm-linux-a", "127.0.0.1", port, "lane", Way())


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


def test_the_settings_name_an_agent_with_its_key_and_a_host_that_dials_in(tmp_path: Path) -> None:
    lane, key = load_lane("loopback"), tmp_path / "box.pub"
    agent = NamedWay("box", Way(remote="[fe80::1]:34101", host_key=key))
    dials = NamedWay("behind NAT", Way(dial_in="127.0.0.1", host_key=key), "swarm-linux-a")
    other = NamedWay("another lane's", Way(dial_in="127.0.0.1", host_key=key), "swarm-linux-b")
    ways = endpoints_of(lane, HostBook(tmp_path), (agent, dials, other))
    assert [(way.name, way.spelled, way.way) for way in ways if way.origin == "settings"] == [
        ("box", "[fe80::1]:34101", agent.way), ("behind NAT", "dials in to 127.0.0.1:34100", dials.way),
    ]  # fmt: skip
    assert dials.way.words() == ("--dial-in", "127.0.0.1", "--remote-host-key", str(key))


def test_where_a_host_is_to_dial_this_machine_must_be_able_to_listen_and_have_its_key(tmp_path: Path) -> None:
    key = tmp_path / "box.pub"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        dials = Endpoint("swarm-linux-a", "127.0.0.1", port, "settings", Way(dial_in="127.0.0.1", host_key=key), "box")
        assert try_endpoint(dials, managed=False).result == f"expected a key file, got none at {key}"
        key.write_text("ssh-ed25519 AAAA")
        taken = try_endpoint(dials, managed=False)
    free = try_endpoint(dials, managed=False)
    assert (taken.answers, taken.result) == (False, "can't listen there: somebody listens there already")
    assert (free.answers, free.interface, free.network) == (None, "lo", "this machine")
    elsewhere = Endpoint("swarm-linux-a", "192.0.2.1", port, "settings", dials.way, "box")
    assert try_endpoint(elsewhere, managed=False).answers is False


@pytest.mark.ssh
def test_of_an_agent_that_the_settings_name_the_pinned_key_has_to_answer(tmp_path: Path) -> None:
    pinned = tmp_path / "box.pub"
    with running_sshd(tmp_path / "sshd") as rig:
        way = Way(remote=f"127.0.0.1:{rig.port}", host_key=pinned)
        box = Endpoint("swarm-linux-a", "127.0.0.1", rig.port, "settings", way, "box")
        pinned.write_bytes(rig.host_key.export_public_key())
        right = try_endpoint(box, managed=False)
        other = asyncssh.generate_private_key("ssh-ed25519")
        pinned.write_bytes(other.export_public_key())
        wrong = try_endpoint(box, managed=False)
        pinned.write_text("no key")
        none = try_endpoint(box, managed=False)
    assert (right.answers, right.result.split(",")[0]) == (True, "its pinned key")
    assert wrong.answers is False
    assert other.get_fingerprint() in wrong.result
    assert rig.host_key.get_fingerprint() in wrong.result
    assert none.answers is False
    assert "expected an OpenSSH public key" in none.result
