"""A window over addresses of a tailnet's range and that lane's own ports, with the summary that the lane asks for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest

from console.evidence.checks.real_run import check_real_run
from runners.contract.announcement import AgentAnnouncement
from runners.records.admission import new_token
from tests.hosts.sshd_rig import veth_pair
from tests.live.conftest import MakeRun
from tests.live.rig import ROOT, assert_gone, finish

pytestmark = [pytest.mark.live, pytest.mark.soak, pytest.mark.timeout(240)]
PORTS = ("--coordinator-port", "35200", "--contributor-port", "35201")
LANE = {
    "namespace": '"cluster.swarm.test.tailnet_admitted"',
    "extra_documents": '["per_device_summary"]',
    "host_alias": '"swarm-far"',
}


def test_a_tailnet_lane_asks_for_addresses_and_leaves_the_per_device_summary(make_run: MakeRun, tmp_path: Path) -> None:
    """Stand-ins: a cable between two network namespaces for the tailnet, and a script for the tailscale command."""
    run, token = make_run(**LANE), new_token()
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    key_file, host_file = tmp_path / "client.pem", tmp_path / "host.pub"
    key_file.write_bytes(client_key.export_private_key("pkcs8-pem"))
    key_file.chmod(0o600)
    with veth_pair(tailnet=True) as cable:
        (tmp_path / "tailscale").write_text(
            f'#!/bin/sh\nif [ "$3" = swarm-far ]; then echo {cable.far_address}; else echo {cable.near_address}; fi\n'
        )
        (tmp_path / "tailscale").chmod(0o755)
        agent = subprocess.Popen(
            [
                "ip", "netns", "exec", cable.namespace, sys.executable, "-m", "runners", "agent",
                "--listen", cable.far_address, "--port", "35201", "--home", str(tmp_path / "far"),
                "--run-root", str(tmp_path / "far-runs" / "linux"), "--backend", "torch",
                "--model", str(ROOT / "fixtures" / "swarm" / "base"), "--token-stdin",
                "--authorized-key", client_key.export_public_key().decode().strip(),
            ],
            env=run.env(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert agent.stdin and agent.stdout
            agent.stdin.write(token + "\n")
            agent.stdin.close()
            host_file.write_text(AgentAnnouncement.model_validate_json(agent.stdout.readline()).host_key + "\n")
            keys = ("--remote-host-key", str(host_file), "--client-key", str(key_file))
            more = {
                "PSIONIC_SWARM_ADMISSION_TOKEN": token, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            }  # fmt: skip
            code, _, err = finish(
                run.swarm("run", "--lane", str(run.lane), "--run-id", run.run_id, *PORTS, *keys, **more)
            )
        finally:
            agent.terminate()
            agent.wait(10)
            assert agent.stdout
            agent.stdout.close()
    assert code == 0, err[-3000:]
    assert f"tailnet    {cable.near_address}" in err
    assert check_real_run(run.bundle).findings == ()
    (ways,) = [record["body"] for record in run.records() if record["kind"] == "directions_tested"]
    assert ways["outward"]["observed_endpoint"] == f"ssh://{cable.far_address}:35201"
    assert ways["inward"]["observed_endpoint"] == f"tcp://{cable.near_address}:35200"
    assert ways["inward"]["outcome"] == "reached"
    summary = json.loads((run.bundle / "tailrun_admitted_home_run_summary.json").read_bytes())
    rows = {row["node_id"]: row for row in summary["per_device_contributions"]}
    assert rows["swarm-linux-a"]["contract_endpoint"] == "swarm-far:34101"
    assert rows["swarm-linux-a"]["observed_endpoint"] == f"ssh://{cable.far_address}:35201"
    assert_gone(run)
