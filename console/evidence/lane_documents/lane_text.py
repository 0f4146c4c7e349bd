"""A lane as TOML text, so that an operator can start from one that works."""

import json
from typing import Any

from runners.contract.lane import RunContract

DERIVED = ("digest", "schema_version")


def lane_toml(contract: RunContract) -> str:
    """Reads back to the same contract and digest."""
    body = {name: value for name, value in contract.to_json().items() if name not in DERIVED}
    return "\n".join(_table(body, ())) + "\n"


def _table(body: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    tables = {name: value for name, value in body.items() if isinstance(value, dict)}
    rows = {name: value for name, value in body.items() if isinstance(value, list) and value and _is_rows(value)}
    plain = {name: value for name, value in body.items() if name not in tables and name not in rows}
    lines = [f"{name} = {_value(value)}" for name, value in plain.items() if value is not None]
    for name, items in rows.items():
        for item in items:
            lines += ["", f"[[{'.'.join((*path, name))}]]", *_table(item, (*path, name))]
    for name, value in tables.items():
        lines += ["", f"[{'.'.join((*path, name))}]", *_table(value, (*path, name))]
    return lines


def _is_rows(value: list[Any]) -> bool:
    return all(isinstance(item, dict) for item in value)


def _value(value: object) -> str:
    """JSON spells strings, numbers, booleans and lists of them as TOML does; DEL alone needs its escape."""
    return json.dumps(value, ensure_ascii=True) if not isinstance(value, str) else _string(value)


def _string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
