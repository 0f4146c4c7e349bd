"""AdamW as torch.optim.AdamW computes it, in plain arithmetic, so that all backends share one."""

from collections.abc import Callable
from typing import Any

from runners.contract.lane import RecipeContract

Array = Any  # of NumPy, torch or MLX


class AdamW:
    """One parameter's moments. Bias correction is on, decay is decoupled, epsilon stands outside the root."""

    def __init__(self, zeros: Array, recipe: RecipeContract, sqrt: Callable[[Array], Array]) -> None:
        self.mean = zeros
        self.square = zeros * 1  # an array of its own: both change in place
        self.steps = 0
        self._recipe = recipe
        self._sqrt = sqrt

    def update(self, weight: Array, gradient: Array) -> Array:
        """The weight after one more step, in its own memory where the library has that; the gradient is used up."""
        recipe = self._recipe
        self.steps += 1
        self.mean += (gradient - self.mean) * (1 - recipe.beta1)
        gradient *= gradient
        gradient *= 1 - recipe.beta2
        self.square *= recipe.beta2
        self.square += gradient
        first = 1 - recipe.beta1**self.steps
        second = 1 - recipe.beta2**self.steps
        change = self._sqrt(self.square)
        change /= second**0.5
        change += recipe.epsilon
        change = self.mean / change
        change *= recipe.learning_rate / first
        weight *= 1 - recipe.learning_rate * recipe.weight_decay
        weight -= change
        return weight
