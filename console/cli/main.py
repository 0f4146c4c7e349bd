"""`swarm`: results on standard output, narration on standard error, and the only place that exits."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from console.cli import check, console_command, prepare, run, status, stop, token
from console.cli.errors import MissingTool, UsageError
from console.coordination.errors import CoordinationError
from runners.contract.errors import ContractError
from runners.records.errors import RecordsError

OK, FAILED, USAGE, MISSING, INTERRUPTED = 0, 1, 2, 3, 130
DESCRIPTION = """\
Operator console for training one LM-head LoRA on two unlike machines at once, with evidence a stranger can check.

  swarm                    the console (same as `swarm console`)
  swarm run                one live window on the loopback lane, headless
  swarm attach RUN_ID      go on with, or watch, a run
  swarm check real-run     verify a run bundle from its files alone
"""
Command = Callable[[argparse.Namespace], int]


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="swarm", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for module in (console_command, run, status, stop, check, prepare, token):
        module.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv) or ["console"]
    options = parser().parse_args(arguments)
    if options.command is None:
        parser().print_help(sys.stderr)
        return USAGE
    try:
        code: int = options.act(options)
    except UsageError as error:
        return _say(error, USAGE)
    except MissingTool as error:
        return _say(error, MISSING)
    except (CoordinationError, ContractError, RecordsError) as error:
        return _say(error, FAILED)
    except BrokenPipeError:
        # The reader of our output went away: nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _say(error: Exception, code: int) -> int:
    print(f"swarm: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
