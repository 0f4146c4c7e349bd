"""What a command's standard output comes to, in one line of the operator's log."""

import json
import re

from console.observation.figures import words
from console.observation.output import last_meaningful

_GATE = re.compile(r"^(\S+)  (?:(\w+)  [0-9a-f]{64}|(no_report)  (.*))$", re.MULTILINE)


def last_line(stdout: str, code: int | None) -> str:
    return last_meaningful(stdout) if code == 0 else ""


def gate_outcome(stdout: str, code: int | None) -> str:  # noqa: ARG001 - a refusal is told as well
    """`swarm bringup lane`: each host and its disposition, the rules that a refused one broke, or why it has none."""
    broken = [line.split()[1] for line in stdout.splitlines() if line.startswith("  NO ") and len(line.split()) > 1]
    ended = _GATE.findall(stdout)
    told = " · ".join(f"{host} {words(disposition or none)}" for host, disposition, none, _ in ended)
    broken += [f"{host}: {why.removeprefix(f'{host}: ')}" for host, _, none, why in ended if none]
    return f"{told}: {', '.join(broken)}" if broken else told


def drill_outcome(stdout: str, code: int | None) -> str:  # noqa: ARG001 - a drill that fails has a report as well
    """`swarm drill --json`: each case and its result, a lone one without its name; the first reason of a failure."""
    try:
        reports = json.loads(stdout)
        told = [f"{words(one['expectation']['case'])} {one['result'].upper()}" for one in reports]
        told = told if len(told) > 1 else [reports[0]["result"].upper()]
        why = [reason for one in reports for reason in one["reasons"]]
    except (ValueError, TypeError, KeyError, IndexError):
        return ""
    return " · ".join(told) + (f": {why[0]}" if why else "")
