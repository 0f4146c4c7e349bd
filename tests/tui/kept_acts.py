"""The operator's acts as they were kept on a stage."""

from console.evidence.operator_acts import FOLDER, KeptAct, kept_acts
from tests.tui.stage import Stage


def acts_of(stage: Stage) -> list[KeptAct]:
    return list(kept_acts(stage.runs_dir / FOLDER))
