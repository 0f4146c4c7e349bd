"""Room for a training, asked again on the host before any work is read."""

from pathlib import Path

import pytest

from runners.process.errors import Refused
from runners.process.memory_plan import require_memory
from runners.process.probes.memory import _limits
from runners.training.backends import load
from tests.training.assignments import assignment_over, lay_ground


def test_a_host_that_lost_its_room_since_the_bring_up_refuses_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignment = assignment_over(lay_ground(tmp_path), 0)
    backend = load("reference", threads=1, chunk_tokens=assignment.execution.chunk_tokens)
    require_memory(assignment, backend)
    monkeypatch.setattr("runners.process.memory_plan.free_memory", lambda *_, **__: {"host": 1 << 20})
    with pytest.raises(Refused, match="1 MiB free; end what else holds memory here") as refused:
        require_memory(assignment, backend)
    assert refused.value.reason == "memory_short"


def test_a_containers_limit_counts_without_what_it_only_caches(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("0::/box/inner\n")
    groups = tmp_path / "sys"
    (groups / "box" / "inner").mkdir(parents=True)
    for folder, most in ((groups / "box", "1000"), (groups / "box" / "inner", "max")):
        (folder / "memory.max").write_text(most + "\n")
        (folder / "memory.current").write_text("700\n")
        (folder / "memory.stat").write_text("anon 500\ninactive_file 100\n")
    assert list(_limits(own, groups)) == [400]
    assert list(_limits(tmp_path / "none", groups)) == []
