"""A whole window with a contributor that has a system sshd and nothing of ours but what `swarm host add` put there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.evidence.checks.real_run import check_real_run
from runners.records.admission import new_token
from tests.hosts.sshd_rig import SshdRig, sshd_behind_a_cable
from tests.live.conftest import MakeRun
from tests.live.rig import LiveRun, add_box, assert_gone, finish

pytestmark = [pytest.mark.live, pytest.mark.ssh, pytest.mark.timeout(240)]
TOKEN = re.compile(rb"swarm1-[A-Za-z0-9_-]{20}")  # the source that is shipped names the mark alone


@pytest.fixture
def box(tmp_path: Path) -> Iterator[SshdRig]:
    """On an address of its own, where this process may lay a cable."""
    with sshd_behind_a_cable(tmp_path / "box") as (rig, _):
        yield rig


@pytest.mark.parametrize("custody", ["handed_over", pytest.param("proved", marks=pytest.mark.soak)])
def test_a_window_over_a_plain_sshd_ends_merged_and_its_bundle_verifies(
    make_run: MakeRun, box: SshdRig, custody: str
) -> None:
    run = make_run()
    owners = _token_file(box) if custody == "proved" else None
    add_box(run, box, *(["--token-on-host"] if owners is not None else []))
    if custody == "handed_over":
        assert_gated_where_they_stand(run, box)
    code, _, err = finish(
        run.swarm(
            "run", "--lane", str(run.lane), "--run-id", run.run_id, "--remote", "box", "--coordinator-port", "0",
            **({"PSIONIC_SWARM_ADMISSION_TOKEN": owners.read_text()} if owners is not None else {}),
        )
    )  # fmt: skip
    assert code == 0, err[-3000:]
    assert check_real_run(run.bundle).findings == ()
    manifest = json.loads((run.bundle / "operator_manifest.json").read_bytes())
    (endpoint,) = [item for item in manifest["endpoints"] if item["node_id"] == "swarm-linux-a"]
    assert endpoint["contract_endpoint"] == "127.0.0.1:34101"
    assert endpoint["observed_endpoint"] == f"ssh://{box.address}:{box.port}"
    (ways,) = [record["body"] for record in run.records() if record["kind"] == "directions_tested"]
    assert ways["outward"]["observed_endpoint"] == endpoint["observed_endpoint"]
    assert ways["inward"]["contract_endpoint"] == "localhost:34100"
    assert ways["inward"]["outcome"] == "reached", ways
    receipt = json.loads((run.bundle / "receipts" / "admission_swarm-linux-a.json").read_bytes())
    assert receipt["token_custody"] == custody
    assert receipt["host_key_fingerprint"] == box.fingerprint
    assert {path.name for path in box.home.iterdir()} == {".swarm", "swarm-runs"}
    files = [path for top in (run.runs, run.home, box.home) for path in top.rglob("*") if path.is_file()]
    assert [path for path in files if path != owners and TOKEN.search(path.read_bytes())] == []
    assert TOKEN.search(box.log.read_bytes()) is None
    box.end()  # its own processes carry the test's folder in their argv too
    assert_gone(run)


def assert_gated_where_they_stand(run: LiveRun, box: SshdRig) -> None:
    """`swarm bringup lane` measures the far host over its own sshd, and its key is the one that a run will know."""
    code, out, err = finish(run.swarm("bringup", "lane", "--lane", str(run.lane), "--remote", "box", "--json"))
    assert code == 0, err[-3000:]
    assert f"reached by ssh://{box.address}:{box.port}" in err
    report = json.loads(out)["linux"]
    kept = serialization.load_pem_private_key((box.home / ".swarm/keys/swarm-linux-a.pem").read_bytes(), None)
    assert isinstance(kept, Ed25519PrivateKey)
    assert kept.public_key().public_bytes_raw().hex() == report["node_public_key"]


def _token_file(box: SshdRig) -> Path:
    """As the host's owner puts it there."""
    file = box.home / ".swarm" / "admission_token"
    file.parent.mkdir(mode=0o700)
    file.touch(mode=0o600)
    file.write_text(new_token())
    return file
