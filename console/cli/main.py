"""`swarm`: results on standard output, narration on standard error, and the only place that exits."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from console.cli.command_parser import CommandParser
from console.cli.errors import FAILED, INTERRUPTED, MISSING, USAGE, MissingTool, UsageError
from console.coordination.errors import CoordinationError, UnknownLane
from console.evidence.errors import EvidenceError
from runners.contract.errors import ContractError
from runners.records.errors import RecordsError

DESCRIPTION = """\
Operator console for training one LM-head LoRA on two unlike machines at once, with evidence a stranger can check.

  swarm                    the console (same as `swarm console`)
  swarm run                one live window on the loopback lane, headless
  swarm attach RUN_ID      go on with, or watch, a run
  swarm check real-run     verify a run bundle from its files alone
  swarm view [PATH]        look at retained runs
"""
AFTERWARDS = """\
exit status:
  0    done, or verified
  1    not: refused, failed, not verified; the reason stands on standard error
  2    the command makes no sense as given
  3    something that it needs isn't on this machine
  130  left by Ctrl-C

environment:
  SWARM_RUNS    where runs lie (default: ~/swarm-runs)
  SWARM_HOME    where keys and hosts lie (default: ~/.swarm)
  PSIONIC_SWARM_ADMISSION_TOKEN    the admission token, where a lane asks for one

`swarm COMMAND --help` has what a command takes, with examples.
"""
# Word -> module of this package that adds it. Only the chosen one is imported: `swarm launch` must not wait for
# asyncssh, nor `swarm check` for the screen.
OTHERS_WRITE = 0o022  # bits of a mode
COMMANDS = {
    "console": "console_command",
    "run": "run",
    "attach": "run",
    "replay": "replay",
    "status": "status",
    "stop": "stop",
    "check": "check",
    "rehearse": "outcomes",
    "evidence": "outcomes",
    "closeout": "outcomes",
    "audit": "audit",
    "publish": "publish",
    "prepare": "prepare",
    "token": "token",
    "freeze": "freeze",
    "launch": "launch",
    "host": "host",
    "lane": "lane",
    "bringup": "bringup",
    "drill": "drill",
    "view": "view_command",
    "bench": "bench.command",
}


def parser(word: str | None = None) -> argparse.ArgumentParser:
    """With every command, or with the one that `word` names."""
    top = CommandParser(prog="swarm", description=DESCRIPTION, epilog=AFTERWARDS)
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    chosen = {COMMANDS[word]} if word in COMMANDS else dict.fromkeys(COMMANDS.values())
    for name in chosen:
        import_module(f"console.cli.{name}").add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    # Whatever the operator's shell allows: nobody else writes where keys, journals and runs lie. Children inherit it.
    os.umask(os.umask(OTHERS_WRITE) | OTHERS_WRITE)
    arguments = list(sys.argv[1:] if argv is None else argv) or ["console"]
    left = ""  # of what was begun, told after a Ctrl-C
    try:
        options = parser(arguments[0]).parse_args(arguments)
        if options.command is None:
            parser().print_help(sys.stderr)
            return USAGE
        left = getattr(options, "left", "")
        code: int = options.act(options)
    except (UsageError, UnknownLane) as error:
        return _say(error, USAGE)
    except MissingTool as error:
        return _say(error, MISSING)
    except (CoordinationError, ContractError, EvidenceError, RecordsError) as error:
        return _say(error, FAILED)
    except BrokenPipeError:
        # The reader of our output went away: nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt as error:
        left = str(error) or left
        return _say(f"left by Ctrl-C{left and '; '}{left}", INTERRUPTED)
    except OSError as error:
        # A full disk, a missing permission, a place that can't be made: the system's own words, and where.
        return _say(f"{error.filename or 'this machine'}: {error.strerror or error}", FAILED)
    return code


def _say(error: Exception | str, code: int) -> int:
    print(f"swarm: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
