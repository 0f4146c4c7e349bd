"""The documents that a run is bound to: whatever else lies in their place is found, before and after a restart."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.coordination.errors import ContractDrift
from console.coordination.process import _require_same_contract
from console.coordination.run_journal import Past
from console.coordination.works.bound_documents import MODELS, bind, watch
from console.places import data_dir
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.records.clock import Clock
from tests.coordination.window import Window

KEPT = data_dir("fixtures") / "swarm" / "runs" / "first-loopback-live-1" / "contract"
BOUND = {name: model.read((KEPT / f"{name}.json").read_bytes()) for name, model in MODELS.items()}


class Desk(SimpleNamespace):
    """What the watch touches of the coordinator's desk; `restarted` forgets what only memory held."""

    def note(self, body: Word) -> None:
        self.noted.append(body)
        self.state.ended = self.state.ended or isinstance(body, rec.DriftFound)

    def restarted(self) -> "Desk":
        return Desk(**{**self.__dict__, "bound": {}, "marks": {}, "noted": []})

    @property
    def drift(self) -> rec.DriftFound:
        (found,) = [body for body in self.noted if isinstance(body, rec.DriftFound)]
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    paths = SimpleNamespace(documents=tmp_path / "documents", quarantine=tmp_path / "quarantine")
    paths.documents.mkdir()
    paths.quarantine.mkdir()
    made: Any = Desk(
        paths=paths, bound={}, marks={}, noted=[], clock=Clock(), contract=BOUND["run_contract"],
        state=SimpleNamespace(
            ended=False,
            opened=SimpleNamespace(contract_digest=BOUND["run_contract"].digest),
            plan=SimpleNamespace(
                plan_digest=BOUND["window_plan"].digest, membership_digest=BOUND["membership_receipt"].digest
            ),
        ),
    )  # fmt: skip
    bind(made, *BOUND.values())
    watch(made)
    assert made.noted == []
    return made


def another(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"first-loopback-live-1", b"other-loopback-live-1"))


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def gone(path: Path) -> None:
    path.unlink()


def link_to_the_same_bytes(path: Path) -> None:
    """True today, somebody else's to change tomorrow."""
    path.rename(path.with_name("elsewhere.json"))
    path.symlink_to(path.with_name("elsewhere.json"))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


PLACED = (another, cut_short, gone, link_to_the_same_bytes, folder, fifo)
HAS_BYTES = (another, cut_short)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("place", PLACED, ids=[one.__name__ for one in PLACED])
def test_what_lies_in_a_bound_documents_place_is_found_kept_and_replaced(
    desk: Any, name: str, place: Callable[[Path], None]
) -> None:
    path: Path = desk.paths.documents / f"{name}.json"
    before = path.read_bytes()
    if name == "run_contract" and place is another:
        path.write_bytes(before.replace(b"4", b"5"))
    else:
        place(path)
    watch(desk)
    watch(desk)
    assert desk.drift.document == name
    assert desk.drift.findings[0].expected == BOUND[name].digest
    assert path.read_bytes() == before and not path.is_symlink()
    quarantined = [body.name for body in desk.noted if isinstance(body, rec.Quarantined)]
    assert quarantined == ([f"{name}.json"] if place in HAS_BYTES else [])


@pytest.mark.parametrize("place", PLACED, ids=[one.__name__ for one in PLACED])
def test_what_came_while_no_coordinator_lived_is_found_at_the_first_look_of_the_next_one(
    desk: Any, place: Callable[[Path], None]
) -> None:
    path = desk.paths.documents / "window_plan.json"
    place(path)
    after = desk.restarted()
    watch(after)
    assert after.drift.document == "window_plan"
    assert not path.exists() and not path.is_symlink()  # nobody has the bound bytes any more, and nobody makes them up


def test_a_restart_over_untouched_documents_finds_nothing(desk: Any) -> None:
    shutil.copy(desk.paths.documents / "window_plan.json", desk.paths.documents / "copy.json")
    (desk.paths.documents / "copy.json").replace(desk.paths.documents / "window_plan.json")  # the same bytes anew
    after = desk.restarted()
    watch(after)
    watch(desk)
    assert (after.noted, desk.noted) == ([], [])


@pytest.mark.parametrize("dies_at", ["quarantined", "drift_found"])
def test_a_coordinator_that_dies_while_it_tells_of_a_drift_hides_none(
    desk: Any, dies_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.paths.documents / "window_plan.json"
    another(path)
    note = Desk.note

    def dies(self: Desk, body: Word) -> None:
        note(self, body)
        if isinstance(body, rec.Quarantined if dies_at == "quarantined" else rec.DriftFound):
            raise KeyboardInterrupt

    monkeypatch.setattr(Desk, "note", dies)
    with pytest.raises(KeyboardInterrupt):
        watch(desk)
    monkeypatch.setattr(Desk, "note", note)
    after = desk.restarted()
    watch(after)
    found = [body for body in (*desk.noted, *after.noted) if isinstance(body, rec.DriftFound)]
    assert [body.document for body in found] == ["window_plan"]
    if dies_at == "drift_found":
        assert not path.exists()  # the bundle holds no plan that another one took the place of


def test_a_spec_with_another_contract_than_the_run_was_opened_with_is_refused() -> None:
    opened = Window().past[0]
    spec: Any = SimpleNamespace(contract=SimpleNamespace(digest="b" * 64))
    with pytest.raises(ContractDrift) as refused:
        _require_same_contract(Past(records=(opened,)), spec)
    assert refused.value.document == "run_contract"
    assert (refused.value.findings[0].expected, refused.value.findings[0].got) == ("a" * 64, "b" * 64)
    _require_same_contract(Past(), spec)
