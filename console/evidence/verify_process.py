"""`python -m console.evidence.verify_process PATH`: an offline check that tells how far it is, one JSON object a line.

A screen starts it as a process of its own: a check takes seconds of one core, and a hostile folder must not be able to
take the screen down. First lines `{"rule", "done", "total"}`, the last one `{"verdict": ...}`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from console.evidence.checks.layout import BUNDLE_FILE, SIGNATURE_FILE
from console.evidence.checks.psionic.check import check_psionic
from console.evidence.checks.real_run import RULES, check_real_run

OURS = "swarm.real_run_bundle.v1"
MAX_FIRST_DOCUMENT = 4 * 1024 * 1024


def is_ours(path: Path) -> bool:
    """Whether the first document says that it is a bundle of this system; anything else is read as an old one."""
    first = path / BUNDLE_FILE if path.is_dir() else path
    try:
        # Whether it may have two names is for the check of our rules to say; a pipe must not be waited for.
        with os.fdopen(os.open(first, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            body = json.loads(stream.read(MAX_FIRST_DOCUMENT) or b"")
    except (OSError, ValueError, RecursionError):
        # It says nothing: what lies beside it does, and the check of our rules then tells what is wrong with it.
        return path.is_dir() and (path / SIGNATURE_FILE).is_file()
    return isinstance(body, dict) and body.get("schema_version") == OURS


def verify(path: Path, signers: Path | None = None) -> dict[str, Any]:
    """The verdict as plain data; `lines` are what an old document's check says beside its findings."""
    if is_ours(path):
        verdict = check_real_run(path, allowed_signers=signers, on_rule=_tell)
        return {"kind": "swarm", "lines": [], **verdict.to_json()}
    old = check_psionic(path)
    findings = [vars(finding) for finding in old.findings]
    facts = {"documents": len(old.documents)} | {str(name): count for name, count in old.counts().items()}
    body = {"consistent": old.consistent, "signer": "missing", "findings": findings, "facts": facts}
    return {"kind": "psionic", "lines": old.lines(), **body}


def _tell(number: int, name: str) -> None:
    print(json.dumps({"rule": name, "done": number, "total": len(RULES)}), flush=True)


def main() -> int:
    verdict = verify(Path(sys.argv[1]))
    print(json.dumps({"verdict": verdict}), flush=True)
    return 0 if verdict["consistent"] else 1


if __name__ == "__main__":
    sys.exit(main())
