"""Work that a lost link interrupts is tried again; how long it was tried is counted anew each time it is due."""

import errno
from typing import Any, cast

import pytest

from console.coordination import engine as engine_module
from console.coordination.due import Command
from console.coordination.engine import Engine
from console.hosts.errors import LinkDown
from runners.contract import coordinator_records as rec
from tests.coordination.bare_desk import BareDesk
from tests.coordination.window import POLICIES

KEEP = Command("keep_checkpoints", "n0")


async def tried(monkeypatch: pytest.MonkeyPatch, *goes: tuple[int, bool]) -> BareDesk:
    """`keep_checkpoints` at those times; False means that the link was down."""
    desk = BareDesk()
    engine = Engine(cast(Any, desk))
    link_is_up = dict(goes)

    async def work(_: object, __: str) -> None:
        if not link_is_up[desk.now]:
            raise LinkDown("cable")

    monkeypatch.setitem(engine_module.NODE_WORKS, "keep_checkpoints", work)
    for desk.now in link_is_up:
        engine._first_try_ms.setdefault(KEEP, desk.now)  # as `_start_due` does
        await engine._do(KEEP)
    return desk


async def test_a_link_that_falls_late_in_a_long_training_is_no_reason_to_end_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first checkpoint was kept ten minutes ago: that is not how long this one was tried."""
    desk = await tried(monkeypatch, (0, True), (600_000, False), (600_000 + POLICIES.fetch_ms, False))
    assert desk.noted == []


async def test_a_link_that_stays_down_past_the_bound_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await tried(monkeypatch, (0, True), (600_000, False), (600_001 + POLICIES.fetch_ms, False))
    (failed,) = desk.noted
    assert isinstance(failed, rec.WorkFailed) and failed.activity == "keep_checkpoints/n0"


async def test_what_this_machine_refuses_is_blamed_on_nobody_and_ends_the_coordinator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a full disk here, a contributor's file can't be kept: whoever takes over tries it again."""
    desk = BareDesk()
    engine = Engine(cast(Any, desk))

    async def work(_: object, __: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(engine_module.NODE_WORKS, "keep_checkpoints", work)
    await engine._do(KEEP)
    assert desk.noted == []
    with pytest.raises(OSError, match="No space left"):
        await engine.run()


async def test_a_journal_that_has_no_room_here_is_not_a_broken_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = BareDesk()
    engine = Engine(cast(Any, desk))

    async def drain(_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(engine, "drain", drain)
    await engine._follow("n0")
    assert desk.noted == []
    with pytest.raises(OSError, match="No space left"):
        await engine.run()
