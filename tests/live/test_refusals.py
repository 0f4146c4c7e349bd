"""Wrong token, wrong host key, another contract: a clear refusal, evidence in the bundle, exit 1, nothing left."""

import json
from typing import Any

import asyncssh
import pytest

from console.evidence.checks.outcomes.attempt import check_attempt
from console.evidence.checks.real_run import check_real_run
from runners.records.admission import new_token
from tests.live.conftest import MakeRun, StartAgent
from tests.live.rig import LiveRun, assert_gone, finish
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


def assert_refused(run: LiveRun, code: int, err: str, reason: str, classification: str) -> dict[str, Any]:
    assert code == 1, err[-3000:]
    assert reason.replace("_", " ") in err.replace("_", " ")
    kept = json.loads((run.bundle / "first_swarm_real_run_bundle.json").read_bytes())
    assert kept["result_classification"] == classification
    assert reason in kept["reason"]
    assert check_real_run(run.bundle).findings == ()
    evidence = run.root / "outcomes" / "loopback_evidence_bundle_v1.json"  # left by the coordinator itself
    assert check_attempt(evidence).findings == ()
    assert json.loads(evidence.read_bytes())["live_attempt_disposition"] == "refused"
    kinds = ("bringup_refused", "admission_decided")
    record: dict[str, Any]
    (record,) = [r["body"] for r in run.records() if r["kind"] in kinds and r["body"]["reason"] == reason]
    body: dict[str, object] = record
    assert body["node_id"] == "swarm-linux-a"
    return body


def test_another_token_on_the_host_is_refused_with_evidence(make_run: MakeRun, start_agent: StartAgent) -> None:
    run = make_run()
    ours, theirs = new_token(), new_token()
    agent = start_agent(run, theirs)
    code, out, err = finish(run.start(*agent.options(), PSIONIC_SWARM_ADMISSION_TOKEN=ours))
    assert_refused(run, code, err, "admission_mac_mismatch", "refused_admission")
    agent.process.terminate()
    agent.process.wait(PATIENCE_S)
    assert_gone(run)
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    tokens = (ours.encode(), theirs.encode())
    assert not [path for path in files for token in tokens if token in path.read_bytes()]
    assert ours not in out + err


def test_another_host_key_than_the_pinned_one_is_refused_with_evidence(
    make_run: MakeRun, start_agent: StartAgent
) -> None:
    run = make_run()
    token = new_token()
    agent = start_agent(run, token)
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    agent.host_key_file.write_text(other)
    code, _, err = finish(run.start(*agent.options(), PSIONIC_SWARM_ADMISSION_TOKEN=token))
    record = assert_refused(run, code, err, "host_key_mismatch", "refused_bringup")
    assert agent.announced.host_key_fingerprint in str(record["detail"])
    agent.process.terminate()
    agent.process.wait(PATIENCE_S)
    assert_gone(run)


def test_a_host_pinned_to_another_contract_is_refused_with_evidence(make_run: MakeRun, start_agent: StartAgent) -> None:
    run = make_run()
    token = new_token()
    agent = start_agent(run, token, "--contract-digest", "b" * 64)
    code, _, err = finish(run.start(*agent.options(), PSIONIC_SWARM_ADMISSION_TOKEN=token))
    assert_refused(run, code, err, "contract_digest_mismatch", "refused_bringup")
    agent.process.terminate()
    agent.process.wait(PATIENCE_S)
    assert_gone(run)


def test_a_host_that_is_not_there_is_refused_with_evidence(make_run: MakeRun, start_agent: StartAgent) -> None:
    run = make_run(contact_ms="1500")
    token = new_token()
    agent = start_agent(run, token)
    agent.process.terminate()
    agent.process.wait(PATIENCE_S)
    code, _, err = finish(run.start(*agent.options(), PSIONIC_SWARM_ADMISSION_TOKEN=token))
    assert_refused(run, code, err, "host_unreachable", "refused_bringup")
    assert_gone(run)
