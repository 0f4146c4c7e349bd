"""Triton's kernels by its interpreter: `TRITON_INTERPRET=1 python -m tests.training.kernels_interpreted`."""

import os

import torch

from runners.training.triton_softmax import TritonSoftmax
from tests.training.test_torch_softmax import SHAPES, expect_whole_rows, problem


def main() -> None:
    assert os.environ.get("TRITON_INTERPRET") == "1", "set TRITON_INTERPRET=1 before Triton is imported"
    for shape in SHAPES:
        logits, scaled_u, b = problem(*shape)
        expect_whole_rows(TritonSoftmax(logits.clone(), scaled_u, b), logits, scaled_u, b)
    print("shapes", len(SHAPES))
    logits, scaled_u, b = problem(*SHAPES[-1])
    gradients = []
    for _ in range(2):
        gradient = torch.zeros_like(b)
        TritonSoftmax(logits.clone(), scaled_u, b).add_gradient(gradient, scaled_u)
        gradients.append(gradient)
    print("repeated", "same" if torch.equal(*gradients) else "other")


if __name__ == "__main__":
    main()
