"""What code a host runs, in its own words."""

from runners.contract.document import Word
from runners.contract.names import Label, Sha256


class PackageVersion(Word):
    name: Label
    version: Label | None  # None: not installed


class RunnersIdentity(Word):
    """The answer of `python -m runners identify`: the package that answers has hashed its own sources."""

    runners_sha256: Sha256  # as receipts have it
    python: Label
    platform: Label
    packages: tuple[PackageVersion, ...]


NEEDED_PACKAGES = ("asyncssh", "cryptography", "numpy", "psutil", "pydantic", "rfc8785", "safetensors")
TRAINING_PACKAGES = ("nvidia-ml-py", "torch")  # of a Linux host; the first only asks NVIDIA's driver
