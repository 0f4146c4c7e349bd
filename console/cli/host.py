"""`swarm host add|list|doctor`: other machines, from a login on a bare one to `ready`."""

import argparse
import asyncio
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from console.cli.errors import UsageError
from console.cli.host_report import print_checks, print_plan
from console.cli.start_options import host_home
from console.hosts import first_contact
from console.hosts.destination import Destination, believed_key
from console.hosts.errors import HostError
from console.hosts.first_contact import Plan
from console.hosts.host_book import HostBook, KnownHost, is_name, mend_key
from console.hosts.host_checks import Check, Wanted, judge, judge_code, judge_overlays
from console.hosts.keys import pinned_key
from console.hosts.line_conversation import printable
from console.hosts.login import Login
from console.hosts.outfit import Tree, model_tree, requirements, runners_tree
from console.hosts.overlays import overlays_here
from console.hosts.sight import Look
from console.hosts.ssh_target import SshTarget
from console.places import data_dir
from runners.contract.identity import NEEDED_PACKAGES, TRAINING_PACKAGES
from runners.records.clock import Clock
from runners.records.sources import sources_sha256

DIRECTORY = ".swarm"
AGENT_PORT = 34101


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("host", help="other machines: make one ready, list them, say what is wrong with one")
    acts = parser.add_subparsers(dest="what", metavar="add|list|doctor", required=True)
    new = acts.add_parser(
        "add",
        help="look at a host with a system sshd, send what is missing, and prove what runs there",
        description="Looks first and says what it saw. Then sends the runners' source and a checkpoint below one "
        "folder of yours there, named by their digests, and lets the host make a virtual environment; nothing else is "
        "touched. The host's key must stand in your known_hosts, or you give the fingerprint that its screen shows. "
        "Done again, only what changed is sent.",
    )
    new.add_argument("name", help="what to call it: `swarm run --remote NAME`, or the host_alias of a lane")
    new.add_argument("destination", nargs="?", metavar="[user@]host[:port]", help="default: NAME, as ssh(1) takes it")
    new.add_argument("--fingerprint", metavar="SHA256:...", help="of its host key, read on the host itself")
    new.add_argument("--ssh-config", type=Path, metavar="FILE", help="instead of ~/.ssh/config: aliases, jumps, keys")
    new.add_argument(
        "--identity", type=Path, metavar="FILE", help="SSH key to log in with (default: your agent and keys)"
    )
    new.add_argument("--directory", default=DIRECTORY, help="below the home there (default: %(default)s)")
    new.add_argument(
        "--python", metavar="PATH", help="an interpreter there that has our packages; no environment is made"
    )
    new.add_argument("--model", metavar="DIR", help="the checkpoint that the host has (default: the tiny one is sent)")
    new.add_argument("--index", metavar="URL", help="a second package index for the host's pip")
    new.add_argument("--without-torch", action="store_true", help="enough for doctor and shipping, not for training")
    new.add_argument(
        "--token-on-host", action="store_true", help="its owner put the token into DIRECTORY/admission_token"
    )
    new.add_argument("--look", action="store_true", help="look only: send nothing, keep nothing")
    new.set_defaults(act=lambda options: guarded(add_host(options)))
    every = acts.add_parser("list", help="name, where, its key, and the code that it was given")
    every.set_defaults(act=list_hosts)
    doctor = acts.add_parser("doctor", help="look again, and say what to do; exit 0 when nothing stands in the way")
    doctor.add_argument("name", nargs="*", help="which (default: all)")
    doctor.set_defaults(act=lambda options: guarded(examine(options)))


def guarded(work: Coroutine[object, object, int]) -> int:
    """Host trouble is told in one line. Ctrl-C leaves a half-made folder that nothing uses, and says so."""
    try:
        return asyncio.run(work)
    except HostError as error:
        print(f"swarm: {printable(str(error))}", file=sys.stderr)
        return 1
    except TimeoutError:
        print("swarm: the host took too long over a step; look at it there, then do the same again", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "swarm: left off; what was half made is not used, and the same command goes on from there", file=sys.stderr
        )
        return 130


@dataclass(frozen=True)
class Wish:
    """What the operator asked for, checked."""

    name: str
    destination: Destination
    target: SshTarget
    because: str


async def add_host(options: argparse.Namespace) -> int:
    wish = await _wish(options)
    wanted = Wanted(options.python is not None, not options.without_torch, our_versions())
    async with Login(wish.target) as login:
        print(f"{wish.name}: {login.endpoint}, host key {wish.target.host_key.get_fingerprint()}: {wish.because}")
        seen = await first_contact.look(
            login, directory=options.directory, ports=(AGENT_PORT,), python=options.python, model=options.model
        )
        if not print_checks(judge(seen, wanted)):
            print(f"{wish.name}: not added; mend what says NO, then do the same again", file=sys.stderr)
            return 1
        assert seen.sight is not None
        plan, model_dir = _plan(options, seen)
        held = frozenset((*seen.sight.held.runners, *seen.sight.held.models))
        print_plan(plan, held, seen.sight.held.venvs)
        if options.look:
            return 0
        await first_contact.install(login, plan, held, _narrate)
    code = _package_dir(plan)
    identity = await first_contact.identify(wish.target, plan.runs_with, code)
    again = f"swarm host add {wish.name}"
    if not print_checks(judge_code(identity, sources_sha256(), wanted.ours, again)):
        return 1
    place = HostBook(host_home()).keep(_entry(options, wish, seen, plan, model_dir))
    print(f"ready: swarm run --remote {wish.name}   ({place})")
    return 0


async def _wish(options: argparse.Namespace) -> Wish:
    if not is_name(options.name):
        raise UsageError(f"host add: expected a name of letters, digits, . _ and -, got {options.name!r:.80}")
    try:
        destination = Destination.parse(options.destination or options.name, _config_files(options.ssh_config))
    except ValueError as error:
        raise UsageError(f"host add: {error}") from error
    if options.identity is not None and not options.identity.is_file():
        raise UsageError(f"--identity {options.identity}: expected a private key file, got none")
    key, because = await believed_key(destination, options.fingerprint)
    target = SshTarget(
        address=destination.host,
        port=destination.port,
        host_key=key,
        client_key=str(options.identity.absolute()) if options.identity else None,
        username=destination.username,
        config=destination.config,
        fix=mend_key(options.name, options.destination or options.name, because),
    )
    return Wish(options.name, destination, target, because)


def _config_files(given: Path | None) -> tuple[str, ...]:
    path = given.absolute() if given is not None else Path("~/.ssh/config").expanduser()
    if given is not None and not path.is_file():
        raise UsageError(f"--ssh-config {given}: expected a file, got none")
    return (str(path),) if path.is_file() else ()


def _plan(options: argparse.Namespace, seen: Look) -> tuple[Plan, str]:
    """And where the checkpoint lies on the host."""
    assert seen.sight is not None
    trees: tuple[Tree, ...] = (runners_tree(),)
    if options.model is None:
        model = model_tree(data_dir("fixtures") / "swarm" / "base")
        trees, model_dir = (*trees, model), f"{seen.sight.directory}/models/{model.name}"
    else:
        model_dir = options.model
        if not model_dir.startswith("/"):
            raise UsageError(f"--model: expected an absolute path on the host, got {model_dir!r:.120}")
    needs = None if options.python is not None else requirements(training=not options.without_torch)
    return Plan(seen.sight.directory, trees, needs, options.python, options.index), model_dir


def _package_dir(plan: Plan) -> str:
    return f"{plan.directory}/runners/{sources_sha256()}"


def _narrate(text: str) -> None:
    print(f"  {text}", file=sys.stderr)


def _entry(options: argparse.Namespace, wish: Wish, seen: Look, plan: Plan, model_dir: str) -> KnownHost:
    assert seen.sight is not None
    return KnownHost.seal(
        name=wish.name,
        destination=wish.destination.host,
        username=wish.destination.username,
        port=wish.destination.port,
        ssh_config=wish.destination.config,
        client_key_path=wish.target.client_key,
        host_key=wish.target.host_key.export_public_key().decode().strip(),
        believed_because=wish.because,
        home=seen.sight.home,
        directory=plan.directory,
        python=plan.runs_with,
        runners_sha256=sources_sha256(),
        model_dir=model_dir,
        token_custody="proved" if options.token_on_host else "handed_over",
        added_wall_ms=Clock().wall_ms(),
    )


def our_versions() -> dict[str, str]:
    found = {}
    for name in (*NEEDED_PACKAGES, *TRAINING_PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def list_hosts(_: argparse.Namespace) -> int:
    book = HostBook(host_home())
    ours = sources_sha256()
    for name in book.names():
        host = book.get(name)
        code = "as here" if host.runners_sha256 == ours else f"older: swarm host add {name} {host.where}"
        key = pinned_key(host.host_key).get_fingerprint()
        print(f"{name:<20} {host.where:<30} {key}  code {host.runners_sha256[:12]} ({code})")
    if not book.names():
        print("no host yet: swarm host add NAME [user@]host[:port]", file=sys.stderr)
    return 0


async def examine(options: argparse.Namespace) -> int:
    book = HostBook(host_home())
    print("this machine")
    print_checks((judge_overlays(overlays_here()),))
    worst = 0
    for name in options.name or book.names():
        host = book.get(name)
        print(f"{name}: {host.where}")
        try:
            sound = print_checks(await diagnose(host))
        except HostError as error:
            print_checks((Check("reached", False, True, str(error), "a login with the pinned key"),))
            sound = False
        worst = worst if sound else 1
    return worst


async def diagnose(host: KnownHost) -> tuple[Check, ...]:
    """As `add` looked, and whether what was put there still runs and is what this machine runs."""
    target = target_of_known(host)
    made_here = host.python.startswith(f"{host.directory}/venvs/")
    ours = our_versions()
    async with Login(target) as login:
        seen = await first_contact.look(
            login,
            directory=host.directory,
            ports=(AGENT_PORT,),
            python=None if made_here else host.python,
            model=host.model_dir,
        )
    checks = judge(seen, Wanted(given_python=True, training=False, ours=ours), installing=False)
    again = f"swarm host add {host.name} {host.where}"
    try:
        identity = await first_contact.identify(target, host.python, host.package_dir)
    except HostError as error:
        return (*checks, Check("code", False, True, str(error)[:400], "the runners that were sent", again))
    return (*checks, *judge_code(identity, sources_sha256(), ours, again))


def target_of_known(host: KnownHost) -> SshTarget:
    return SshTarget(
        address=host.destination,
        port=host.port,
        host_key=pinned_key(host.host_key),
        client_key=host.client_key_path,
        username=host.username,
        config=host.ssh_config,
        fix=host.fix,
    )
