"""A host's checks, and what is about to be sent to it, as lines. Remote text is made printable here."""

import sys
from collections.abc import Iterable

from console.hosts.first_contact import Plan
from console.hosts.host_checks import Check
from console.hosts.line_conversation import printable

MB = 1_000_000


def print_checks(checks: Iterable[Check]) -> bool:
    """Every check with what helps; True when nothing stands in the way."""
    sound = True
    for check in checks:
        word = "ok" if check.holds else "NO" if check.must else "!"
        print(printable(f"  {word:<3} {check.name:<12} {check.value}  ({check.limit})"))
        if not check.holds and check.fix:
            print(printable(f"      {'':<12} -> {check.fix}"))
        sound = sound and (check.holds or not check.must)
    return sound


def print_plan(plan: Plan, held: frozenset[str], venvs: tuple[str, ...]) -> None:
    """Sizes before anything is sent."""
    for tree in plan.trees:
        size = f"{tree.size_bytes / MB:.2f} MB in {len(tree.files)} files"
        word = "there already, checked again" if tree.name in held else "to be sent"
        print(f"  {tree.kind:<9} {size}, {tree.name[:16]}: {word}")
    if plan.needs is None:
        print(f"  packages  none: {plan.python} has them")
        return
    word = "there already" if plan.needs.venv in venvs else "the host's own pip downloads them"
    cuda = "; on a CUDA host torch brings several GB more" if any("torch" in line for line in plan.needs.lines) else ""
    size = f"{len(plan.needs.lines)} pinned, {plan.needs.installed_bytes / MB:.0f} MB as installed here"
    print(f"  packages  {size}: {word}{cuda}")
    print("  all below " + printable(plan.directory), file=sys.stderr)
