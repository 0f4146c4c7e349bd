"""Private overlay networks of this machine: which there are, and the addresses that a tailnet gives.

An overlay carries packets and admits nobody: keys, token and gates do that on every lane.
"""

import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil

TAILNET = ipaddress.ip_network("100.64.0.0/10")  # carrier-grade NAT's range, which Tailscale assigns from
ASK_S = 5.0
# As the makers' own software names its interfaces. macOS calls every tunnel utunN: there only the address tells.
KINDS = {
    "tailscale": "Tailscale",
    "wg": "WireGuard",
    "zt": "ZeroTier",
    "nebula": "Nebula",
    "nordlynx": "NordLynx",
    "tun": "a tunnel",
}
ZEROTIER = "zt"  # followed by letters of the network


@dataclass(frozen=True)
class Overlay:
    kind: str
    interface: str
    address: str

    def __str__(self) -> str:
        return f"{self.kind} {self.interface} {self.address}"


def overlays_of(interfaces: Iterable[tuple[str, str]]) -> tuple[Overlay, ...]:
    """From (interface, IPv4 address) pairs: by the address for a tailnet, else by the interface's name."""
    found = []
    for interface, address in interfaces:
        if ipaddress.ip_address(address) in TAILNET:
            found.append(Overlay("Tailscale", interface, address))
        elif kind := _kind_of(interface):
            found.append(Overlay(kind, interface, address))
    return tuple(found)


def _kind_of(interface: str) -> str | None:
    return KINDS.get(ZEROTIER if interface.startswith(ZEROTIER) else interface.rstrip("0123456789"))


def overlays_here() -> tuple[Overlay, ...]:
    addresses = psutil.net_if_addrs()
    return overlays_of(
        (name, entry.address) for name, entries in sorted(addresses.items()) for entry in entries if entry.family == 2
    )


def warning_of(overlays: Sequence[Overlay]) -> str | None:
    """Several at once: nobody can tell from a run which of them carried it, and two may claim one address."""
    if len(overlays) < 2:
        return None
    names = ", ".join(str(overlay) for overlay in overlays)
    return (
        f"several overlays are up here ({names}): packets to a host may take another one than you think; take down "
        "what the run doesn't need, or look with `ip route get ADDRESS` (macOS: `route get ADDRESS`)"
    )


def tailnet_address(name: str | None = None) -> str | None:
    """`tailscale ip -4`, of this machine or of the device `name`; None without Tailscale, or for an unknown name."""
    tool = shutil.which("tailscale") or shutil.which("tailscale", path="/Applications/Tailscale.app/Contents/MacOS")
    if tool is None or (name or "").startswith("-"):
        return None
    try:
        asked = subprocess.run(
            [tool, "ip", "-4", *([name] if name else [])],
            env={**os.environ, "TAILSCALE_BE_CLI": "1"},  # the app on a Mac: else a guess, and it may open a window
            check=False, timeout=ASK_S, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_tailnet_address(asked.stdout) if asked.returncode == 0 else None


def parse_tailnet_address(output: bytes) -> str | None:
    """The one address in the output, if it is one of a tailnet."""
    lines = output.decode("ascii", errors="replace").split()
    if len(lines) != 1:
        return None
    try:
        address = ipaddress.IPv4Address(lines[0])
    except ValueError:
        return None
    return str(address) if address in TAILNET else None
