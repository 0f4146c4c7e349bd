"""AdamW of both factors in torch: B by pieces, so that what an update needs meanwhile stays in the cache."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from runners.contract.lane import RecipeContract
from runners.training.adamw import AdamW
from runners.training.backend import Moments
from runners.training.steps import Work
from runners.training.torch_threads import BlockThreads

PIECE_ROWS = 4096


class TorchAdamW:
    """Changes A and B in place. Not torch.optim: making one imports torch's compiler, which takes as long as importing
    torch."""

    def __init__(self, a: Tensor, b: Tensor, work: Work, recipe: RecipeContract, threads: BlockThreads) -> None:
        self._a, self._threads = a, threads
        self.grad_a, self.grad_b = torch.zeros_like(a), torch.zeros_like(b)
        kept = work.moments
        if kept is None:
            self._moments = tuple(torch.zeros_like(each) for each in (a, a, b, b))
        else:
            held = (kept.mean_a, kept.square_a, kept.mean_b, kept.square_b)
            self._moments = tuple(torch.tensor(each, device=a.device) for each in held)
        mean_a, square_a, mean_b, square_b = self._moments
        self._of_a = AdamW(mean_a, square_a, work.steps_done, recipe, torch.sqrt)
        rows = PIECE_ROWS if a.device.type == "cpu" else len(b)  # a card is told all of it at once
        pieces = zip(*(torch.split(each, rows) for each in (mean_b, square_b, b, self.grad_b)), strict=True)
        self._of_b = tuple(
            (AdamW(mean, square, work.steps_done, recipe, torch.sqrt), part, grad)
            for mean, square, part, grad in pieces
        )

    def clear(self) -> None:
        """Gradients of nothing yet."""
        self.grad_a.zero_()
        self.grad_b.zero_()

    def update(self) -> None:
        """By the gradients, which are used up."""
        self._of_a.update(self._a, self.grad_a)
        self._threads.each(len(self._of_b), self._update_piece)

    def _update_piece(self, index: int) -> None:
        adam, part, grad = self._of_b[index]
        adam.update(part, grad)

    def moments(self) -> Moments:
        return Moments(*(to_host(each) for each in self._moments))


def to_host(values: Tensor) -> npt.NDArray[np.float32]:
    copy: npt.NDArray[np.float32] = values.cpu().numpy().copy()
    return copy
