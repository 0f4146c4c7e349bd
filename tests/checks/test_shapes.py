"""The checker's field sets were written independently; here they are held against the producer's models."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from console.evidence import device_summary, models
from console.evidence.checks.document_shapes import DOCUMENT_SHAPES
from console.evidence.checks.lane.lane_shapes import LANE_SHAPES
from console.evidence.checks.outcomes.document_shapes import OUTCOME_SHAPES
from console.evidence.checks.record_shapes import BODIES
from console.evidence.checks.shapes import AtMost, Few, MapOf, Maybe
from console.evidence.lane_documents import (
    binder_projection,
    failure_drills,
    launch_manifest,
    receipt_contract,
    topology_contract,
    workflow_plan,
)
from console.evidence.outcomes import attempt, closeout, publication, rehearsal
from runners.contract import bringup, lane, plan, receipts, shard_manifest
from runners.contract.coordinator_records import COORDINATOR_BODIES
from runners.contract.document import Document
from runners.contract.node_records import NODE_BODIES

MODELS = {
    get_args(cls.model_fields["schema_version"].annotation)[0]: cls
    for module in (
        *(bringup, lane, plan, receipts, shard_manifest, models, device_summary),
        *(rehearsal, attempt, closeout, publication, launch_manifest),
        *(binder_projection, failure_drills, receipt_contract, topology_contract, workflow_plan),
    )
    for cls in vars(module).values()
    if isinstance(cls, type) and issubclass(cls, Document) and cls.__module__ == module.__name__
}
SHAPES = {**LANE_SHAPES, **DOCUMENT_SHAPES, **OUTCOME_SHAPES}


def test_the_checker_knows_every_document_and_no_other() -> None:
    assert set(SHAPES) == set(MODELS)


@pytest.mark.parametrize("schema", sorted(MODELS))
def test_a_documents_fields_are_those_of_its_model(schema: str) -> None:
    assert _differences(SHAPES[schema], MODELS[schema], schema) == []


@pytest.mark.parametrize(
    ("role", "bodies"), [("coordinator", COORDINATOR_BODIES), ("contributor", NODE_BODIES)], ids=["coordinator", "node"]
)
def test_the_checker_knows_every_kind_of_record_and_its_fields(role: str, bodies: dict[str, type[BaseModel]]) -> None:
    assert set(BODIES[role]) == set(bodies)
    found = [item for kind, cls in bodies.items() for item in _differences(BODIES[role][kind], cls, kind)]

    assert found == []


def _differences(shape: Any, annotation: Any, where: str) -> list[str]:
    """Places at which a shape has other fields than a model, however deep."""
    while isinstance(shape, (AtMost, Maybe)):
        shape = shape.shape
    if isinstance(shape, Few):
        shape = [shape.shape]
    model = _model(annotation)
    if isinstance(shape, list):
        inner = [arg for arg in get_args(annotation) if arg is not Ellipsis]
        return _differences(shape[0], inner[0], f"{where}[]") if inner else [f"{where}: not a list"]
    if not isinstance(shape, dict) or isinstance(shape, MapOf):
        return [f"{where}: an object"] if model is not None else []
    if model is None:
        return [f"{where}: not an object"]
    if set(shape) != set(model.model_fields):
        return [f"{where}: {sorted(set(shape) ^ set(model.model_fields))}"]
    return [
        item
        for name, field in model.model_fields.items()
        for item in _differences(shape[name], field.annotation, f"{where}.{name}")
    ]


def _model(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *get_args(annotation)]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
