"""Logits, and what a softmax over whole rows makes of them."""

import torch
from torch import Tensor

from runners.training.torch_softmax import ChunkSoftmax

# One token, one word, one less and one more than a tile and than a strip of tiles, ranks that are no power of 2.
SHAPES = [
    (5, 700, 8, 1.0), (16, 1024, 16, 8.0), (1, 1, 1, 1.0), (64, 33, 5, 1.0), (3, 130, 100, 1.0), (65, 2500, 3, 30.0),
    (33, 2049, 20, 3.0),
]  # fmt: skip


def problem(tokens: int, vocabulary: int, rank: int, spread: float) -> tuple[Tensor, Tensor, Tensor]:
    """Logits [n, V], s u [n, r] and B [V, r], with rows whose blocks' maxima lie far apart."""
    random = torch.Generator().manual_seed(tokens * vocabulary + rank)
    logits = torch.randn((tokens, vocabulary), generator=random) * spread
    logits[:, : vocabulary // 2] -= 4 * spread
    return logits, torch.randn((tokens, rank), generator=random), torch.randn((vocabulary, rank), generator=random) / 4


def expect_whole_rows(softmax: ChunkSoftmax, logits: Tensor, scaled_u: Tensor, b: Tensor) -> None:
    """Z, G and the gradient of B, each relative to the largest of its values."""
    whole = logits.double() + scaled_u.double() @ b.double().T
    probabilities = whole.softmax(dim=1)
    log_total = softmax.total.double().log() + softmax.top.double()
    torch.testing.assert_close(log_total, whole.logsumexp(dim=1), rtol=1e-6, atol=1e-6)
    mean_of_b = (softmax.weighted / softmax.total[:, None]).double()
    torch.testing.assert_close(mean_of_b, probabilities @ b.double(), rtol=1e-5, atol=1e-6)
    grad_b = torch.ones_like(b)  # is added to
    softmax.add_gradient(grad_b, scaled_u / softmax.total[:, None])
    torch.testing.assert_close(grad_b.double() - 1, probabilities.T @ scaled_u.double(), rtol=1e-5, atol=1e-5)
