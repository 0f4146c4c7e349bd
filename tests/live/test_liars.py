"""A contributor with the right key, a true adapter and a false story: a real runner whose journal is made to lie.

Its work isn't merged, and the bundle that tells of it is believed by every checker.
"""

import json
from pathlib import Path

import pytest

from console.evidence.checks.real_run import check_real_run
from runners.records.admission import new_token
from tests.live.conftest import MakeRun, StartAgent
from tests.live.rig import REMOTE, ROOT, assert_gone, finish
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

# Python imports a module of this name, found on its path, before anything else: in the agent's runner too.
LIAR = """
from runners.records import journal_file

told = journal_file.JournalFile.append
lied = set()


def lie(self, kind, body):
    if kind == {kind!r} and kind not in lied:
        lied.add(kind)
        {how}
    return told(self, kind, body)


journal_file.JournalFile.append = lie
"""
LIES = {
    "claimed_twice": ("claimed", "told(self, kind, body)", "false_journal"),
    "memory_below_zero": ("heartbeat", "body = body.model_copy(update={'memory_bytes': -5})", "malformed"),
    "more_steps_than_planned": ("heartbeat", "body = body.model_copy(update={'steps': 9000})", "false_journal"),
    "ready_without_its_slice": ("ready", "body = body.model_copy(update={'slice_sha256': 'e' * 64})", "false_journal"),
}


@pytest.mark.parametrize(
    "name", ["claimed_twice", "memory_below_zero", *(pytest.param(x, marks=pytest.mark.soak) for x in list(LIES)[2:])]
)
def test_a_lying_contributor_is_rejected_and_spoils_no_evidence(
    name: str, make_run: MakeRun, start_agent: StartAgent, tmp_path: Path
) -> None:
    kind, how, reason = LIES[name]
    liar = tmp_path / "liar"
    liar.mkdir()
    (liar / "sitecustomize.py").write_text(LIAR.format(kind=kind, how=how))
    run, token = make_run(), new_token()
    agent = start_agent(run, token, PYTHONPATH=f"{liar}:{ROOT}")

    code, _, err = finish(run.start(*agent.options(), PSIONIC_SWARM_ADMISSION_TOKEN=token))
    agent.process.terminate()
    agent.process.wait(PATIENCE_S)

    assert code == 1, err[-3000:]
    kept = json.loads((run.bundle / "first_swarm_real_run_bundle.json").read_bytes())
    assert kept["result_classification"] == "rejected"
    assert REMOTE in kept["reason"]
    assert reason in kept["reason"]
    assert (kept["merge_disposition"], kept["promotion_disposition"]) == ("no_merge", "not_reached")
    assert check_real_run(run.bundle).findings == ()
    assert_gone(run)
