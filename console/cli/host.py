"""`swarm host add|list|doctor|forget|agent`: other machines."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine

from console.cli.errors import UsageError
from console.cli.host_add import AGENT_PORT, add_host, add_options, our_versions
from console.cli.host_agent import agent_options, print_agent
from console.cli.host_forget import forget_host, forget_options
from console.cli.host_report import print_checks
from console.cli.start_options import host_home
from console.hosts import first_contact
from console.hosts.errors import HostError, HostNotKnown
from console.hosts.host_book import HostBook, KnownHost
from console.hosts.host_checks import Check, Wanted, judge, judge_code, judge_overlays
from console.hosts.line_conversation import printable
from console.hosts.login import Login
from console.hosts.overlays import overlays_here
from console.hosts.ssh_target import target_of
from runners.contract.errors import ContractError
from runners.records.sources import sources_sha256


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("host", help="other machines: make one ready, list, look again, forget")
    acts = parser.add_subparsers(dest="what", metavar="add|list|doctor|forget|agent", required=True)
    new = acts.add_parser("add", help="look at a host with a system sshd, send what is missing, prove what runs there")
    add_options(new)
    new.set_defaults(act=lambda options: guarded(add_host(options)))
    every = acts.add_parser(
        "list",
        help="name, where, its key, and the code that it was given",
        description="One line a host that was added: how it is reached, its pinned key's fingerprint, and whether the "
        "code that was sent there is this machine's. Contacts nobody.",
    )
    every.set_defaults(act=list_hosts)
    doctor = acts.add_parser(
        "doctor",
        help="look again, and say what to do; exit 0 when nothing stands in the way",
        description="Logs in to each host and looks as `swarm host add` does, and whether what was put there still "
        "runs. NO stands in the way, ! is for you to judge, -> says what helps. Changes nothing.",
    )
    doctor.add_argument("name", nargs="*", help="which (default: all)")
    doctor.set_defaults(act=lambda options: guarded(examine(options)))
    gone = acts.add_parser("forget", help="remove what was put there, and this machine's entry; asks first")
    forget_options(gone)
    gone.set_defaults(act=lambda options: told(lambda: forget_host(options)))
    agent = acts.add_parser("agent", help="what to type on a host that can't be logged in to, and here")
    agent_options(agent)
    agent.set_defaults(act=lambda options: told(lambda: print_agent(options)))


def guarded(work: Coroutine[object, object, int]) -> int:
    return told(lambda: asyncio.run(work))


def told(work: Callable[[], int]) -> int:
    """Host trouble is told in one line. Ctrl-C leaves a half-made folder that nothing uses, and says so."""
    try:
        return work()
    except HostNotKnown as error:
        raise UsageError(f"host: {error}") from error
    except HostError as error:
        print(f"swarm: {printable(str(error))}", file=sys.stderr)
        return 1
    except TimeoutError:
        print("swarm: the host took too long over a step; look at it there, then do the same again", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("swarm: left off; nothing uses what was half made, and the same command goes on", file=sys.stderr)
        return 130


def list_hosts(_: argparse.Namespace) -> int:
    book = HostBook(host_home())
    ours = sources_sha256()
    for name in book.names():
        host = book.get(name)
        code = "as here" if host.runners_sha256 == ours else f"older: swarm host add {name}"
        print(f"{name:<20} {host.where:<30} {host.fingerprint}  code {host.runners_sha256[:12]} ({code})")
    if not book.names():
        print("no host yet: swarm host add NAME [user@]host[:port]", file=sys.stderr)
    return 0


async def examine(options: argparse.Namespace) -> int:
    book = HostBook(host_home())
    hosts = [book.get(name) for name in options.name or book.names()]
    print("this machine")
    print_checks((judge_overlays(overlays_here()),))
    worst = 0
    for host in hosts:
        print(f"{host.name}: {host.where}")
        try:
            sound = print_checks(await diagnose(host))
        except (HostError, ContractError, TimeoutError) as error:
            said = str(error) or "it took too long to answer"
            sound = print_checks((Check("reached", False, True, said, "a login with the pinned key"),))
        worst = worst if sound else 1
    return worst


async def diagnose(host: KnownHost) -> tuple[Check, ...]:
    """As `add` looked, and whether what was put there still runs and is what this machine runs."""
    target = target_of(host)
    ours, again = our_versions(), f"swarm host add {host.name}"
    async with Login(target) as login:
        seen = await first_contact.look(
            login,
            directory=host.directory,
            ports=(AGENT_PORT,),
            python=None if host.made_its_environment else host.python,
            model=host.model_dir,
        )
    checks = judge(seen, Wanted(given_python=True, training=False, ours=ours), installing=False)
    try:
        identity = await first_contact.identify(target, host.python, host.package_dir)
    except HostError as error:
        return (*checks, Check("code", False, True, str(error)[:400], "the runners that were sent", again))
    return (*checks, *judge_code(identity, sources_sha256(), ours, again))
