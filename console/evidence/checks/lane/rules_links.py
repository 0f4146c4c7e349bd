"""Each document names the ones it rests on, by digest, and they are the ones that lie there."""

import tomllib
from collections.abc import Iterator

from console.evidence.checks.lane.held import Body, Held
from console.evidence.checks.lane.plain_file import read_plain
from console.evidence.checks.verdict import Mismatch, differs, shown

# (document, field, the document that it must name)
LINKS = (
    ("receipt_contract", "contract_digest", "contract"),
    ("plan", "contract_digest", "contract"),
    ("plan", "receipt_contract_digest", "receipt_contract"),
    ("topology", "contract_digest", "contract"),
    ("topology", "receipt_contract_digest", "receipt_contract"),
    ("topology", "plan_digest", "plan"),
    ("drills", "contract_digest", "contract"),
    ("drills", "plan_digest", "plan"),
    ("drills", "topology_digest", "topology"),
)


def links_are_current(held: Held) -> Iterator[Mismatch]:
    """A stale link: the cited document was frozen again, the citing one was not."""
    for citing, name, cited in LINKS:
        if held.has(citing, cited):
            yield from differs(f"{citing}.{name}", held.documents[cited]["digest"], held.documents[citing][name])


def binder_names_the_authorities(held: Held) -> Iterator[Mismatch]:
    """Path, type and digest of the four documents that decide."""
    if not held.has("binder"):
        return
    bound = {item["path"]: item for item in held.documents["binder"]["authorities"]}
    kinds = [kind for kind in ("contract", "receipt_contract", "plan", "topology") if kind in held.paths]
    yield from differs("binder.authorities", sorted(held.paths[kind] for kind in kinds), sorted(bound))
    for kind in kinds:
        item = bound.get(held.paths[kind])
        if item is not None and held.has(kind):
            body = held.documents[kind]
            yield from differs(f"binder.authorities {item['path']} digest", body["digest"], item["digest"])
            yield from differs(
                f"binder.authorities {item['path']} type", body["schema_version"], item["schema_version"]
            )


def one_lane_throughout(held: Held) -> Iterator[Mismatch]:
    """Lane and family are the same words in every document."""
    for kind, body in held.documents.items():
        yield from differs(f"{kind}.lane_id", held.lane, body["lane_id"])
        if held.has("contract") and "run_family_id" in body:
            yield from differs(
                f"{kind}.run_family_id", held.documents["contract"]["run_family_id"], body["run_family_id"]
            )


def contract_is_its_source(held: Held) -> Iterator[Mismatch]:
    """Field by field what the lane's TOML says, and nothing else."""
    path = f"swarm/lanes/{held.lane}.toml"
    raw = read_plain(held.root, path)
    if not isinstance(raw, bytes):
        yield Mismatch(path, "the lane's source", raw or "no such file")
        return
    try:
        source = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        yield Mismatch(path, "TOML", shown(str(error)))
        return
    if held.has("contract"):
        frozen = {k: v for k, v in held.documents["contract"].items() if k not in ("digest", "schema_version")}
        yield from _same(f"{path} against contract", source, frozen)


def roles_are_held(held: Held) -> Iterator[Mismatch]:
    """One coordinator, one validator, 1 to 8 contributors, different names."""
    if not held.has("contract"):
        return
    nodes = held.documents["contract"]["nodes"]
    for role in ("coordinator", "validator"):
        count = sum(role in node["roles"] for node in nodes)
        if count != 1:
            yield Mismatch(f"contract nodes with role {role}", "1", str(count))
    if not 1 <= len(held.contributors) <= 8:
        yield Mismatch("contract contributors", "1 to 8", str(len(held.contributors)))
    for name in ("node_id", "run_root"):
        values = [node[name] for node in nodes]
        if len(set(values)) != len(values):
            yield Mismatch(f"contract nodes {name}", "different ones", shown(values))


def _same(where: str, expected: object, got: object) -> Iterator[Mismatch]:
    """The first difference on each branch. TOML has no null: an absent key is one."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in sorted({*expected, *got}):
            yield from _same(f"{where} {name}", expected.get(name), got.get(name))
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for index, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from _same(f"{where}[{index}]", one, other)
    else:
        yield from differs(where, expected, got)


def claims_have_a_boundary(held: Held) -> Iterator[Mismatch]:
    """No document goes without saying what it does not prove."""
    for kind, body in held.documents.items():
        text: str = body["claim_boundary"]
        if len(text.split()) < 10:
            yield Mismatch(f"{kind}.claim_boundary", "a sentence that bounds the claim", shown(text))


def by_id(items: list[Body]) -> dict[str, Body]:
    return {item["node_id"]: item for item in items}


RULES = (
    roles_are_held,
    contract_is_its_source,
    one_lane_throughout,
    links_are_current,
    binder_names_the_authorities,
    claims_have_a_boundary,
)
