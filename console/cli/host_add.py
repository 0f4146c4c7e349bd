"""`swarm host add`: from a login on a bare host to one that provably runs our code."""

import argparse
import asyncio
import re
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import asyncssh

from console.cli.errors import UsageError
from console.cli.host_report import print_checks, print_plan
from console.cli.start_options import host_home
from console.hosts import first_contact
from console.hosts.destination import Destination, believed_key
from console.hosts.errors import HostKeyUnknown
from console.hosts.first_contact import Plan
from console.hosts.host_book import HostBook, KnownHost, is_name, mend_key
from console.hosts.host_checks import Wanted, judge, judge_code
from console.hosts.login import Login
from console.hosts.outfit import Tree, model_tree, requirements, runners_tree
from console.hosts.sight import Look
from console.hosts.ssh_target import SshTarget
from console.places import data_dir
from runners.contract.identity import NEEDED_PACKAGES, TRAINING_PACKAGES
from runners.records.clock import Clock
from runners.records.sources import sources_sha256

DIRECTORY = ".swarm"
AGENT_PORT = 34101
PYTHON = re.compile(r"(~?/)?[^\x00-\x1f\x7f~-][^\x00-\x1f\x7f]{0,1000}")


def add_options(new: argparse.ArgumentParser) -> None:
    new.description = (
        "Looks first and says what it saw. Then sends the runners' source and a checkpoint below one folder of yours "
        "there, named by their digests, and lets the host make a virtual environment; nothing else is touched. The "
        "host's key must stand in your known_hosts, or you give the fingerprint that its screen shows. Done again, "
        "only what changed is sent, and what you don't say is as it was the last time."
    )
    new.add_argument("name", help="what to call it: `swarm run --remote NAME`, or the host_alias of a lane")
    new.add_argument("destination", nargs="?", metavar="[user@]host[:port]", help="default: NAME, as ssh(1) takes it")
    new.add_argument("--fingerprint", metavar="SHA256:...", help="of its host key, read on the host itself")
    new.add_argument("--ssh-config", type=Path, metavar="FILE", help="instead of ~/.ssh/config: aliases, jumps, keys")
    new.add_argument("--identity", type=Path, metavar="FILE", help="SSH key to log in with (default: agent and keys)")
    new.add_argument("--directory", help=f"below the home there (default: {DIRECTORY})")
    new.add_argument(
        "--python", metavar="PATH", help="a Python there (~/venv/bin/python) that has our packages: installs none"
    )
    new.add_argument("--model", metavar="DIR", help="the checkpoint that the host has (default: the tiny one is sent)")
    new.add_argument("--index", metavar="URL", help="a second package index for the host's pip")
    new.add_argument("--without-torch", action="store_true", help="enough for doctor and shipping, not for training")
    new.add_argument(
        "--token-on-host",
        action=argparse.BooleanOptionalAction,
        help="its owner put the admission token into DIRECTORY/admission_token",
    )
    new.add_argument("--look", action="store_true", help="look only: send nothing, keep nothing")


@dataclass(frozen=True)
class Wish:
    """What the operator asked for, now or the last time, checked."""

    name: str
    destination: Destination
    identity: str | None
    directory: str
    python: str | None
    model: str | None
    token_on_host: bool
    before: KnownHost | None

    @property
    def where(self) -> str:
        host = self.destination
        return (f"{host.username}@" if host.username else "") + host.host + (f":{host.port}" if host.port else "")


def wish_of(options: argparse.Namespace) -> Wish:
    """Raises UsageError."""
    if not is_name(options.name):
        raise UsageError(f"host add: expected a name of letters, digits, . _ and -, got {options.name!r:.80}")
    book = HostBook(host_home())
    before = book.get(options.name) if book.has(options.name) else None
    if options.identity is not None and not options.identity.is_file():
        raise UsageError(f"--identity {options.identity}: expected a private key file, got none")
    if options.python is not None and not PYTHON.fullmatch(options.python):
        raise UsageError(
            f"--python: expected a path on the host, absolute or from ~/, or a command, got {options.python!r:.120}"
        )
    if options.model is not None and not options.model.startswith("/"):
        raise UsageError(f"--model: expected an absolute path on the host, got {options.model!r:.120}")
    identity = str(options.identity.absolute()) if options.identity else None
    if before is None:
        directory, python, model, token = DIRECTORY, None, None, False
    else:
        identity, directory = identity or before.client_key_path, before.directory
        python = None if before.made_its_environment else before.python
        model = None if before.has_our_model else before.model_dir
        token = before.token_custody == "proved"  # noqa: S105 - a word of the contract
    return Wish(
        options.name,
        _destination(options, before),
        identity,
        options.directory or directory,
        options.python or python,
        options.model or model,
        token if options.token_on_host is None else options.token_on_host,
        before,
    )


def _destination(options: argparse.Namespace, before: KnownHost | None) -> Destination:
    if options.ssh_config is not None and not options.ssh_config.is_file():
        raise UsageError(f"--ssh-config {options.ssh_config}: expected a file, got none")
    usual = Path("~/.ssh/config").expanduser()
    config: tuple[str, ...] = (str(usual),) if usual.is_file() else ()
    if options.ssh_config is not None:
        config = (str(options.ssh_config.absolute()),)
    elif before is not None:
        config = before.ssh_config
    if options.destination is None and before is not None:
        return Destination(before.destination, before.username, before.port, config)
    try:
        return Destination.parse(options.destination or options.name, config)
    except ValueError as error:
        raise UsageError(f"host add: {error}") from error


async def add_host(options: argparse.Namespace) -> int:
    wish = wish_of(options)
    key, because = await _key_of(wish, options.fingerprint)
    target = SshTarget(
        address=wish.destination.host,
        port=wish.destination.port,
        host_key=key,
        client_key=wish.identity,
        username=wish.destination.username,
        config=wish.destination.config,
        fix=mend_key(wish.name, because),
    )
    wanted = Wanted(wish.python is not None, not options.without_torch, our_versions())
    async with Login(target) as login:
        print(f"{wish.name}: {login.endpoint}, host key {key.get_fingerprint()}: {because}")
        seen = await first_contact.look(
            login, directory=wish.directory, ports=(AGENT_PORT,), python=wish.python, model=wish.model
        )
        if not print_checks(judge(seen, wanted)):
            print(f"{wish.name}: not added; mend what says NO, then do the same again", file=sys.stderr)
            return 1
        assert seen.sight is not None
        plan, model_dir = _plan(wish, options, seen)
        held = frozenset((*seen.sight.held.runners, *seen.sight.held.models))
        print_plan(plan, held, seen.sight.held.venvs)
        if options.look:
            return 0
        await first_contact.install(login, plan, held, lambda text: print(f"  {text}", file=sys.stderr))
    entry = _entry(wish, target, because, seen, plan, model_dir)
    identity = await first_contact.identify(target, entry.python, entry.package_dir)
    if not print_checks(judge_code(identity, sources_sha256(), wanted.ours, f"swarm host add {wish.name}")):
        return 1
    place = await asyncio.to_thread(HostBook(host_home()).keep, entry)
    print(f"ready: swarm run --remote {wish.name}   ({place})")
    return 0


async def _key_of(wish: Wish, fingerprint: str | None) -> tuple[asyncssh.SSHKey, str]:
    """As known_hosts or the operator have it; where both are silent, the one that was pinned the last time."""
    try:
        return await believed_key(wish.destination, fingerprint)
    except HostKeyUnknown as error:
        if wish.before is None or wish.before.fingerprint != error.got:
            raise
        return wish.before.pinned, wish.before.believed_because


def _plan(wish: Wish, options: argparse.Namespace, seen: Look) -> tuple[Plan, str]:
    """And where the checkpoint lies on the host."""
    assert seen.sight is not None
    trees: tuple[Tree, ...] = (runners_tree(),)
    if wish.model is None:
        model = model_tree(data_dir("fixtures") / "swarm" / "base")
        trees, model_dir = (*trees, model), f"{seen.sight.directory}/models/{model.name}"
    else:
        model_dir = wish.model
    if wish.python is not None:
        return Plan(seen.sight.directory, trees, None, seen.sight.executable, options.index), model_dir
    needs = requirements(training=not options.without_torch)
    return Plan(seen.sight.directory, trees, needs, None, options.index), model_dir


def _entry(wish: Wish, target: SshTarget, because: str, seen: Look, plan: Plan, model_dir: str) -> KnownHost:
    assert seen.sight is not None
    return KnownHost.seal(
        name=wish.name,
        destination=wish.destination.host,
        username=wish.destination.username,
        port=wish.destination.port,
        ssh_config=wish.destination.config,
        client_key_path=wish.identity,
        host_key=target.host_key.export_public_key().decode().strip(),
        believed_because=because,
        home=seen.sight.home,
        directory=plan.directory,
        python=plan.runs_with,
        runners_sha256=sources_sha256(),
        model_dir=model_dir,
        token_custody="proved" if wish.token_on_host else "handed_over",
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
