"""The same training as PEFT, torch's cross-entropy, autograd and torch's AdamW do it."""

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from runners.training.backend import AdapterWeights, TrainingJob


class HeadOnly(nn.Module):
    """A model that is nothing but its LM head, so that PEFT's own LoRA layer wraps it."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.lm_head = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        with torch.no_grad():
            self.lm_head.weight.copy_(weight)


def train_with_peft(job: TrainingJob) -> tuple[AdapterWeights, list[float]]:
    recipe = job.recipe
    torch.set_float32_matmul_precision("highest")
    model = HeadOnly(torch.from_numpy(job.head.weight_f32()))
    config = LoraConfig(
        r=job.adapter.rank, lora_alpha=int(job.adapter.alpha), lora_dropout=0.0, target_modules=["lm_head"]
    )
    inject_adapter_in_model(config, model)
    a, b = model.lm_head.lora_A["default"].weight, model.lm_head.lora_B["default"].weight  # type: ignore[index,union-attr]
    assert isinstance(a, nn.Parameter)
    assert isinstance(b, nn.Parameter)
    with torch.no_grad():
        a.copy_(torch.from_numpy(job.initial.a))
        b.copy_(torch.from_numpy(job.initial.b))
    optimizer = torch.optim.AdamW(
        [a, b],
        lr=recipe.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        eps=recipe.epsilon,
        weight_decay=recipe.weight_decay,
    )
    losses = []
    for batch in job.batches:
        rows = job.shard.rows(batch)
        logits = model.lm_head(torch.from_numpy(job.shard.hidden_f32(rows)))
        loss = nn.functional.cross_entropy(logits, torch.from_numpy(job.shard.targets[rows]).long())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    return AdapterWeights(a.detach().numpy().copy(), b.detach().numpy().copy()), losses
