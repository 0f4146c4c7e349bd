"""`identify`: which sources run here, under which Python, with which packages."""

import platform
from importlib.metadata import PackageNotFoundError, version

from runners.contract.identity import NEEDED_PACKAGES, TRAINING_PACKAGES, PackageVersion, RunnersIdentity
from runners.contract.names import as_label
from runners.records.sources import sources_sha256


def identify() -> RunnersIdentity:
    return RunnersIdentity(
        runners_sha256=sources_sha256(),
        python=as_label(f"{platform.python_implementation()}@{platform.python_version()}"),
        platform=as_label(platform.platform()),
        packages=tuple(
            PackageVersion(name=name, version=_version(name)) for name in (*NEEDED_PACKAGES, *TRAINING_PACKAGES)
        ),
    )


def _version(name: str) -> str | None:
    try:
        return as_label(version(name))
    except PackageNotFoundError:
        return None
