"""Words for what macOS does otherwise on the way to a host. No Mac was at hand; the platform's name is passed in."""

import errno
import os

import pytest

from console.hosts.host_checks import judge
from console.hosts.on_a_mac import keychain_hint, network_hint
from tests.hosts.sights import BARE, seen

NO_ROUTE = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
# As asyncio tells of a name with two addresses: no errno of its own.
OF_TWO = OSError(
    f"Multiple exceptions: [Errno {errno.EHOSTUNREACH}] Connect call failed, [Errno 1] Connect call failed"
)


@pytest.mark.parametrize(
    ("error", "platform", "told"),
    [
        (NO_ROUTE, "darwin", True),
        (OF_TWO, "darwin", True),
        (NO_ROUTE, "linux", False),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "darwin", False),
        (TimeoutError(), "darwin", False),
    ],
)
def test_no_route_on_a_mac_may_be_a_leave_that_was_not_given(error: Exception, platform: str, told: bool) -> None:
    assert ("Privacy & Security > Local Network" in network_hint(error, platform)) is told


def test_only_a_mac_has_a_keychain() -> None:
    assert "ssh-add --apple-load-keychain" in keychain_hint("darwin")
    assert keychain_hint("linux") == ""


@pytest.mark.parametrize(
    ("changes", "name", "helps"),
    [
        ({"python": (3, 9, 6)}, "python", "brew install python@3.13"),
        ({"venv": False}, "venv", "brew install python@3.13"),
        ({"gpus": None}, "gpu", "take the Mac as coordinator"),
        ({"wall_ms": 1}, "detaching", ""),
    ],
)
def test_a_mac_as_host_is_told_what_helps_on_a_mac(changes: dict[str, object], name: str, helps: str) -> None:
    checks = judge(seen(system="Darwin", machine="arm64", systemd_user=False, **changes), BARE)
    (check,) = [one for one in checks if one.name == name]
    assert helps in check.fix
    assert not any(word in one.fix for one in checks for word in ("apt ", "loginctl", "timedatectl", "NVIDIA"))
