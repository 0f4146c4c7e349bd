"""A host as it is seen in one look, sound or changed in one thing; no host is there."""

from dataclasses import replace

from console.hosts.host_checks import Wanted
from console.hosts.sight import Gpus, Held, Look, Sight
from runners.contract.identity import NEEDED_PACKAGES

GIB = 1024**3
OURS = dict.fromkeys((*NEEDED_PACKAGES, "torch"), "1.0")
BARE = Wanted(given_python=False, training=True, ours=OURS)
GIVEN = Wanted(given_python=True, training=True, ours=OURS)
SIGHT = Sight(
    python=(3, 11, 2),
    executable="/usr/bin/python3",
    venv=True,
    system="Linux",
    machine="x86_64",
    home="/users/ann",
    directory="/users/ann/.swarm",
    directory_trouble=None,
    disk_free_bytes=50 * GIB,
    inodes_free=1_000_000,
    memory_bytes=32 * GIB,
    gpus=Gpus(lines=("NVIDIA GeForce RTX 4080, 570.1, 16376 MiB",)),
    ports={"34101": None},
    versions={**OURS, "nvidia-ml-py": None},
    systemd_user=True,
    model_trouble=None,
    held=Held(runners=(), models=(), venvs=()),
    wall_ms=1,
)
LOOK = Look(SIGHT, noise="", offset_ms=3, rtt_ms=1.0)


def seen(**changes: object) -> Look:
    return replace(LOOK, sight=SIGHT.model_copy(update=changes))
