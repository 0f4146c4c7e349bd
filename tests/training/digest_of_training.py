"""Run as a process of its own: trains a fixed problem and prints the sha256 of the adapter's bytes.

`python -m tests.training.digest_of_training <backend> <steps>`
"""

import hashlib
import sys

from runners.contract.jobs import BackendName
from runners.training.adapter_file import adapter_bytes
from runners.training.backend import ignore_step
from runners.training.backends import load
from tests.training.problems import job


def digest_of_training(name: BackendName, steps: int, *, threads: int = 1) -> str:
    result = load(name, threads=threads, chunk_tokens=48).train(job(steps), ignore_step)
    return hashlib.sha256(adapter_bytes(result.adapter)).hexdigest()


if __name__ == "__main__":
    chosen: BackendName = "mlx" if sys.argv[1] == "mlx" else "torch"
    print(digest_of_training(chosen, int(sys.argv[2])))
