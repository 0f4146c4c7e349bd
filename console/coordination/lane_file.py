"""A lane's TOML file becomes its frozen contract."""

import tomllib
from pathlib import Path
from typing import Any

from console.coordination.errors import LaneFileError, UnknownLane
from console.places import data_dir
from runners.contract.document import word_from_json
from runners.contract.errors import ContractError
from runners.contract.lane import MAX_SEGMENT_STEPS, RunContract

# A plan names the sample of every place in every batch, and a document has 16 MiB at most.
MAX_PLANNED_SAMPLES = 640_000
MAX_STATES = 16_000  # a checker looks at 16 384 files of one bundle, and no further


def lane_files() -> dict[str, Path]:
    folder = data_dir("fixtures") / "swarm" / "lanes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_lane(name: str) -> RunContract:
    """By name, or by path of a TOML file. Raises LaneFileError."""
    path = Path(name) if name.endswith(".toml") else lane_files().get(name)
    if path is None or not path.is_file():
        raise UnknownLane(f"lane {name!r}: expected one of {', '.join(lane_files())} or a .toml file, got neither")
    try:
        body = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LaneFileError(f"{path}: expected TOML, got {error}") from error
    return freeze(body, str(path))


def freeze(body: dict[str, Any], where: str) -> RunContract:
    """The contract that a lane's fields amount to. The same fields give the same digest on every machine."""
    try:
        draft = word_from_json(RunContract, {**body, "digest": ""})
    except ContractError as error:
        raise LaneFileError(f"{where}: {error}") from error
    contract = RunContract.seal(**{name: getattr(draft, name) for name in RunContract.model_fields if name != "digest"})
    names = [node.node_id for node in contract.nodes]
    if len(set(names)) != len(names) or not 1 <= len(contract.contributors) <= 8:
        raise LaneFileError(f"{where}: expected 1 to 8 contributors with different names, got {names}")
    if sum("coordinator" in node.roles for node in contract.nodes) != 1:
        raise LaneFileError(f"{where}: expected exactly one coordinator")
    _check_replay(contract, where)
    _check_plan(contract, where)
    return contract


def _check_replay(contract: RunContract, where: str) -> None:
    """Whatever a run of this lane will have to compare, the lane says now how far apart it may be."""
    steps = contract.recipe.checkpoint_steps
    if not 1 <= steps <= MAX_SEGMENT_STEPS:
        raise LaneFileError(
            f"{where}: checkpoint_steps: expected 1 to {MAX_SEGMENT_STEPS}, over which tolerances were measured, "
            f"got {steps}"
        )
    for node in contract.contributors:
        for replay in dict.fromkeys((contract.governance.replay_backend, "reference")):
            try:
                contract.governance.tolerance(node.backend, replay)
            except KeyError as error:
                raise LaneFileError(f"{where}: [[governance.tolerances]]: {error.args[0]}") from error


def _check_plan(contract: RunContract, where: str) -> None:
    """Else the run would come as far as its plan, minutes later, and fail there."""
    recipe, contributors = contract.recipe, len(contract.contributors)
    planned = recipe.steps * recipe.batch_samples * contributors
    if planned > MAX_PLANNED_SAMPLES:
        raise LaneFileError(
            f"{where}: steps: expected steps x batch_samples x contributors of at most {MAX_PLANNED_SAMPLES}, which a "
            f"plan can name, got {recipe.steps} x {recipe.batch_samples} x {contributors} = {planned}; take fewer steps"
        )
    per_node = max(0, recipe.steps - 1) // recipe.checkpoint_steps
    states = 2 * per_node * contributors  # as trained, and as replayed
    if states > MAX_STATES:
        raise LaneFileError(
            f"{where}: checkpoint_steps: expected at most {MAX_STATES} training states, which a bundle can hold, got "
            f"2 x {per_node} x {contributors} = {states}; take fewer steps, or more between two checkpoints"
        )
