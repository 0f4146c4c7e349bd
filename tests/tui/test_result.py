"""What a closed run leaves to do."""

from dataclasses import replace
from pathlib import Path

from console.tui.app import SwarmApp
from console.tui.drawing.result import result
from runners.contract.states import Classification
from tests.observation.recorded_journals import Recording
from tests.tui.stage import Stage, settle, shown


async def test_after_a_refused_gate_the_gates_alone_are_offered_and_digests_leave_room_for_the_reason(
    stale: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", stale, 0)
    stage.finish(Classification.REPLAY_REQUIRED, stale.end_ms + 100)
    async with stage.opened(run_id=stale.run_id) as pilot:
        assert isinstance(pilot.app, SwarmApp)
        view = replace(pilot.app.view(pilot.app.stamp()), blocked=frozenset())
    state = view.snapshot.state
    assert state.closed is not None
    reason = f"swarm-mac-a: expected {'ab12cd34' * 8}, got nothing there at all"
    refused = state.closed.model_copy(update={"classification": Classification.REFUSED_BRINGUP, "reason": reason})

    def drawn(width: int) -> str:
        shot = replace(view.snapshot, state=replace(state, closed=refused))
        rows = result(replace(view, snapshot=shot), width)
        return " ".join("".join(text for row in rows for text, _ in row).replace("│", " ").split())

    assert "b asks the gates alone" in drawn(80)
    assert "expected ab12·cd34, got nothing there at all" in drawn(80)


async def test_what_to_do_about_a_refusal_stands_in_the_result_at_80_columns(stale: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", stale, 0)
    stage.finish(Classification.REPLAY_REQUIRED, stale.end_ms + 100)
    why = (
        "swarm-linux-a: host_key_mismatch: ssh://127.0.0.1:2299: expected host key SHA256:2GPOMAT9J8p9sK14IUwPaSk9aG"
        "+ea2BqtoOMgmAiILE, got SHA256:YNhaXNssAot2orFHuCaL+fPw+cZDE8eRcpB8fxFhGXk. If the host was set up anew on"
        " purpose, pin"
    )
    async with stage.opened(run_id=stale.run_id) as pilot:
        assert isinstance(pilot.app, SwarmApp)
        attachment = pilot.app.attachment
        assert attachment is not None
        assert attachment.state.closed is not None
        refused = {"classification": Classification.REFUSED_BRINGUP, "reason": why}
        attachment.state = replace(attachment.state, closed=attachment.state.closed.model_copy(update=refused))
        pilot.app.again()
        await settle(pilot)
        assert "anew on purpose, pin" in shown(pilot)
        assert "b asks the gates alone" in shown(pilot)
        assert "receipts" in shown(pilot)
