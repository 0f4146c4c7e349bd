"""Frozen documents with one lie in them, and everything else made to support it: digests and links are new."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console.evidence.checks.lane.rules_links import LINKS
from console.evidence.lane_documents.places import KINDS, LanePlaces
from runners.contract.canonical import readable_bytes, sha256_hex
from runners.contract.document import body_digest

Body = dict[str, Any]
Edit = Callable[[Body], None]


def relink(root: Path, lane: str, edits: dict[str, Edit]) -> None:
    """Apply each edit to its document, in the order of citation; who cites it cites what it became."""
    bodies: dict[str, Body] = {}
    for kind in KINDS:
        path = root / LanePlaces(lane).of(kind)
        body = json.loads(path.read_bytes())
        for citing, name, cited in LINKS:
            if citing == kind:
                body[name] = bodies[cited]["digest"]
        if kind == "binder":
            for item in body["authorities"]:
                cited = next(k for k in bodies if LanePlaces(lane).of(k) == item["path"])  # type: ignore[arg-type]
                item["digest"] = bodies[cited]["digest"]
        if kind in edits:
            edits[kind](body)
        seal(body)
        bodies[kind] = body
        path.write_bytes(readable_bytes(body))


def seal(body: Body) -> None:
    body["digest"] = body_digest(body)


def rewrite(path: Path, edit: Edit, *, sealed: bool = True) -> Body:
    body: Body = json.loads(path.read_bytes())
    edit(body)
    if sealed:
        seal(body)
    path.write_bytes(readable_bytes(body))
    return body


def relist(bundle: Path, lane: str, edit: Edit | None = None) -> None:
    """Manifest and receipt of an operator bundle again, over the files as they lie there now."""
    places = LanePlaces(lane)

    def manifest(body: Body) -> None:
        for item in body["files"]:
            data = (bundle / item["path"]).read_bytes()
            item.update(size_bytes=len(data), sha256=sha256_hex(data))
        for kind in ("plan", "topology", "drills"):
            path = bundle / places.in_operator_bundle(kind)
            body[f"{kind}_digest"] = json.loads(path.read_bytes())["digest"]
        for host in body["hosts"]:
            host["bringup"]["digest"] = json.loads((bundle / host["bringup"]["path"]).read_bytes())["digest"]
        if edit:
            edit(body)

    sealed = rewrite(bundle / places.launch_manifest, manifest)

    def receipt(body: Body) -> None:
        raw = (bundle / places.launch_manifest).read_bytes()
        body.update(manifest_digest=sealed["digest"], manifest_sha256=sha256_hex(raw))

    rewrite(bundle / places.launch_receipt, receipt)
