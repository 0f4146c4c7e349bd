"""The topology is the contract's places and bounds, and its commands are this lane's."""

from collections.abc import Iterator

from console.evidence.checks.lane.held import Body, Held
from console.evidence.checks.lane.names import bringup_report, in_bundle, later, place
from console.evidence.checks.verdict import Mismatch, differs

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ROOT = "~/swarm-runs/${RUN_ID}"


def topology_is_the_contract(held: Held) -> Iterator[Mismatch]:
    """Namespace, admission, bounds, coordinator and contributors."""
    if not held.has("contract", "topology"):
        return
    contract, topology = held.documents["contract"], held.documents["topology"]
    for name in ("namespace", "admission_posture", "admission_token_env", "policies"):
        yield from differs(f"topology.{name}", contract[name], topology[name])
    yield from differs("topology.coordinator_node_id", held.coordinator["node_id"], topology["coordinator_node_id"])
    names = [node["node_id"] for node in held.contributors]
    yield from differs("topology.contributor_node_ids", names, topology["contributor_node_ids"])
    alone = all(node["host_alias"] in LOOPBACK for node in contract["nodes"])
    posture = "one_machine_only" if alone else "named_hosts_only.no_discovery"
    yield from differs("topology.network_posture", posture, topology["network_posture"])


def nodes_are_the_contract(held: Held) -> Iterator[Mismatch]:
    """Each node's endpoint, labels, folder and report name follow from its contract."""
    if not held.has("contract", "topology", "plan"):
        return
    contract, stated = held.documents["contract"], held.documents["topology"]["nodes"]
    yield from differs("topology.nodes", len(contract["nodes"]), len(stated))
    labels = {item["node_id"]: item["backend_labels"] for item in held.documents["plan"]["assignments"]}
    for node, item in zip(contract["nodes"], stated, strict=False):
        expected: Body = {
            **{name: node[name] for name in ("node_id", "roles", "host_alias", "transport", "backend")},
            "cluster_endpoint": f"{node['host_alias']}:{node['cluster_port']}",
            "backend_labels": labels.get(node["node_id"], item["backend_labels"]),
            "device_labels": [f"{kind}:0" for kind in node["required_devices"]],
            "run_root": f"{ROOT}/{node['run_root']}",
            "required_bringup_report": bringup_report(node["node_id"], node["required_devices"]),
            "validates": "validator" in node["roles"],
            "aggregates": "coordinator" in node["roles"],
        }
        for name, value in expected.items():
            yield from differs(f"topology.nodes {node['node_id']} {name}", value, item[name])


def launch_sequence_is_this_lanes(held: Held) -> Iterator[Mismatch]:
    """Bundle, a gate on each contributor, three documents, and the live run last; each names the file it leaves."""
    if not held.has("contract", "topology"):
        return
    own, lane = held.coordinator["node_id"], f"--lane {held.lane}"
    steps = [
        (
            "materialize_operator_bundle",
            "operator",
            f"swarm launch {lane} --run-id ${{RUN_ID}} --bundle-dir ${{BUNDLE_DIR}} --manifest-only",
            f"${{BUNDLE_DIR}}/{held.lane}_launch_manifest.json",
        )
    ]
    for node in held.contributors:
        name = bringup_report(node["node_id"], node["required_devices"])
        report = f"{ROOT}/{node['run_root']}/reports/{name}"
        command = f"swarm bringup {node['run_root']} {lane} --report {report}"
        steps.append((f"bring_up_{node['run_root']}", node["node_id"], command, report))
    for phase, kind in (("workflow_plan", "plan"), ("topology", "topology"), ("failure_drills", "drills")):
        path = f"${{BUNDLE_DIR}}/{in_bundle(held.lane, kind)}"
        steps.append((f"freeze_{phase}", own, f"swarm freeze {kind} {lane} --out {path}", path))
    result = f"{ROOT}/bundle/first_swarm_real_run_bundle.json"
    steps.append(("live_run", "operator", f"swarm run {lane} --run-id ${{RUN_ID}}", result))
    stated = held.documents["topology"]["launch_sequence"]
    yield from differs("topology.launch_sequence phases", [step[0] for step in steps], [s["phase"] for s in stated])
    for step, item in zip(steps, stated, strict=False):
        for name, value in zip(("actor", "command", "artifact"), step[1:], strict=True):
            yield from differs(f"topology.launch_sequence {step[0]} {name}", value, item[name])


def staging_is_the_layout(held: Held) -> Iterator[Mismatch]:
    """The folders of docs/layout.md."""
    if not held.has("contract", "topology"):
        return
    own = f"{ROOT}/{held.coordinator['run_root']}/coordinator"
    expected = {
        "coordinator_artifacts": f"{own}/artifacts",
        "coordinator_quarantine": f"{own}/quarantine",
        "contributor_inputs": "${RUN_ROOT}/received",
        "contributor_outbox": "${RUN_ROOT}/outbox",
        "run_bundle": f"{ROOT}/bundle",
    }
    yield from differs("topology.staging", expected, held.documents["topology"]["staging"])


def binder_is_this_lanes(held: Held) -> Iterator[Mismatch]:
    """Launcher, live command, finalizer, checkers and evidence name this lane and its files, and nobody else's."""
    if not held.has("binder"):
        return
    binder = held.documents["binder"]
    fixed = {
        "launcher": f"swarm launch --lane {held.lane} --run-id RUN_ID --bundle-dir DIR --manifest-only",
        "live_command": f"swarm run --lane {held.lane} --run-id RUN_ID",
        "finalizer": "swarm closeout RUN_ID",
        "runbook": "docs/runbook.md",
        "reference_page": "docs/binder-reference.md",
    }
    for name, expected_text in fixed.items():
        yield from differs(f"binder.{name}", expected_text, binder[name])
    reports = [later(held.lane, what) for what in ("rehearsal", "evidence", "closeout")]
    drills = place(held.lane, "drills")
    checked = {
        "lan": place(held.lane, "topology"),
        "plan": place(held.lane, "plan"),
        "drills": drills,
        **dict(zip(("rehearsal", "evidence", "closeout"), reports, strict=True)),
    }
    expected = [{"command": f"swarm check {what}", "path": path} for what, path in checked.items()]
    yield from differs("binder.checkers", expected, binder["checkers"])
    yield from differs("binder.evidence", [drills, *reports], binder["evidence"])
    if held.has("topology"):
        alone = held.documents["topology"]["network_posture"] == "one_machine_only"
        kind = "one_machine" if alone else "two_or_more_named_hosts"
        yield from differs("binder.lane_kind", kind, binder["lane_kind"])


RULES = (
    topology_is_the_contract,
    nodes_are_the_contract,
    launch_sequence_is_this_lanes,
    staging_is_the_layout,
    binder_is_this_lanes,
)
