"""AdamW as torch.optim.AdamW computes it, in plain arithmetic, so that all backends share one."""

from collections.abc import Callable
from typing import Any

from runners.contract.lane import RecipeContract

Array = Any  # of NumPy, torch or MLX


class AdamW:
    """One parameter's moments. Bias correction is on, decay is decoupled, epsilon stands outside the root."""

    def __init__(
        self, mean: Array, square: Array, steps_done: int, recipe: RecipeContract, sqrt: Callable[[Array], Array]
    ) -> None:
        self.mean = mean
        self.square = square
        self.steps = steps_done
        self._recipe = recipe
        self._sqrt = sqrt

    def update(self, weight: Array, gradient: Array) -> Array:
        """The weight after one more step."""
        recipe = self._recipe
        self.steps += 1
        self.mean = self.mean + (gradient - self.mean) * (1 - recipe.beta1)
        self.square = self.square * recipe.beta2 + (gradient * gradient) * (1 - recipe.beta2)
        first = 1 - recipe.beta1**self.steps
        second = 1 - recipe.beta2**self.steps
        denominator = self._sqrt(self.square) / second**0.5 + recipe.epsilon
        decayed = weight * (1 - recipe.learning_rate * recipe.weight_decay)
        return decayed - (self.mean / denominator) * (recipe.learning_rate / first)
