"""`swarm host forget`: takes away what `swarm host add` put on a host, and what this machine keeps of it."""

import argparse
import asyncio
import sys
from dataclasses import dataclass

from console.cli.errors import UsageError
from console.cli.host_report import MB
from console.cli.start_options import host_home
from console.hosts import first_contact
from console.hosts.errors import HostError, HostNotKnown
from console.hosts.first_contact import Left, Put
from console.hosts.host_book import HostBook, KnownHost
from console.hosts.line_conversation import printable
from console.hosts.login import Login
from console.hosts.ssh_target import target_of


def forget_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Shows what first contacts left on the host and how large it is, asks, and removes just that: source, "
        "checkpoint and environments below our folder there, by their digests. Run roots, the host's own key and a "
        "token that its owner put there stay. Then this machine forgets the host and the key that it pinned. Your "
        "known_hosts is yours and stays as it is."
    )
    parser.add_argument("name", help="as `swarm host list` has it")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument(
        "--here", action="store_true", help="this machine's entry only: for a host that is gone, or used from elsewhere"
    )


@dataclass(frozen=True)
class Found:
    """What would go, what would stay, and why nothing of the host's would be touched, if that is so."""

    put: tuple[Put, ...]
    stays: tuple[str, ...]
    shared_with: tuple[str, ...]


def forget_host(options: argparse.Namespace) -> int:
    """Asked between two conversations, not within one: Ctrl-C at the question ends it at once."""
    book = HostBook(host_home())
    try:
        host = book.get(options.name)
    except HostNotKnown as error:
        raise UsageError(f"host forget: {error}") from error
    found = Found((), (), ()) if options.here else asyncio.run(_look(book, host))
    _show(book, host, found, here=options.here)
    if not options.yes and not _agreed():
        print(f"{host.name}: nothing was removed", file=sys.stderr)
        return 1
    if found.put:
        left = asyncio.run(_remove(host, found.put))
        gone = sum(item.size_bytes for item in found.put if item.key in left.removed)
        print(f"removed on {host.where}: {len(left.removed)} of {len(found.put)} folders, {gone / MB:.2f} MB")
        if len(left.removed) < len(found.put):
            print(f"{host.name}: not forgotten; the same command goes on", file=sys.stderr)
            return 1
    book.forget(host.name)
    print(f"forgotten here: {book.place(host.name)}")
    return 0


async def _look(book: HostBook, host: KnownHost) -> Found:
    shared = tuple(
        name for name in book.names() if name != host.name and _same_place(book.get(name), host)
    )  # fmt: skip
    if shared:
        return Found((), (), shared)
    try:
        async with Login(target_of(host)) as login:
            seen = await first_contact.forget(login, host.directory, None, python=_python(host))
    except (HostError, TimeoutError) as error:
        said = str(error) or "the host took too long to answer"
        raise HostError(
            f"{said}. Nothing was removed. Is it gone for good: `swarm host forget {host.name} --here` forgets it on "
            "this machine alone"
        ) from error
    return Found(seen.found, seen.stays, ())


async def _remove(host: KnownHost, put: tuple[Put, ...]) -> Left:
    async with Login(target_of(host)) as login:
        return await first_contact.forget(login, host.directory, put, python=_python(host))


def _python(host: KnownHost) -> str | None:
    """Never the environment that is about to go."""
    return None if host.made_its_environment else host.python


def _same_place(other: KnownHost, host: KnownHost) -> bool:
    return (other.host_key, other.directory) == (host.host_key, host.directory)


def _show(book: HostBook, host: KnownHost, found: Found, *, here: bool) -> None:
    for item in found.put:
        print(printable(f"  {item.kind:<9} {item.size_bytes / MB:8.2f} MB in {item.files} files, {item.name[:32]}"))
    if found.put:
        total = sum(item.size_bytes for item in found.put)
        print(printable(f"  {total / MB:.2f} MB below {host.directory} on {host.where}"))
    elif found.shared_with:
        print(f"  on {host.where} nothing: {', '.join(found.shared_with)} uses the same folder there")
    elif not here:
        print(printable(f"  nothing of ours below {host.directory} on {host.where}"))
    if found.stays:
        print(printable(f"  stays there: {', '.join(found.stays)}"))
    print(f"  and here {book.place(host.name)}, with the pinned key {host.fingerprint}")


def _agreed() -> bool:
    """Raises UsageError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError("host forget: expected --yes where there is no terminal to ask at")
    print("Remove this? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
