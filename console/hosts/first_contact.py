"""From a login on a bare host to one that runs our code: look, send what is missing, and prove what runs."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from console.hosts.errors import FirstContactFailed
from console.hosts.line_conversation import printable
from console.hosts.login import Login
from console.hosts.outfit import Requirements, Tree
from console.hosts.sight import Look, Sight, Told
from console.hosts.ssh_host import SshHost
from console.hosts.ssh_target import SshTarget, runners_command
from runners.contract.document import word_from_json
from runners.contract.errors import ContractError
from runners.contract.identity import NEEDED_PACKAGES, TRAINING_PACKAGES, RunnersIdentity

LOOK_S = 60.0
FORGET_S = 600.0  # tens of thousands of files of an environment, on a slow disk
INSTALL_S = 3600.0  # CUDA's libraries over a slow line
IDENTIFY_S = 60.0

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What an installation puts on a host. Without requirements nothing is installed: `python` serves as it is."""

    directory: str
    trees: tuple[Tree, ...]
    needs: Requirements | None
    python: str | None  # on the host
    index: str | None = None  # a second package index for the host's pip

    @property
    def runs_with(self) -> str:
        """The interpreter that verbs are run by."""
        if self.needs is not None:
            return f"{self.directory}/venvs/{self.needs.venv}/bin/python"
        assert self.python is not None
        return self.python


async def look(
    login: Login, *, directory: str, ports: tuple[int, ...], python: str | None, model: str | None = None
) -> Look:
    """Raises FirstContactFailed, LinkDown, MalformedBytes."""
    order: dict[str, object] = {
        "directory": directory,
        "ports": list(ports),
        "model": model,
        "packages": [*NEEDED_PACKAGES, *TRAINING_PACKAGES],
    }
    body: dict[str, object] | None = None
    received_ms = 0.0
    async with asyncio.timeout(LOOK_S):
        async for line in login.run("look.py", order, python=python):
            if body is not None:
                raise FirstContactFailed("look.py on the host: expected one line, got more")
            body, received_ms = line, time.time() * 1000
    assert body is not None
    sight = word_from_json(Sight, body) if body else None
    offset = int(sight.wall_ms - (received_ms - login.rtt_ms / 2)) if sight is not None else 0
    return Look(sight, login.noise, offset, login.rtt_ms)


async def install(login: Login, plan: Plan, held: frozenset[str], on_step: OnStep) -> None:
    """Sends only what isn't there by name; what is there and turns out to be spoiled is sent after all.

    Raises FirstContactFailed, LinkDown.
    """
    unsent = {tree.name for tree in plan.trees if tree.name in held}
    spoiled = await _install(login, plan, unsent, on_step)
    if spoiled:
        again = replace(plan, trees=tuple(tree for tree in plan.trees if tree.kind in spoiled), needs=None)
        if await _install(login, again, set(), on_step):
            raise FirstContactFailed("install.py on the host: expected what was sent to be whole, got it spoiled twice")


async def _install(login: Login, plan: Plan, unsent: set[str], on_step: OnStep) -> set[str]:
    """The kinds of tree that were there and weren't what their names say."""
    order: dict[str, Any] = {
        "directory": plan.directory,
        "trees": [tree.order(sent=tree.name not in unsent) for tree in plan.trees],
        "requirements": list(plan.needs.lines) if plan.needs else [],
        "venv": plan.needs.venv if plan.needs else "",
        "index": plan.index,
    }
    archives = tuple(tree.archive for tree in plan.trees if tree.name not in unsent)
    spoiled: set[str] = set()
    done = False
    async with asyncio.timeout(INSTALL_S):
        async for line in login.run("install.py", order, archives, plan.python):
            step = str(line.get("step"))
            done = done or step == "done"
            if step == "tree" and line.get("outcome") == "spoiled":
                spoiled.add(str(line.get("kind")))
            on_step(_told(step, line))
    if not done:
        raise FirstContactFailed("install.py on the host: expected it to come to its end, got no word of that")
    return spoiled


def _told(step: str, line: dict[str, object]) -> str:
    if step == "working":
        return printable(str(line.get("text")))[:300]
    if step in ("tree", "venv"):
        return printable(f"{line.get('kind', 'environment')}: {line.get('outcome')}")[:300]
    return printable(step)[:80]


@dataclass(frozen=True)
class Put:
    """A folder that a first contact left on a host, named by a digest."""

    kind: str
    name: str
    files: int
    size_bytes: int

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name


@dataclass(frozen=True)
class Left:
    """What is there of ours, or what was removed of it; and what else lies in that folder and stays."""

    found: tuple[Put, ...]
    removed: tuple[tuple[str, str], ...]
    stays: tuple[str, ...]


async def forget(login: Login, directory: str, gone: tuple[Put, ...] | None, *, python: str | None) -> Left:
    """Looks only, where `gone` is None; else removes these folders and no others.

    Raises FirstContactFailed, LinkDown.
    """
    order: dict[str, object] = {"directory": directory, "remove": None if gone is None else [item.key for item in gone]}
    async with asyncio.timeout(FORGET_S):
        said = [line async for line in login.run("forget.py", order, python=python)]
    if not said or said[-1].get("step") != "done":
        raise FirstContactFailed("forget.py on the host: expected it to come to its end, got no word of that")
    try:
        told = [word_from_json(Told, line) for line in said]
    except ContractError as error:
        raise FirstContactFailed(f"forget.py on the host: {error}") from error
    return Left(
        tuple(Put(str(one.kind), str(one.name), one.files, one.size_bytes) for one in told if one.step == "found"),
        tuple((str(one.kind), str(one.name)) for one in told if one.step == "removed"),
        told[-1].stays,
    )


async def identify(target: SshTarget, python: str, package_dir: str) -> RunnersIdentity:
    """What really runs there. It is that host's word: nobody else can look into it.

    Raises VerbFailed, MalformedBytes, LinkDown and as `connect`.
    """
    command = runners_command(python, package_dir)
    host = await SshHost.connect("host", replace(target, command_prefix=command, command_suffix="", sftp_root=""))
    try:
        async with asyncio.timeout(IDENTIFY_S), host.open("identify") as conversation:
            await conversation.end_input()
            identity = await conversation.receive(RunnersIdentity)
            await conversation.finish()
    finally:
        await host.close()
    return identity
