"""What contributions are judged by in these tests."""

from runners.contract.lane import Governance, PairTolerance

GOVERNANCE = Governance(
    replay_backend="reference", tolerances=(), same_backend_exact=True,
    delta_norm_bound=1000.0, minimum_improvement=0.05, publication="never_automatic",
)  # fmt: skip
TOLERANCE = PairTolerance(
    contributor="torch", replay="reference", relative_bound=1e-4, delta_floor=0.0, moment_floor=0.0, loss_bound=1e-4
)
