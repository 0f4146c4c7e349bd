"""Is an operator bundle what its launch manifest says, and does it claim no more than that?"""

from collections.abc import Iterator
from pathlib import Path

from console.evidence.checks.folder import FileRead, Folder
from console.evidence.checks.lane.held import FORM_RULES, Body, Held
from console.evidence.checks.lane.names import FIRST_LANE, LANE_NAME, SCHEMAS, in_bundle
from console.evidence.checks.lane.rules_drills import RULES as DRILL_RULES
from console.evidence.checks.lane.rules_links import claims_have_a_boundary, links_are_current
from console.evidence.checks.rule import judge
from console.evidence.checks.signatures import signed_by
from console.evidence.checks.stored import sha256_hex
from console.evidence.checks.verdict import Mismatch, Verdict, differs

REPORTS = ("swarm.bringup_report.v1", "swarm.bringup_not_observed.v1")
REPORT_PREFIX = b"swarm.bringup_report.v1\0"


class OperatorBundle(Held):
    """`report:<node>` are the bring-up reports; the other kinds are as in the frozen lane."""

    def __init__(self, root: Path, lane: str) -> None:
        kinds = ("topology", "plan", "drills")
        super().__init__(root, lane, {kind: in_bundle(lane, kind) for kind in kinds})
        self.folder = Folder(root)
        for kind, path in self.paths.items():
            self.take(kind, path, (SCHEMAS[kind],))
        self.manifest_path, self.receipt_path = f"{lane}_launch_manifest.json", f"{lane}_launch_receipt.json"
        self.manifest_raw = self.take("manifest", self.manifest_path, ("swarm.launch_manifest.v1",))
        self.take("receipt", self.receipt_path, ("swarm.launch_receipt.v1",))
        for host in self.documents["manifest"]["hosts"] if self.has("manifest") else []:
            self.take(f"report:{host['node_id']}", host["bringup"]["path"], REPORTS)


def bundle_has_exactly_its_files(b: OperatorBundle) -> Iterator[Mismatch]:
    """The documents, one report for each host, manifest and receipt; and nothing that nobody listed."""
    if not b.has("manifest"):
        return
    manifest = b.documents["manifest"]
    own = {b.manifest_path, b.receipt_path}
    expected = {*b.paths.values(), *(host["bringup"]["path"] for host in manifest["hosts"])}
    yield from differs("manifest.files", sorted(expected), [item["path"] for item in manifest["files"]])
    for path in sorted({*b.folder.files, *b.folder.refused} - expected - own):
        yield Mismatch(path, "only files of an operator bundle", "another one")


def files_are_as_listed(b: OperatorBundle) -> Iterator[Mismatch]:
    """Size and sha256 of each."""
    for item in b.documents["manifest"]["files"] if b.has("manifest") else []:
        got = b.folder.read(item["path"]) if item["path"] in b.folder.files else None
        if isinstance(got, FileRead):
            yield from differs(item["path"], [item["size_bytes"], item["sha256"]], [got.size, got.sha256])
        elif not any(missing.where == item["path"] for missing in b.missing):
            yield Mismatch(item["path"], "a listed file", "no readable one")


def receipt_binds_the_manifest(b: OperatorBundle) -> Iterator[Mismatch]:
    """The receipt is written last and names the manifest's exact bytes, and a finished phase for each file."""
    if not b.has("manifest", "receipt") or b.manifest_raw is None:
        return
    manifest, receipt = b.documents["manifest"], b.documents["receipt"]
    yield from differs("receipt.manifest_path", b.manifest_path, receipt["manifest_path"])
    yield from differs("receipt.manifest_digest", manifest["digest"], receipt["manifest_digest"])
    yield from differs("receipt.manifest_sha256", sha256_hex(b.manifest_raw), receipt["manifest_sha256"])
    yield from differs("receipt.run_id", manifest["run_id"], receipt["run_id"])
    written = sorted(phase["path"] for phase in receipt["phases"])
    yield from differs("receipt.phases", [item["path"] for item in manifest["files"]], written)
    for phase in receipt["phases"]:
        yield from differs(f"receipt.phases {phase['phase']} status", "completed", phase["status"])


def a_launch_claims_no_run(b: OperatorBundle) -> Iterator[Mismatch]:
    """Materialized here, nobody contacted."""
    if b.has("manifest"):
        manifest = b.documents["manifest"]
        posture = "local_bundle_materialization_only"
        yield from differs("manifest.execution_posture", posture, manifest["execution_posture"])
        yield from differs("manifest.hosts_contacted", 0, manifest["hosts_contacted"])
    if b.has("receipt"):
        yield from differs("receipt.launch_status", "bundle_materialized", b.documents["receipt"]["launch_status"])


def manifest_names_its_documents(b: OperatorBundle) -> Iterator[Mismatch]:
    """Digests of the three that are here, and of the two that they rest on."""
    if not b.has("manifest", "topology"):
        return
    manifest, topology = b.documents["manifest"], b.documents["topology"]
    for kind in ("plan", "topology", "drills"):
        if b.has(kind):
            yield from differs(f"manifest.{kind}_digest", b.documents[kind]["digest"], manifest[f"{kind}_digest"])
    for name in ("contract_digest", "receipt_contract_digest", "run_family_id"):
        yield from differs(f"manifest.{name}", topology[name], manifest[name])
    for kind, body in b.documents.items():
        if "lane_id" in body:
            yield from differs(f"{kind}.lane_id", b.lane, body["lane_id"])
        if "contract_digest" in body:
            yield from differs(f"{kind}.contract_digest", topology["contract_digest"], body["contract_digest"])


def hosts_are_the_topologys(b: OperatorBundle) -> Iterator[Mismatch]:
    """Alias, endpoint, folder and report of each contributor, and the commands with this run's name in them."""
    if not b.has("manifest", "topology"):
        return
    manifest, topology = b.documents["manifest"], b.documents["topology"]
    run_id = manifest["run_id"]
    nodes = [node for node in topology["nodes"] if "contributor" in node["roles"]]
    yield from differs("manifest.hosts", [n["node_id"] for n in nodes], [h["node_id"] for h in manifest["hosts"]])
    for node, host in zip(nodes, manifest["hosts"], strict=False):
        where = f"manifest.hosts {node['node_id']}"
        yield from differs(f"{where} host_alias", node["host_alias"], host["host_alias"])
        yield from differs(f"{where} contract_endpoint", node["cluster_endpoint"], host["contract_endpoint"])
        yield from differs(f"{where} run_root", _named(node["run_root"], run_id), host["run_root"])
        report = f"reports/{node['required_bringup_report']}"
        yield from differs(f"{where} report", report, host["bringup"]["path"])
    steps = [{name: _named(text, run_id) for name, text in step.items()} for step in topology["launch_sequence"]]
    yield from differs("manifest.launch_sequence", steps, manifest["launch_sequence"])


def reports_are_what_the_manifest_says(b: OperatorBundle) -> Iterator[Mismatch]:
    """Whose report, which verdict, how old, signed by whom; or plainly that there is none."""
    for host in b.documents["manifest"]["hosts"] if b.has("manifest") else []:
        report = b.documents.get(f"report:{host['node_id']}")
        if report is not None:
            yield from _report_is_true(b, host["node_id"], host["bringup"], report)


def _report_is_true(b: OperatorBundle, node_id: str, bound: Body, report: Body) -> Iterator[Mismatch]:
    where = f"manifest.hosts {node_id} bringup"
    yield from differs(f"{where} node", node_id, report["node_id"])
    yield from differs(f"{where} digest", report["digest"], bound["digest"])
    yield from differs(f"{where} disposition", report["disposition"], bound["disposition"])
    if report["schema_version"] != REPORTS[0]:
        yield from differs(f"{where} origin", "not_observed", bound["origin"])
        for name in ("run_id", "taken_wall_ms", "age_ms", "node_public_key", "signature"):
            yield from differs(f"{where} {name} of a report that nobody has", None, bound[name])
        return
    if bound["origin"] == "not_observed":
        yield Mismatch(f"{where} origin", "given or newest_retained", "not_observed")
    taken = report["finished_wall_ms"]
    yield from differs(f"{where} run_id", report["run_id"], bound["run_id"])
    yield from differs(f"{where} taken_wall_ms", taken, bound["taken_wall_ms"])
    yield from differs(f"{where} age_ms", b.documents["manifest"]["created_wall_ms"] - taken, bound["age_ms"])
    yield from differs(f"{where} node_public_key", report["node_public_key"], bound["node_public_key"])
    signed = REPORT_PREFIX + bytes.fromhex(report["digest"])
    if bound["signature"] is not None and not signed_by(report["node_public_key"], bound["signature"], signed):
        yield Mismatch(f"{where} signature", "one by the node's key over the report's digest", "another")


def _named(text: str, run_id: str) -> str:
    return text.replace("${RUN_ID}", run_id)


RULES = (
    *FORM_RULES,
    links_are_current,
    claims_have_a_boundary,
    *DRILL_RULES,
    bundle_has_exactly_its_files,
    files_are_as_listed,
    receipt_binds_the_manifest,
    a_launch_claims_no_run,
    manifest_names_its_documents,
    hosts_are_the_topologys,
    reports_are_what_the_manifest_says,
)


def lane_of(root: Path) -> str | None:
    """The lane whose launch manifest lies in a folder."""
    names = [path.name.removesuffix("_launch_manifest.json") for path in sorted(root.glob("*_launch_manifest.json"))]
    return next((name for name in names if LANE_NAME.fullmatch(name)), None)


def check_operator_bundle(root: Path) -> Verdict:
    """A folder without any manifest is judged as one of the first lane: everything is missing there."""
    bundle = OperatorBundle(root, lane_of(root) or FIRST_LANE)
    return judge(bundle, RULES, {"documents": len(bundle.documents), "files": len(bundle.folder.files)})
