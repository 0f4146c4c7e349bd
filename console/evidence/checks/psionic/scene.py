"""The documents at hand, and how one finds another without trusting a path that it carries."""

import posixpath
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from console.evidence.checks.psionic.notation import Spelled

Body = dict[str, Any]


class InputMissingError(Exception):
    """A digest whose input nobody retained; the text is the reason a reader sees."""


@dataclass(frozen=True)
class Document:
    """One file. `path` is relative to the scene; `body` keeps key order and the spelling of floats."""

    path: str
    kind: str
    body: Body
    sha256: str

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path)


@dataclass
class Scene:
    """Every document by path, and the hashes and bytes of the other files beside them."""

    documents: dict[str, Document] = field(default_factory=dict)  # by path, in order of paths
    hashes: dict[str, str] = field(default_factory=dict)  # every file that was read
    sizes: dict[str, int] = field(default_factory=dict)
    tensors: dict[str, bytes] = field(default_factory=dict)  # safetensors files

    def lane(self, kind: str) -> Body:
        """The lane's document of a kind: the one nearest to the root. Raises InputMissingError."""
        found = min(self._of(kind), key=lambda doc: (doc.path.count("/"), doc.path), default=None)
        if found is None:
            raise InputMissingError(f"no {kind} lies beside this document")
        return found.body

    def beside(self, document: Document, kind: str, role: str = "") -> Document:
        """The document of a kind in the same folder. Raises InputMissingError."""
        for other in self._of(kind):
            if other.folder == document.folder and (not role or other.body.get("runtime_role") == role):
                return other
        raise InputMissingError(f"no {role or kind} document lies in the same folder")

    def below(self, document: Document, kind: str) -> Document:
        """The document of a kind in the same folder or under it. Raises InputMissingError."""
        inside = f"{document.folder}/" if document.folder else ""
        for other in self._of(kind):
            if other.path.startswith(inside):
                return other
        raise InputMissingError(f"no {kind} lies under the folder of this document")

    def run_report(self, run_id: object, role: str) -> Body:
        """The runtime report of one side of a run, wherever it lies. Raises InputMissingError."""
        for other in self._of("runtime_report"):
            if other.body.get("run_id") == run_id and other.body.get("runtime_role") == role:
                return other.body
        raise InputMissingError(f"no {role} report of this run is at hand")

    def _of(self, kind: str) -> list[Document]:
        return [document for document in self.documents.values() if document.kind == kind]


@dataclass(frozen=True)
class Spot:
    """One place in one document: the object that owns a field, and the object around that one."""

    scene: Scene
    document: Document
    owner: Any
    parent: Any
    key: str | int
    where: str
    trail: tuple[int, ...]

    @property
    def value(self) -> Any:
        return self.owner[self.key]

    @property
    def root(self) -> Body:
        return self.document.body


def spots(scene: Scene, document: Document, path: str) -> list[Spot]:
    """Places for a path such as `phases[].phase_digest`; the empty path is the document itself."""
    if not path:
        return [Spot(scene, document, {"": document.body}, {}, "", "", ())]
    *outer, last = path.split(".")
    places: list[tuple[Any, Any, str, tuple[int, ...]]] = [(document.body, {}, "", ())]
    for segment in outer:
        places = [inner for place in places for inner in _enter(place, segment)]
    found = []
    for owner, parent, where, trail in places:
        name = last.removesuffix("[]")
        here = f"{where}.{name}" if where else name
        if not last.endswith("[]"):
            found.append(Spot(scene, document, owner, parent, name, here, trail))
        elif isinstance(owner, dict) and isinstance(owner.get(name), list):
            items = owner[name]
            found += [
                Spot(scene, document, items, owner, at, f"{here}[{at}]", (*trail, at)) for at in range(len(items))
            ]
    return found


def _enter(place: tuple[Any, Any, str, tuple[int, ...]], segment: str) -> list[tuple[Any, Any, str, tuple[int, ...]]]:
    """Into an object, or into each object of a list. A part that is absent has no places."""
    owner, _, where, trail = place
    name = segment.removesuffix("[]")
    inner = owner.get(name) if isinstance(owner, dict) else None
    here = f"{where}.{name}" if where else name
    if segment.endswith("[]"):
        items = inner if isinstance(inner, list) else []
        return [(item, owner, f"{here}[{at}]", (*trail, at)) for at, item in enumerate(items)]
    return [(inner, owner, here, trail)] if isinstance(inner, dict) else []


def reach(body: Any, path: str) -> Any:
    """The value at a dotted path. Raises KeyError or TypeError, as its callers expect."""
    for name in path.split("."):
        body = body[name]
    return body


def same(left: object, right: object) -> bool:
    """Equal in value and in kind: `1` isn't `true`, and a float equals only a float."""
    if isinstance(left, Spelled) or isinstance(right, Spelled):
        return isinstance(left, float) and isinstance(right, float) and float(left) == float(right)
    return type(left) is type(right) and left == right


def resolve(document: Document, own_path: str, path: str) -> str | None:
    """A path of the author's machine as a path of the scene.

    `own_path` is where the author kept this document's folder: only the way from there to `path` counts, and it
    may not leave the scene. An absolute path is never opened.
    """
    if not path.startswith("/"):
        way = posixpath.join(document.folder, path)
    elif own_path.startswith("/"):
        way = posixpath.join(document.folder, posixpath.relpath(path, own_path))
    else:
        return None
    clean = posixpath.normpath(way)
    return None if clean.startswith(("/", "..")) or "\0" in clean else str(PurePosixPath(clean))
