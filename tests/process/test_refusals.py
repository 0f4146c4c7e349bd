"""What leaves this host when something goes wrong."""

import errno
from pathlib import Path

import pytest
import torch

from runners.contract.errors import MalformedBytes
from runners.process.errors import Refused
from runners.process.refusals import detail_of, reason_of
from runners.process.settings import HostSettings
from runners.records.errors import AdmissionRefused
from runners.training.errors import InputMismatch

SETTINGS = HostSettings(home=Path("/srv/swarm"), run_root_setting=Path("/srv/swarm/runs/linux"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Refused("disk_full", ""), "disk_full"),
        (AdmissionRefused("admission_mac_mismatch", ""), "admission_mac_mismatch"),
        (MalformedBytes(""), "malformed_bytes"),
        (InputMismatch(""), "input_mismatch"),
        (OSError(), "os_error"),
        (MemoryError(), "enomem"),
        (torch.OutOfMemoryError("CUDA out of memory"), "enomem"),
        (OSError(errno.ENOSPC, "No space left on device"), "enospc"),
    ],
)
def test_each_error_has_one_word(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/srv/swarm/runs/linux/lock is held", "<run_root>/lock is held"),
        ("/srv/swarm/keys/a.pem: open", "<host_home>/keys/a.pem: open"),
        ("libcuda: '/usr/lib/x86/libcuda.so.1'", "libcuda: '…/libcuda.so.1'"),
        ("expected [2048, 4], got 3/4", "expected [2048, 4], got 3/4"),
        ("dataset://openagents/swarm/pairs", "dataset://openagents/swarm/pairs"),
    ],
)
def test_folders_of_this_host_are_not_told(text: str, told: str) -> None:
    assert detail_of(ValueError(text), SETTINGS) == told


def test_a_long_detail_is_cut() -> None:
    assert len(detail_of(ValueError("x" * 10**6), SETTINGS)) == 2000
