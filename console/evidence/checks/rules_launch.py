"""Rules about the launch that a run started from: its manifest and receipt stay with the run."""

from collections.abc import Iterator

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.verdict import Mismatch, differs


def launch_is_kept(e: Evidence) -> Iterator[Mismatch]:
    """One manifest and one receipt, under the lane's own name: other documents point to them."""
    lane = e.bundle["lane_id"]
    expected = [f"launch/{lane}_launch_manifest.json", f"launch/{lane}_launch_receipt.json"]
    yield from differs("launch", expected, sorted(path for path in e.folder.files if path.startswith("launch/")))


def launch_receipt_binds_the_manifest(e: Evidence) -> Iterator[Mismatch]:
    """The receipt names the manifest's own bytes, and a finished phase for each file that was materialized."""
    lane = e.bundle["lane_id"]
    path = f"launch/{lane}_launch_manifest.json"
    manifest, receipt = e.documents.get(path), e.documents.get(f"launch/{lane}_launch_receipt.json")
    file = e.file_of(path)
    if manifest is None or receipt is None or file is None:
        return
    yield from differs("launch receipt manifest_path", f"{lane}_launch_manifest.json", receipt["manifest_path"])
    yield from differs("launch receipt manifest_digest", manifest["digest"], receipt["manifest_digest"])
    yield from differs("launch receipt manifest_sha256", file.sha256, receipt["manifest_sha256"])
    written = sorted((phase["path"], phase["status"]) for phase in receipt["phases"])
    yield from differs("launch receipt phases", [(item["path"], "completed") for item in manifest["files"]], written)


def launch_came_before_the_run(e: Evidence) -> Iterator[Mismatch]:
    """It contacted nobody, speaks of the run's own hosts, and what it shows of a host was older than itself."""
    for path, body in e.documents.items():
        if body.get("schema_version") != "swarm.launch_manifest.v1":
            continue
        claimed = (body["execution_posture"], body["hosts_contacted"])
        yield from differs(f"{path} execution", ("local_bundle_materialization_only", 0), claimed)
        cards = {card["node_id"]: card for line in e.said("run_opened") for card in line.body["contributors"]}
        hosts = {host["node_id"]: host for host in body["hosts"]}
        yield from differs(f"{path} hosts", sorted(cards), sorted(hosts))
        for node in cards.keys() & hosts.keys():
            expected, got = cards[node]["contract_endpoint"], hosts[node]["contract_endpoint"]
            yield from differs(f"{path} contract_endpoint of {node}", expected, got)
            bound = hosts[node]["bringup"]
            if bound["origin"] == "not_observed":
                continue
            age = body["created_wall_ms"] - bound["taken_wall_ms"]
            yield from differs(f"{path} age of the report of {node}", age, bound["age_ms"])


RULES = (launch_is_kept, launch_receipt_binds_the_manifest, launch_came_before_the_run)
