"""`swarm host agent`: what it prints for the host is what the agent takes, and what the agent prints is taken here."""

import shlex
from pathlib import Path

import asyncssh
import pytest

from console.cli.errors import UsageError
from console.cli.main import main
from console.cli.remotes import pinned_line
from console.hosts.keys import client_key, public_line
from runners.agent.settings import parse_settings
from runners.contract.announcement import AgentAnnouncement


@pytest.mark.parametrize(
    ("way", "listens", "dials", "here"),
    [
        (("--listen", "192.168.1.20"), ("192.168.1.20", 34101), None, "--remote 192.168.1.20:34101 --remote-host-key"),
        (("--listen", "fe80::1", "--port", "7"), ("fe80::1", 7), None, "--remote '[fe80::1]:7' --remote-host-key"),
        (("--dial", "10.0.0.5"), None, ("10.0.0.5", 34100), "--dial-in 10.0.0.5 --coordinator-port 34100"),
    ],
)
def test_the_agent_takes_the_command_that_is_printed_for_it(
    way: tuple[str, ...], listens: tuple[str, int] | None, dials: tuple[str, int] | None, here: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("SWARM_HOME", str(tmp_path))
    assert main(["host", "agent", *way]) == 0
    said = capsys.readouterr()
    words = shlex.split(said.out.replace("\\\n", " "))
    settings, token_comes = parse_settings(words[words.index("agent") + 1 :])
    assert token_comes
    assert settings.authorized_keys == (public_line(client_key(tmp_path / "keys" / "ssh_client.pem")),)
    assert settings.dial == dials
    assert listens is None or (settings.listen, settings.port) == listens
    assert here in said.err
    assert "PRIVATE" not in said.out + said.err


def test_a_host_that_nobody_knows_and_a_port_that_is_none_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWARM_HOME", str(tmp_path))
    assert main(["host", "agent", "nobody", "--listen", "10.0.0.7"]) == 2
    assert "swarm host add nobody" in capsys.readouterr().err
    assert main(["host", "agent", "--listen", "10.0.0.7", "--port", "70000"]) == 2
    assert main(["host", "agent", "--listen", "10.0.0.7", "--port", "0"]) == 2


def test_what_the_agent_printed_is_as_good_as_the_key_in_it(tmp_path: Path) -> None:
    line = public_line(asyncssh.generate_private_key("ssh-ed25519"))
    said = AgentAnnouncement(
        address="10.0.0.7", port=34101, host_key=line, host_key_fingerprint="SHA256:x", pid=1, process_started_ms=1
    )
    file = tmp_path / "box"
    for text in (f"{line} ann@box\n", f"{said.model_dump_json()}\n"):
        file.write_text(text)
        assert pinned_line(file) == line
    for spoiled in ("", "{", '{"host_key": "ssh-ed25519 AAAA"}', "ssh-ed25519 AAAA", "\x1b[2J"):
        file.write_text(spoiled)
        with pytest.raises(UsageError, match="expected an OpenSSH public key line, or what the agent printed"):
            pinned_line(file)
