"""How a process is made to outlive its starter, its terminal and its login, and how a Mac is kept awake meanwhile.

`start_new_session` of `subprocess` is setsid(2) itself: no setsid(1), which macOS lacks. The starter ends soon after,
so the process is init's child: what a second fork would add is only that it can't take a terminal, and it opens none.
A login manager may still end everything of a closed login (logind's KillUserProcesses=yes): so on Linux the user's own
systemd takes the process in, where one answers. Nothing stands in for these elsewhere.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

NEEDED_BY_SYSTEMD = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
ASK_S = 5.0


def user_systemd(environ: Mapping[str, str]) -> str | None:
    """Path of systemd-run, where the user's own systemd answers."""
    systemctl, systemd_run = shutil.which("systemctl"), shutil.which("systemd-run")
    if systemctl is None or systemd_run is None or not environ.get("XDG_RUNTIME_DIR"):
        return None
    try:
        asked = subprocess.run(
            [systemctl, "--user", "show-environment"],
            check=False, env=dict(environ), timeout=ASK_S,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return systemd_run if asked.returncode == 0 else None


def in_own_scope(argv: Sequence[str], systemd_run: str | None, description: str) -> list[str]:
    """`argv` in a scope of the user's systemd. A scope runs the command itself: same process id, same streams."""
    if systemd_run is None:
        return list(argv)
    options = ["--user", "--scope", "--quiet", "--collect", f"--description={description}"]
    return [systemd_run, *options, "--", *argv]


def awake_argv(pid: int, platform: str = sys.platform) -> list[str] | None:
    """macOS: no idle sleep while that process lives. Closing the lid still sleeps; nothing is pretended elsewhere."""
    return ["/usr/bin/caffeinate", "-i", "-w", str(pid)] if platform == "darwin" else None


def keep_awake(pid: int) -> None:
    """Ends by itself with the process. A Mac without caffeinate is no reason to stop."""
    argv = awake_argv(pid)
    if argv is None or not os.access(argv[0], os.X_OK):
        return
    child = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    child.returncode = 0  # not ours to wait for
