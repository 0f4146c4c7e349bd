"""Rules about documents one by one and the identities that run through all of them."""

from collections.abc import Iterator
from typing import Any

from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.layout import BUNDLE_FILE, kind_of
from console.evidence.checks.signatures import (
    ADMISSION_PREFIX,
    BEGIN_PREFIX,
    BRINGUP_PREFIX,
    COMMAND_PREFIX,
    signed_by,
    without,
)
from console.evidence.checks.stored import UnreadableError, canonical, digest_of, sha256_hex
from console.evidence.checks.verdict import Mismatch, differs, shown

BEGIN_PATH = "contract/begin.json"


def documents_have_their_form(e: Evidence) -> Iterator[Mismatch]:
    """Stored form byte for byte, the closed field set of the schema, tensors that fill their file."""
    yield from (item for item in e.unreadable if not item.where.startswith(BUNDLE_FILE))


def documents_own_their_digest(e: Evidence) -> Iterator[Mismatch]:
    """A document's digest is over itself; so are those of documents inside it."""
    for path, body in e.documents.items():
        for where, document in _sealed(path, body):
            yield from differs(f"{where} digest", _digest(document), document["digest"])
    for node in e.contributors:
        for line in e.lines_of(node):
            if line.kind == "produced":
                manifest = line.body["manifest"]
                yield from differs(f"{line.where} manifest", _digest(manifest), manifest["digest"])


def paths_name_their_node(e: Evidence) -> Iterator[Mismatch]:
    """A receipt under another node's name would be read as that node's."""
    for path, body in e.documents.items():
        known = kind_of(path)
        if known and known[1] is not None and "node_id" in body:
            yield from differs(f"{path} node_id", known[1], body["node_id"])
        if body.get("schema_version") == "swarm.operator_command.v1":
            yield from differs(path, f"operator_commands/{body['command_id']}.json", path)


def one_run_everywhere(e: Evidence) -> Iterator[Mismatch]:
    """Another run's true receipt is false evidence here: run, lane, window and contract are equal in all documents."""
    expected = {name: e.bundle[name] for name in ("run_id", "lane_id", "contract_digest")}
    if e.plan:
        expected["window_id"] = e.plan["window_id"]
    for path, body in e.documents.items():
        for where, name, value in _fields(path, body):
            if where.startswith("launch/") and where.endswith(".bringup"):
                continue  # a launch shows the newest report that is known, of whichever run
            if name in expected:
                yield from differs(f"{where}.{name}", expected[name], value)
    for line in e.coordinator:
        for where, name, value in _fields(line.where, line.body):
            if name in expected:
                yield from differs(f"{where}.{name}", expected[name], value)


def _was_lost(e: Evidence, name: str) -> bool:
    """It drifted, and the bound bytes were nowhere any more; what lay in its place is in quarantine."""
    document = {"plan_digest": "window_plan", "membership_digest": "membership_receipt"}[name]
    return any(line.body["document"] == document for line in e.said("drift_found"))


def digests_bind_the_documents(e: Evidence) -> Iterator[Mismatch]:
    """Contract, plan and membership are named by digest in the bundle and in the journal, and are these ones."""
    if e.contract:
        yield from differs(f"{BUNDLE_FILE} contract_digest", e.contract["digest"], e.bundle["contract_digest"])
        yield from differs(f"{BUNDLE_FILE} run_family_id", e.contract["run_family_id"], e.bundle["run_family_id"])
    for name, document in (("plan_digest", e.plan), ("membership_digest", e.membership)):
        if document is None and _was_lost(e, name):
            continue
        digest = document["digest"] if document else None
        yield from differs(f"{BUNDLE_FILE} {name}", digest, e.bundle[name])
        for line in e.said("plan_bound"):
            yield from differs(f"{line.where} {name}", digest, line.body[name])
    for line in e.said("run_opened"):
        if e.contract:
            yield from differs(f"{line.where} policies", e.contract["policies"], line.body["policies"])
            yield from differs(f"{line.where} steps", e.contract["recipe"]["steps"], line.body["steps"])
            named = sorted(card["node_id"] for card in line.body["contributors"])
            yield from differs(f"{line.where} contributors", sorted(e.contributors), named)


def keys_are_the_same_everywhere(e: Evidence) -> Iterator[Mismatch]:
    """One operator, one coordinator: a second key would be a second author."""
    for name in ("coordinator_public_key", "operator_public_key"):
        for path, body in e.documents.items():
            if name in body:
                yield from differs(f"{path} {name}", e.bundle[name], body[name])
        for line in e.said("run_opened"):
            yield from differs(f"{line.where} {name}", e.bundle[name], line.body[name])


def hosts_signed_their_reports(e: Evidence) -> Iterator[Mismatch]:
    """A bring-up report or an admission receipt is its host's word only under the host's own key."""
    for path, body in e.documents.items():
        prefix = {
            "swarm.bringup_report.v1": BRINGUP_PREFIX,
            "swarm.admission_receipt.v1": ADMISSION_PREFIX,
        }.get(body.get("schema_version", ""))
        if prefix is None:
            continue
        signature = e.signatures.get(f"{path}.sig")
        if signature is None:
            continue  # missing, which journaled_things_exist says, or without its form
        if not signed_by(body["node_public_key"], signature, prefix + bytes.fromhex(body["digest"])):
            yield Mismatch(f"{path}.sig", f"a signature by {body['node_public_key'][:16]}", "none that holds")


def operator_signed_the_commands(e: Evidence) -> Iterator[Mismatch]:
    """Only the operator steers a run; every act in the journal is a command in the bundle."""
    commands = {
        body["command_id"]: body
        for body in e.documents.values()
        if body.get("schema_version") == "swarm.operator_command.v1"
    }
    for name, body in commands.items():
        signed = COMMAND_PREFIX + without(body, "signature", "digest")
        if not signed_by(e.bundle["operator_public_key"], body["signature"], signed):
            yield Mismatch(f"operator_commands/{name}.json", "a signature by the operator", "none that holds")
    for line in e.said("operator_acted"):
        command = commands.get(line.body["command_id"])
        if command is None:
            yield Mismatch(line.where, f"command {shown(line.body['command_id'])} in the bundle", "no such document")
        else:
            yield from differs(f"{line.where} digest", command["digest"], line.body["command_digest"])
            yield from differs(f"{line.where} command", command["command"], line.body["command"])


def coordinator_signed_the_begin(e: Evidence) -> Iterator[Mismatch]:
    """Nobody trains before the coordinator's permission, which names the assignments of this plan."""
    body = e.documents.get(BEGIN_PATH)
    if body is None:
        return
    begin = body["begin"]
    if not signed_by(e.bundle["coordinator_public_key"], body["signature"], BEGIN_PREFIX + canonical(begin)):
        yield Mismatch(BEGIN_PATH, "a signature by the coordinator", "none that holds")
    digest = sha256_hex(canonical(begin))
    if e.plan:
        assigned = sorted(item["digest"] for item in e.plan["assignments"])
        yield from differs(f"{BEGIN_PATH} assignments", assigned, sorted(begin["assignment_digests"]))
        yield from differs(f"{BEGIN_PATH} revision", e.plan["revision"], begin["revision"])
    for line in e.said("window_opened"):
        yield from differs(f"{line.where} begin_digest", digest, line.body["begin_digest"])
    for node in e.contributors:
        for line in e.story_lines(node):
            if line.kind == "began":
                yield from differs(f"{line.where} begin_digest", digest, line.body["begin_digest"])


def _digest(body: Body) -> str:
    try:
        return digest_of(body)
    except UnreadableError:
        return "none: the body has no canonical form"


def _sealed(where: str, value: Any) -> Iterator[tuple[str, Body]]:
    """Every object with a digest of its own, inside out."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _sealed(f"{where}.{name}", item)
        if "digest" in value and "schema_version" in value:
            yield where, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _sealed(f"{where}[{index}]", item)


def _fields(where: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    """Every (place, name, value) of an object, however deep."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield where, name, item
            yield from _fields(f"{where}.{name}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _fields(f"{where}[{index}]", item)


RULES = (
    documents_have_their_form,
    documents_own_their_digest,
    paths_name_their_node,
    one_run_everywhere,
    digests_bind_the_documents,
    keys_are_the_same_everywhere,
    hosts_signed_their_reports,
    coordinator_signed_the_begin,
    operator_signed_the_commands,
)
