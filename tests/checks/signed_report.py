"""A bring-up report as a host that trained and judged truly would seal and sign it, and what else that host may say."""

from pathlib import Path

from console.coordination.lane_file import load_lane
from runners.contract.canonical import readable_bytes
from runners.process.bringup import GATE_PREFIX, REPORT_PREFIX
from runners.records.keys import SigningKey
from tests.checks.forged_bringup import report_fields, sealed
from tests.checks.forged_hosts import LINUX, device_of, hash_of, software_of
from tests.checks.resealing import Body, reseal_body

CONTRACT = load_lane("loopback")
KEY = SigningKey.generate()


def forged(node: str = LINUX) -> Body:
    fields = report_fields(
        CONTRACT, CONTRACT.node(node), KEY, device_of(node), software_of(node), run_id="run-1", head_sha256=hash_of("w")
    )
    return sealed(fields).to_json()


def write(folder: Path, body: Body, *, key: SigningKey = KEY) -> Path:
    path = folder / "report.json"
    path.write_bytes(readable_bytes(body))
    signature = key.sign(REPORT_PREFIX + bytes.fromhex(body["digest"]))
    path.with_name("report.json.sig").write_text(signature + "\n")
    return path


def resealed(body: Body) -> Body:
    """New digests and new signatures by the host's own key: nothing but the lie is left to find."""
    reseal_body(body)
    if body["gate"] is not None:
        receipt = body["gate"]["receipt"]
        body["gate"]["signature"] = KEY.sign(GATE_PREFIX + bytes.fromhex(receipt["digest"]))
        reseal_body(body)
    return body
