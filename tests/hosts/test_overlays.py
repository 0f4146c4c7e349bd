"""Overlay networks, from tables. Tailscale is not on this machine: its output here is authored after its manual."""

from pathlib import Path

import pytest

from console.hosts import overlays
from console.hosts.overlays import Overlay, overlays_of, parse_tailnet_address, tailnet_address, warning_of


@pytest.mark.parametrize(
    ("output", "address"),
    [
        (b"100.101.102.103\n", "100.101.102.103"),
        (b"100.64.0.0\n", "100.64.0.0"),
        (b"100.128.0.1\n", None),
        (b"192.168.1.5\n", None),
        (b"100.101.102.103\n100.101.102.104\n", None),
        (b"fd7a:115c:a1e0::1\n", None),
        (b"", None),
        (b"Tailscale is stopped.\n", None),
        (b"100.101.102.103\x1b[2J\n", None),
        (b"\xff\xfe\n", None),
    ],
)
def test_one_address_of_the_tailnets_range_is_taken_and_nothing_else(output: bytes, address: str | None) -> None:
    assert parse_tailnet_address(output) == address


def test_overlays_are_told_by_address_or_name_and_ordinary_networks_are_none() -> None:
    found = overlays_of([
        ("lo", "127.0.0.1"), ("eth0", "192.168.1.5"), ("tailscale0", "100.101.102.103"), ("utun4", "100.70.1.1"),
        ("utun3", "10.8.0.2"), ("wg0", "10.6.0.2"), ("ztabcdef12", "10.147.17.5"), ("wlan0", "10.0.0.3"),
    ])  # fmt: skip
    assert found == (
        Overlay("Tailscale", "tailscale0", "100.101.102.103"),
        Overlay("Tailscale", "utun4", "100.70.1.1"),
        Overlay("WireGuard", "wg0", "10.6.0.2"),
        Overlay("ZeroTier", "ztabcdef12", "10.147.17.5"),
    )


def test_several_overlays_are_warned_about_and_one_is_not() -> None:
    one, two = Overlay("Tailscale", "tailscale0", "100.101.102.103"), Overlay("WireGuard", "wg0", "10.6.0.2")
    assert warning_of([]) is None
    assert warning_of([one]) is None
    said = warning_of([one, two])
    assert said is not None
    assert "tailscale0" in said
    assert "wg0 10.6.0.2" in said


def test_this_machines_own_interfaces_can_be_read() -> None:
    assert all(overlay.address for overlay in overlays.overlays_here())


@pytest.mark.parametrize(
    ("body", "address"),
    [
        ('test "$3" = box && echo 100.101.102.103', "100.101.102.103"),
        ('test "$TAILSCALE_BE_CLI" = 1 && echo 100.101.102.103', "100.101.102.103"),
        ("echo 100.101.102.103; exit 1", None),
        ("exec sleep 60", None),
    ],
    ids=["answers", "is_a_macs_app", "fails", "hangs"],
)
def test_the_tool_is_asked_and_a_failing_or_hanging_one_gives_no_address(
    body: str, address: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the tailscale command."""
    monkeypatch.setattr(overlays, "ASK_S", 0.3)
    (tmp_path / "tailscale").write_text(f"#!/bin/sh\n{body}\n")
    (tmp_path / "tailscale").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert tailnet_address("box") == address
    assert tailnet_address("--help") is None
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert tailnet_address("box") is None
