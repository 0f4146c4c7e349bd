"""Rules about who took part: measured machines, honest labels, admitted keys."""

from collections.abc import Iterator
from typing import Any

from console.evidence.checks.device_label import honest
from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.verdict import Mismatch, differs, shown


def labels_name_the_device_that_computed(e: Evidence) -> Iterator[Mismatch]:
    """A Metal or CUDA label on a CPU's work would claim a machine that was never there."""
    for where, device, software in _devices(e):
        yield from honest(where, device, software)


def _devices(e: Evidence) -> Iterator[tuple[str, Body, Body | None]]:
    for path, body in e.documents.items():
        if body.get("device"):
            yield path, body["device"], body.get("software")
        if body.get("replay_device"):
            yield path, body["replay_device"], body["replay_software"]
    for node in e.contributors:
        for line in e.story_lines(node):
            if line.kind == "ready":
                yield line.where, line.body["device"], None


def one_device_from_gate_to_receipt(e: Evidence) -> Iterator[Mismatch]:
    """Bring-up, journal, membership, ready and receipt speak of one and the same device of a node."""
    for node in e.contributors:
        report = e.bringup(node)
        if report is None or report["device"] is None:
            continue
        device = report["device"]
        expected_labels = (device["backend_label"], device["device_label"])
        for where, body in _claims(e, node):
            yield from differs(where, expected_labels, (body["backend_label"], body["device_label"]))
        replay = e.replay(node)
        if replay:
            got = replay["contributor_backend_label"]
            yield from differs(f"receipts/replay_{node}.json contributor_backend_label", expected_labels[0], got)


def _claims(e: Evidence, node: str) -> Iterator[tuple[str, Body]]:
    for kind in ("bringup_received", "runner_ready"):
        for line in e.said(kind, node):
            yield line.where, line.body
    for line in e.story_lines(node):
        if line.kind == "ready":
            yield line.where, line.body["device"]
    receipt = e.receipt(node)
    if receipt:
        yield f"retained_artifacts/{node}/contributor_receipt.json", receipt["device"]
    for path, group in (
        ("contract/membership_receipt.json", "members"),
        ("coordinator_runtime_report.json", "nodes"),
        ("contributor_runtime_report.json", "contributors"),
    ):
        for item in e.documents.get(path, {}).get(group, []):
            if item["node_id"] == node and item["backend_label"] != "not_observed":
                yield f"{path} {node}", item


def journal_agrees_with_bringup(e: Evidence) -> Iterator[Mismatch]:
    """What the coordinator journaled about a report is what the host signed."""
    for kind in ("bringup_received", "bringup_refused"):
        for line in e.said(kind):
            report = e.bringup(line.body["node_id"])
            if report is not None and line.body["report_digest"] is not None:
                yield from differs(f"{line.where} report_digest", report["digest"], line.body["report_digest"])
                for name in ("disposition", "node_public_key"):
                    if name in line.body:
                        yield from differs(f"{line.where} {name}", report[name], line.body[name])
                if line.kind == "bringup_received" and report["device"] is not None:
                    name = report["device"]["name"]
                    yield from differs(f"{line.where} device_name", name, line.body["device_name"])


def admissions_bind_keys(e: Evidence) -> Iterator[Mismatch]:
    """The admitted key is the one of the bring-up report, and the journal names the receipt that both sides hold."""
    for node in e.contributors:
        receipt, report = e.admission(node), e.bringup(node)
        if receipt and report:
            where = f"receipts/admission_{node}.json node_public_key"
            yield from differs(where, report["node_public_key"], receipt["node_public_key"])
        for line in e.said("admission_decided", node):
            if line.body["outcome"] == "admitted" and receipt:
                for name, got in (
                    ("digest", line.body["receipt_digest"]),
                    ("node_public_key", line.body["node_public_key"]),
                    ("token_custody", line.body["token_custody"]),
                ):
                    yield from differs(f"{line.where} {name}", receipt[name], got)
        for line in e.story_lines(node):
            if line.kind == "opened" and receipt and report:
                yield from differs(f"{line.where} admission_digest", receipt["digest"], line.body["admission_digest"])
                yield from differs(
                    f"{line.where} node_public_key", report["node_public_key"], line.body["node_public_key"]
                )


def host_keys_are_the_seen_ones(e: Evidence) -> Iterator[Mismatch]:
    """Admission is bound to the SSH host key that the coordinator really saw on that link."""
    for node in e.contributors:
        receipt = e.admission(node)
        seen = {
            line.body["host_key_fingerprint"] for line in e.said("link_changed", node) if line.body["state"] == "up"
        } - {None}
        if receipt and receipt["host_key_fingerprint"] != "local":
            contract = e.node_contract(node)
            if contract and contract["transport"] == "ssh" and receipt["host_key_fingerprint"] not in seen:
                where = f"receipts/admission_{node}.json host_key_fingerprint"
                yield Mismatch(where, f"one of {sorted(seen)}", shown(receipt["host_key_fingerprint"]))


def members_are_the_admitted_nodes(e: Evidence) -> Iterator[Mismatch]:
    """The membership receipt repeats reports, admissions and keys, for exactly the contract's contributors."""
    if e.membership is None or e.contract is None:
        return
    where = "contract/membership_receipt.json"
    members = {member["node_id"]: member for member in e.membership["members"]}
    if len(members) != len(e.membership["members"]):
        yield Mismatch(where, "each member once", "one twice")
    if missing := sorted(set(e.contributors) - set(members)):
        yield Mismatch(where, f"member {missing[0]}", "none")
    keys = [member["node_public_key"] for member in members.values()]
    if len(set(keys)) != len(keys):
        yield Mismatch(f"{where} node_public_key", "a key of its own for each node", "one key for two")
    for node, member in members.items():
        contract = e.node_contract(node)
        if contract is None:
            yield Mismatch(f"{where} {node}", "a node of the contract", "another")
            continue
        yield from differs(f"{where} {node} roles", sorted(contract["roles"]), sorted(member["roles"]))
        yield from _member(f"{where} {node}", member, e.bringup(node), e.admission(node), node in e.contributors)


def _member(
    where: str, member: Body, report: Body | None, admission: Body | None, contributes: bool
) -> Iterator[Mismatch]:
    if report is None:
        yield Mismatch(where, "a bring-up report in the bundle", "none")
    else:
        yield from differs(f"{where} bringup_digest", report["digest"], member["bringup_digest"])
        yield from differs(f"{where} node_public_key", report["node_public_key"], member["node_public_key"])
        yield from differs(f"{where} bring-up", "ready_to_attempt", report["disposition"])
    if contributes:
        digest: Any = admission["digest"] if admission else "an admission receipt"
        yield from differs(f"{where} admission_digest", digest, member["admission_digest"])


def endpoints_are_kept_apart(e: Evidence) -> Iterator[Mismatch]:
    """Contract and observed endpoint are two facts, and the same two in every document."""
    manifest = e.documents.get("operator_manifest.json")
    if manifest is None:
        return
    cards = {card["node_id"]: card for line in e.said("run_opened") for card in line.body["contributors"]}
    bound = e.said("plan_bound")
    listed = [endpoint["node_id"] for endpoint in manifest["endpoints"]]
    if e.said("run_opened"):
        yield from differs("operator_manifest.json endpoints", sorted(cards), listed)
    if e.contract:
        backend = e.contract["governance"]["replay_backend"]
        yield from differs("operator_manifest.json replay_backend", backend, manifest["replay_backend"])
    for endpoint in manifest["endpoints"]:
        node = endpoint["node_id"]
        where = f"operator_manifest.json endpoint of {node}"
        if node in cards:
            yield from differs(where, cards[node]["contract_endpoint"], endpoint["contract_endpoint"])
        yield from differs(where, _endpoint(e, node, len(e.coordinator)), endpoint["observed_endpoint"])
    for member in (e.membership or {}).get("members", []):
        node = member["node_id"]
        where = f"contract/membership_receipt.json {node}"
        if bound:
            yield from differs(where, _endpoint(e, node, e.position(bound[0])), member["observed_endpoint"])
        if node in cards:
            yield from differs(where, cards[node]["contract_endpoint"], member["contract_endpoint"])


def _endpoint(e: Evidence, node: str, before: int) -> str:
    """Where the coordinator last found a node, up to a position in its journal."""
    seen = [line.body["endpoint"] for line in e.said("link_changed", node) if e.position(line) < before]
    return seen[-1] if seen else "not_observed"


RULES = (
    labels_name_the_device_that_computed,
    journal_agrees_with_bringup,
    one_device_from_gate_to_receipt,
    admissions_bind_keys,
    host_keys_are_the_seen_ones,
    members_are_the_admitted_nodes,
    endpoints_are_kept_apart,
)
