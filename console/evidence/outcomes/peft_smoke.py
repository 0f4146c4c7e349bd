"""The gate of publication that needs PEFT: a job in a process of its own, because the console loads no torch."""

from pathlib import Path

from console.coordination.errors import JobFailed
from console.coordination.job import run_job
from console.evidence.errors import PublicationRefused
from console.evidence.outcomes.publication import PeftSmoke
from runners.contract.jobs import Progress, SmokeJob, SmokeResult

LOGIT_BOUND = 1e-4  # f32 sums of a few hundred terms differ by about 1e-6; a wrong scale differs by whole units
NEW_TOKENS = 8
PROMPTS = ("def read(path):\n    return", "import os\n\n\nclass ")


async def peft_smoke(model_dir: Path, adapter_dir: Path, log: Path) -> PeftSmoke:
    """Both folders are absolute. Raises PublicationRefused when PEFT can't load or run the adapter at all."""
    job = SmokeJob(
        model_dir=str(model_dir),
        adapter_dir=str(adapter_dir),
        prompts=PROMPTS,
        new_tokens=NEW_TOKENS,
        threads=1,  # so that publishing twice on a machine measures the same
    )
    try:
        result = await run_job("smoke", job, SmokeResult, _say_nothing, log=log)
    except JobFailed as error:
        raise PublicationRefused(
            f"publication refused: gate adapter_loads_and_generates_through_peft: expected PEFT to load it, got {error}"
        ) from error
    return PeftSmoke(
        max_logit_difference=result.max_logit_difference,
        logit_bound=LOGIT_BOUND,
        largest_delta=result.largest_delta,
        positions=result.positions,
        asked_tokens=NEW_TOKENS,
        generated_tokens=result.generated_tokens,
        peft=result.peft,
        transformers=result.transformers,
        torch=result.torch,
    )


def _say_nothing(_: Progress) -> None:
    """A few seconds without stages worth telling."""
