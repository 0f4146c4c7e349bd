"""`[[endpoints]]` of the settings: ways to a contributor that neither the lane nor `swarm host list` knows."""

import re
from pathlib import Path
from typing import Any

from console.hosts.ways import NamedWay, Way

MOST = 32
_FIELDS = ("name", "node", "remote", "dial_in", "host_key", "client_key", "coordinator_port")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ADDRESS = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:%_-]{0,253}|\[[0-9A-Fa-f:.%]{2,60}\]")
PORTS = range(1, 65536)


def read_endpoints(asked: object, folder: Path) -> tuple[tuple[NamedWay, ...], tuple[str, ...]]:
    """The good ones, and a line about each that was left out. Keys' files are named from `folder`, or absolute."""
    if not isinstance(asked, list):
        return (), ("endpoints: expected [[endpoints]] tables",)
    found: list[NamedWay] = []
    problems: list[str] = []
    for place, one in enumerate(asked[:MOST]):
        body: dict[str, Any] = one if isinstance(one, dict) else {}
        problem = _problem(body, {named.name for named in found})
        if problem:
            problems.append(f"endpoints {place + 1}: {problem}; it is left out")
        else:
            found.append(_way(body, folder))
    if len(asked) > MOST:
        problems.append(f"endpoints: expected {MOST} at most, got {len(asked)}; the first {MOST} are used")
    return tuple(found), tuple(problems)


def _problem(body: dict[str, Any], taken: set[str]) -> str:
    """Empty where it can be used."""
    if not body or (foreign := [name for name in body if name not in _FIELDS]):
        return f"expected {', '.join(_FIELDS)}, got {', '.join(foreign) if body else 'nothing'}"
    for field in ("name", "node", "remote", "dial_in", "host_key", "client_key"):
        if field in body and (not isinstance(body[field], str) or not body[field] or not body[field].isprintable()):
            return f"expected {field} as text, got {body[field]!r:.40}"
    if not _NAME.fullmatch(body.get("name", "")):
        return f"expected a name of up to 40 letters, digits, blanks and . _ -, got {body.get('name', '')!r:.60}"
    if body["name"] in taken:
        return f"expected another name than {body['name']}, which is taken"
    if "node" in body and not _NODE.fullmatch(body["node"]):
        return f"{body['name']}: expected node as a lane names it, got {body['node']!r:.60}"
    if ("remote" in body) == ("dial_in" in body):
        return f'{body["name"]}: expected either remote = "HOST:PORT" or dial_in = "ADDRESS" of this machine'
    if "host_key" not in body:
        return f"{body['name']}: expected host_key, the file of its public host key: nothing is learned"
    if "remote" in body and not _is_host_and_port(body["remote"]):
        return (
            f'{body["name"]}: expected remote = "HOST:PORT", got {body["remote"]!r:.60}; names are in `swarm host list`'
        )
    if "dial_in" in body and not _ADDRESS.fullmatch(body["dial_in"]):
        return f"{body['name']}: expected dial_in = an address of this machine, got {body['dial_in']!r:.60}"
    port = body.get("coordinator_port")
    if port is not None and (type(port) is not int or port not in PORTS):
        return f"{body['name']}: expected coordinator_port from 1 to 65535, got {port!r:.40}"
    return ""


def _is_host_and_port(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return _ADDRESS.fullmatch(host) is not None and port.isascii() and port.isdigit() and int(port[:6]) in PORTS


def _way(body: dict[str, Any], folder: Path) -> NamedWay:
    files = {field: folder / Path(body[field]).expanduser() if field in body else None
             for field in ("host_key", "client_key")}  # fmt: skip
    way = Way(body.get("remote"), body.get("dial_in"), files["host_key"], files["client_key"],
              body.get("coordinator_port"))  # fmt: skip
    return NamedWay(body["name"], way, body.get("node"))
