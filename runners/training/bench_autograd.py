"""What a person would otherwise pick in torch: PEFT, PEFT by chunks, Liger's fused loss."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from runners.training.backend import AdapterWeights, TrainingJob
from runners.training.bench_lmhead import Step
from runners.training.errors import BackendUnavailable

Trained = Callable[[], AdapterWeights]


class HeadOnly(nn.Module):
    """A model that is nothing but its LM head, so that PEFT's own LoRA layer wraps it."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.lm_head = nn.Linear(1, 1, bias=False)
        self.lm_head.in_features, self.lm_head.out_features = weight.shape[1], weight.shape[0]
        self.lm_head.weight = nn.Parameter(weight, requires_grad=False)


def peft_step(
    weight: Tensor, h: Tensor, targets: Tensor, problem: TrainingJob, chunk_tokens: int
) -> tuple[Step, Trained]:
    """The adapter is f32 whatever W and h are; PEFT adds its f32 product to the base's result."""
    from peft import LoraConfig, inject_adapter_in_model

    model = HeadOnly(weight)
    adapter = problem.adapter
    config = LoraConfig(r=adapter.rank, lora_alpha=int(adapter.alpha), target_modules=["lm_head"])
    inject_adapter_in_model(config, model)
    a, b = (getattr(model.lm_head, part)["default"].weight for part in ("lora_A", "lora_B"))
    a.data = torch.tensor(problem.initial.a, device=h.device)
    b.data = torch.tensor(problem.initial.b, device=h.device)
    optimizer = _adamw(a, b, problem)

    def step() -> None:
        optimizer.zero_grad()
        for part, wanted in zip(torch.split(h, chunk_tokens), torch.split(targets, chunk_tokens), strict=True):
            loss = nn.functional.cross_entropy(model.lm_head(part).float(), wanted, reduction="sum") / len(h)
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step, lambda: _on_host(a, b)


def liger_step(weight: Tensor, h: Tensor, targets: Tensor, problem: TrainingJob) -> tuple[Step, Trained]:
    """Its kernel knows one weight [V, d], so the adapter is merged into it, and its gradient [V, d] comes back."""
    try:
        from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss
    except ImportError as error:
        raise BackendUnavailable(
            f"bench: expected Liger's kernels, got {error}; install liger-kernel, or leave liger out of --only"
        ) from error
    fused = LigerFusedLinearCrossEntropyLoss(reduction="mean")
    a = torch.tensor(problem.initial.a, device=h.device, requires_grad=True)
    b = torch.tensor(problem.initial.b, device=h.device, requires_grad=True)
    optimizer = _adamw(a, b, problem)

    def step() -> None:
        optimizer.zero_grad()
        merged = torch.addmm(weight, b, a, alpha=problem.scale)
        fused(merged, h, targets).backward()
        optimizer.step()

    return step, lambda: _on_host(a, b)


def _adamw(a: Tensor, b: Tensor, problem: TrainingJob) -> torch.optim.AdamW:
    recipe = problem.recipe
    return torch.optim.AdamW(
        [a, b],
        lr=recipe.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        eps=recipe.epsilon,
        weight_decay=recipe.weight_decay,
    )


def _on_host(a: Tensor, b: Tensor) -> AdapterWeights:
    return AdapterWeights(a.detach().cpu().numpy().copy(), b.detach().cpu().numpy().copy())
