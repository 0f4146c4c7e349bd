"""Does an adapter folder do in PEFT what its factors say? Measured on the whole decoder, in f32 on the CPU."""

import json
import time
from pathlib import Path
from typing import Any

import peft
import torch
import transformers

from runners.contract.jobs import SmokeJob, SmokeResult
from runners.contract.plan import ADAPTER_CONFIG_FILE, ADAPTER_FILE, TENSOR_A, TENSOR_B
from runners.training.errors import CaptureError

LONGEST_PROMPT = 64


def smoke(job: SmokeJob) -> SmokeResult:
    """Raises CaptureError when base or adapter can't be loaded."""
    started = time.perf_counter()
    torch.set_num_threads(job.threads)
    model = _load(Path(job.model_dir))
    prompts = _tokens(job)
    with torch.no_grad():
        plain = [_forward(model, ids) for ids in prompts]
        deltas = [_delta(hidden, Path(job.adapter_dir)) for _, hidden in plain]
        adapted = _adapt(model, job.adapter_dir)
        gaps = [
            (adapted(input_ids=ids).logits[0].double() - logits - delta).abs().max()
            for ids, (logits, _), delta in zip(prompts, plain, deltas, strict=True)
        ]
        first = prompts[0]
        # Without a minimum an early end of text would make the count depend on the adapter.
        out = adapted.generate(
            input_ids=first,
            attention_mask=torch.ones_like(first),
            do_sample=False,
            max_new_tokens=job.new_tokens,
            min_new_tokens=job.new_tokens,
        )
    return SmokeResult(
        max_logit_difference=float(max(gaps)),
        largest_delta=float(max(delta.abs().max() for delta in deltas)),
        positions=sum(ids.shape[1] for ids in prompts),
        generated_tokens=tuple(int(token) for token in out[0, first.shape[1] :]),
        peft=f"peft@{peft.__version__}",
        transformers=f"transformers@{transformers.__version__}",
        torch=f"torch@{torch.__version__}",
        seconds=time.perf_counter() - started,
    )


def _load(model_dir: Path) -> Any:
    library: Any = transformers
    library.utils.logging.disable_progress_bar()
    try:
        return library.AutoModelForCausalLM.from_pretrained(
            model_dir,
            local_files_only=True,
            dtype=torch.float32,
            attn_implementation="eager",  # the other kinds refuse attention sinks on a CPU
            experts_implementation="eager",
        ).eval()
    except (OSError, ValueError, RuntimeError) as error:
        raise CaptureError(f"{model_dir}: expected a checkpoint that transformers loads, got: {error}") from error


def _adapt(model: Any, adapter_dir: str) -> Any:
    library: Any = peft
    try:
        return library.PeftModel.from_pretrained(model, adapter_dir).eval()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise CaptureError(f"{adapter_dir}: expected an adapter that PEFT loads, got: {error}") from error


def _tokens(job: SmokeJob) -> list[torch.Tensor]:
    library: Any = transformers
    tokenizer = library.AutoTokenizer.from_pretrained(job.model_dir, local_files_only=True)
    return [torch.tensor([tokenizer.encode(text)[:LONGEST_PROMPT]]) for text in job.prompts]


def _forward(model: Any, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [n, V] and final hidden states [n, d] of one prompt, both widened to f64 for the comparison."""
    output = model(input_ids=ids, output_hidden_states=True)
    return output.logits[0].double(), output.hidden_states[-1][0].double()


def _delta(hidden: torch.Tensor, adapter_dir: Path) -> torch.Tensor:
    """s (h A^T) B^T [n, V] in f64, from the file's own factors and not through PEFT."""
    from safetensors.torch import load_file

    config = json.loads((adapter_dir / ADAPTER_CONFIG_FILE).read_bytes())
    factors = load_file(adapter_dir / ADAPTER_FILE)
    a, b = factors[TENSOR_A].double(), factors[TENSOR_B].double()
    delta: torch.Tensor = (config["lora_alpha"] / config["r"]) * (hidden @ a.T) @ b.T
    return delta
