"""The operator's own settings of the console, at the platform's place. Broken parts are named and left out."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_config_path, user_state_path

from console.cli.settings_endpoints import read_endpoints
from console.hosts.ways import NamedWay

MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class ConsoleSettings:
    """`keys` maps a binding's id to the keys that it gets instead, comma separated as in `swarm console --keys`."""

    theme: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    endpoints: tuple[NamedWay, ...] = ()  # more ways to a contributor, for the list of `L`


def settings_folder() -> Path:
    """Holds `console.toml` and `themes/*.toml`."""
    return user_config_path("swarm", appauthor=False)


def session_file() -> Path:
    """How the console was left; written by the console itself."""
    return user_state_path("swarm", appauthor=False) / "console-session.json"


def read_settings(path: Path, known: frozenset[str]) -> ConsoleSettings:
    """`known` are the ids of all bindings. A file that isn't there is no settings."""
    try:
        with path.open("rb") as stream:
            body = tomllib.loads(stream.read(MAX_BYTES).decode())
    except FileNotFoundError:
        return ConsoleSettings()
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return ConsoleSettings(problems=(f"settings {path.name}: expected TOML, got {error}; they are not used",))
    problems = [f"settings {path.name}: {name} is not a setting; theme, [keys] and [[endpoints]] are" for name in body
                if name not in ("theme", "keys", "endpoints")]  # fmt: skip
    theme, asked = body.get("theme"), body.get("keys", {})
    if theme is not None and not isinstance(theme, str):
        problems.append(f"settings {path.name}: expected theme as text, got {theme!r:.40}")
        theme = None
    keys = {}
    for name, value in asked.items() if isinstance(asked, dict) else ():
        if name in known and isinstance(value, str) and value:
            keys[name] = value
        else:
            problems.append(f"settings {path.name}: keys.{name} can't be set so; swarm console --keys lists the ids")
    endpoints, wrong = read_endpoints(body.get("endpoints", []), path.parent)
    problems += [f"settings {path.name}: {line}" for line in wrong]
    return ConsoleSettings(theme, keys, tuple(problems), endpoints)
