"""A whole window with a contributor that dials in to the coordinator."""

import json

import pytest

from console.evidence.checks.real_run import check_real_run
from console.hosts.loopback import require_free_port
from runners.records.admission import new_token
from tests.hosts.free_port import free_port
from tests.live.conftest import MakeRun, StartAgent
from tests.live.rig import assert_gone, finish

pytestmark = [pytest.mark.live, pytest.mark.soak, pytest.mark.timeout(240)]


def test_a_window_with_a_contributor_that_dials_in_ends_merged(make_run: MakeRun, start_agent: StartAgent) -> None:
    run, token, port = make_run(), new_token(), free_port()
    agent = start_agent(run, token, "--dial", f"127.0.0.1:{port}")
    assert agent.announced.dials
    require_free_port("127.0.0.1", port, option="")  # it listens nowhere
    options = ("--dial-in", "127.0.0.1", "--coordinator-port", str(port))
    keys = ("--remote-host-key", str(agent.host_key_file), "--client-key", str(agent.client_key_file))
    code, _, err = finish(
        run.swarm(
            "run", "--lane", str(run.lane), "--run-id", run.run_id, *options, *keys, PSIONIC_SWARM_ADMISSION_TOKEN=token
        )
    )
    assert code == 0, err[-3000:]
    assert check_real_run(run.bundle).findings == ()
    manifest = json.loads((run.bundle / "operator_manifest.json").read_bytes())
    (endpoint,) = [item for item in manifest["endpoints"] if item["node_id"] == "swarm-linux-a"]
    assert endpoint["contract_endpoint"] == "127.0.0.1:34101"
    assert endpoint["observed_endpoint"] == "dial-in://127.0.0.1"
    (ways,) = [record["body"] for record in run.records() if record["kind"] == "directions_tested"]
    assert (ways["inward"]["outcome"], ways["outward"]["outcome"]) == ("reached", "not_reached")
    agent.process.terminate()
    agent.process.wait(10)
    assert_gone(run)


@pytest.mark.parametrize("dials", [True, False])
def test_a_bring_up_reaches_an_agent_and_leaves_its_run_root_to_its_run(
    make_run: MakeRun, start_agent: StartAgent, dials: bool
) -> None:
    run, port = make_run(), free_port()
    agent = start_agent(run, new_token(), *(("--dial", f"127.0.0.1:{port}") if dials else ()))
    keys = agent.options()[2:]
    way = ["--dial-in", "127.0.0.1", "--coordinator-port", str(port)] if dials else agent.options()[:2]
    code, out, err = finish(run.swarm("bringup", "lane", "--lane", str(run.lane), *way, *keys))
    assert code == 1
    assert "swarm-mac-a  ready_to_attempt" in out, err[-2000:]
    assert "was reached, and has the pinned key SHA256:" in out
    assert not list(agent.host_key_file.parent.glob("far-runs/linux/bringup*"))
    agent.process.terminate()
    agent.process.wait(10)
