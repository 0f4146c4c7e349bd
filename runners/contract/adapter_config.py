"""`adapter_config.json` as PEFT reads it: complete, because PEFT's own defaults for rank and alpha are silently 8."""

from runners.contract.canonical import parse_strict, readable_bytes
from runners.contract.errors import MalformedBytes

TARGET_MODULES = ("lm_head",)


def adapter_config_bytes(*, rank: int, alpha: float, base_label: str) -> bytes:
    """Equal arguments give equal bytes. `base_label` names the base model and is never a path of a machine."""
    return readable_bytes(
        {
            "auto_mapping": None,
            "base_model_name_or_path": base_label,
            "bias": "none",
            "fan_in_fan_out": False,
            "inference_mode": True,
            "init_lora_weights": True,
            "lora_alpha": int(alpha) if alpha == int(alpha) else alpha,  # PEFT declares an integer
            "lora_dropout": 0.0,
            "modules_to_save": None,
            "peft_type": "LORA",
            "r": rank,
            "rank_pattern": {},
            "alpha_pattern": {},
            "revision": None,
            "target_modules": list(TARGET_MODULES),
            "task_type": "CAUSAL_LM",
            "use_dora": False,
            "use_rslora": False,
        }
    )


def read_adapter_config(raw: bytes, *, name: str) -> tuple[int, float]:
    """Rank and alpha. Raises MalformedBytes unless it is the configuration that this project writes."""
    body = parse_strict(raw, limit=64 * 1024)
    if not isinstance(body, dict):
        raise MalformedBytes(f"{name}: expected a JSON object, got {type(body).__name__}")
    rank, alpha, label = body.get("r"), body.get("lora_alpha"), body.get("base_model_name_or_path")
    whole = isinstance(rank, int) and not isinstance(rank, bool) and rank > 0
    number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
    if not (whole and number and isinstance(label, str)):
        raise MalformedBytes(f"{name}: expected r, lora_alpha and a base label, got {rank!r}, {alpha!r}, {label!r:.80}")
    assert isinstance(rank, int)
    assert isinstance(alpha, int | float)
    if raw != adapter_config_bytes(rank=rank, alpha=float(alpha), base_label=label):
        raise MalformedBytes(f"{name}: expected a plain LoRA of lm_head in its stored form, got another configuration")
    return rank, float(alpha)
