"""Writes the locks from the environment that runs it: `make lock`, after something was installed or upgraded in .venv.

A lock holds what `pyproject.toml` asks for and everything that those packages ask for in turn, read from the metadata
of what is installed here. The other platform's lock is made from the same metadata with its markers, so it is
consistent on paper and not more than that.
"""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final, cast

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER: Final = Path(__file__).resolve().parent
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")  # a lock serves every Python that set-up accepts
PLATFORMS: Final = {
    "linux-x86_64": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    "macos-arm64": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
}
HEADERS: Final = {
    "linux-x86_64": """\
# Lock for Linux on x86_64: exact versions of everything that set-up installs. Verified with CPython 3.11.
# Written by `make lock`, installed by `make run`, `make console` and `make test` (pip, with dependencies).
#
# torch: PyPI's wheel for Linux asks for the CUDA libraries it was built with and pins them itself, so they are not
# listed here, and this file must not be installed with --no-deps. A CPU wheel (2.13.0+cpu) satisfies the same line
# where pip is configured to find one; it asks for none of them.
""",
    "macos-arm64": """\
# Lock for macOS on Apple Silicon: exact versions of everything that set-up installs.
#
# NOT VERIFIED: no Mac was at hand. `make lock` derived it on Linux from the metadata of the Linux lock's packages with
# macOS's markers. Seen from Linux: pip finds a wheel for macOS 14 on arm64 and CPython 3.11 to 3.14 for every line, and
# uv resolves it there to exactly these lines. Not verified: that pip installs it on a Mac, that the imports work there,
# MLX on Metal, the tests.
""",
}


def roots() -> list[Requirement]:
    """What `pyproject.toml` names: run, train and dev together."""
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return [Requirement(text) for text in (*project["dependencies"], *extras["train"], *extras["dev"])]


def applies(requirement: Requirement, platform: str, extras: frozenset[str]) -> bool:
    """On any of the Pythons, for any of the extras that were asked for."""
    if requirement.marker is None:
        return True
    environment = {**cast("dict[str, str]", default_environment()), **PLATFORMS[platform]}
    return any(
        requirement.marker.evaluate(
            {**environment, "python_version": python, "python_full_version": f"{python}.0", "extra": extra}
        )
        for python in PYTHONS
        for extra in (extras or {""})
    )


def pins(platform: str) -> dict[str, str]:
    """Name to its line of the lock. Exits when something is neither installed here nor pinned by who asks for it."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [requirement for requirement in roots() if applies(requirement, platform, frozenset())]
    while todo:
        wanted = todo.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        spelled = f"{name}[{','.join(sorted(extras))}]" if extras else name
        try:
            package = distribution(name)
        except PackageNotFoundError:
            found[name] = f"{spelled}=={_own_pin(wanted, platform)}"
            continue
        if extras or name not in found:
            # 2.13.0+cpu is this machine's build of 2.13.0
            found[name] = f"{spelled}=={package.version.partition('+')[0]}"
        asked = (Requirement(text) for text in package.requires or ())
        todo += [requirement for requirement in asked if applies(requirement, platform, extras)]
    return found


def _own_pin(wanted: Requirement, platform: str) -> str:
    exact = [part.version for part in wanted.specifier if part.operator == "=="]
    if len(exact) != 1:
        sys.exit(
            f"locks: {platform}: expected {wanted} to be installed here, got nothing; install it, then `make lock`"
        )
    return exact[0]


def write(platform: str) -> Path:
    lines = [f"{pin}\n" for _, pin in sorted(pins(platform).items())]
    target = FOLDER / f"{platform}.txt"
    target.write_text(HEADERS[platform] + "".join(lines))
    return target


if __name__ == "__main__":
    for platform in PLATFORMS:
        print(write(platform))
