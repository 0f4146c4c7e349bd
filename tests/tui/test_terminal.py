"""The real console on a real terminal that misbehaves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.bench.console.terminal import CONSOLE, Terminal
from tests.patience import PATIENCE_S, until

RESIZED_MEANWHILE = """
import fcntl, struct, sys, termios
from console.cli.main import main
from console.tui.terminal import TerminalDriver

asked = TerminalDriver._get_terminal_size

def resized_meanwhile(driver):
    size = asked(driver)
    if size == (60, 20):
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))  # SIGWINCH comes before we return
    return size

TerminalDriver._get_terminal_size = resized_meanwhile
sys.argv = ["swarm", "console"]
sys.exit(main())
"""
RESTORED = b"\x1b[?1049l"  # the screen that was there before is back


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SWARM_RUNS", "SWARM_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.rpartition("_")[2].lower()))
    return tmp_path


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    with Terminal((80, 24)) as there:
        there.wait_for("dashboard", "no run")
        yield there


def gives_back(terminal: Terminal) -> None:
    """It says all that restores the screen before it stops or ends."""
    said = b""

    def restored() -> bool:
        nonlocal said
        said += terminal.read(0.02)
        return RESTORED in said

    until("the screen that was there before", restored)


@pytest.mark.parametrize("program", ["Apple_Terminal", "iTerm.app"])
def test_apples_terminal_is_not_asked_what_it_would_print(program: str, home: Path) -> None:
    """DECRQM, `CSI ? mode $ p`: that one takes it for text, and shows a p."""
    with Terminal((80, 24), TERM_PROGRAM=program) as there:
        said = b""

        def drawn() -> bool:
            nonlocal said
            said += there.read(0.02)
            return b"dashboard" in said and b"\x1b[?2004h" in said

        until("the first frame", drawn)
        assert (b"$p" in said) is (program != "Apple_Terminal")


def test_a_hung_up_terminal_ends_the_console(terminal: Terminal) -> None:
    terminal.hang_up()
    assert terminal.wait(PATIENCE_S) == 128 + signal.SIGHUP


def test_a_lost_terminal_ends_the_console_that_ignores_hangups(home: Path) -> None:
    """As under nohup, or behind a connection that died: no signal comes, only the end of input."""
    code = f"import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv({CONSOLE[0]!r}, {CONSOLE!r})"
    with Terminal((80, 24), (sys.executable, "-c", code)) as terminal:
        terminal.wait_for("dashboard", "no run")
        terminal.hang_up()
        assert terminal.wait(PATIENCE_S) == 128 + signal.SIGHUP


def test_sigterm_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    terminal.tell(signal.SIGTERM)
    gives_back(terminal)
    assert terminal.wait(PATIENCE_S) == 128 + signal.SIGTERM


@pytest.mark.parametrize("by", ["signal", "key"])
def test_suspend_gives_the_terminal_back_and_resume_draws_again(by: str, terminal: Terminal) -> None:
    terminal.settle()
    if by == "key":
        os.write(terminal.fd, b"\x1a")
    else:
        terminal.tell(signal.SIGTSTP)
    gives_back(terminal)
    until("the console to be stopped", terminal.stopped)
    terminal.tell(signal.SIGCONT)
    terminal.wait_for("dashboard", "no run")
    terminal.timed("2", "receipts", "none yet")
    terminal.timed("1", "go live")
    terminal.resize(120, 40)
    terminal.wait_for("timeline")  # a panel of the high screen: sizes are heard as before


def test_a_stopped_console_owns_up_to_its_gap_and_goes_on(terminal: Terminal) -> None:
    terminal.settle()
    terminal.tell(signal.SIGSTOP)
    until("the console to be stopped", terminal.stopped)
    time.sleep(1.5)  # long enough to be a gap
    terminal.tell(signal.SIGCONT)
    terminal.wait_for("OBSERVER GAP", "dashboard")
    for key, shown in (("2", "none yet"), ("1", "go live")):
        terminal.timed(key, shown)


def test_a_storm_of_sizes_ends_in_the_last_one(terminal: Terminal) -> None:
    for step in range(200):
        terminal.resize(20 + step * 7 % 180, 4 + step * 5 % 56)
    terminal.resize(120, 40)
    terminal.settle()
    terminal.timed("?", "everywhere")
    terminal.timed("\x1b", "no run")
    assert terminal.alive


def test_a_size_that_comes_while_the_one_before_is_asked_for_stands(home: Path) -> None:
    with Terminal((80, 24), (sys.executable, "-c", RESIZED_MEANWHILE)) as terminal:
        terminal.wait_for("dashboard", "no run")
        terminal.settle()
        terminal.resize(60, 20)
        terminal.wait_for("timeline")  # a panel of the high screen
        assert terminal.alive


def test_garbage_on_the_keyboard_is_survived(terminal: Terminal) -> None:
    terminal.settle()
    os.write(terminal.fd, b"\x1b[999;999;999Z\xff\xfe\x00\x1b[<0;5000;5000M\x1b[200~g x q\x1b[201~\x1b\x1b\x1b[A")
    terminal.settle()
    terminal.timed("2", "none yet")


def test_no_terminal_at_all_is_said_so(home: Path) -> None:
    done = subprocess.run(
        CONSOLE, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 3
    assert "expected a terminal" in done.stderr
