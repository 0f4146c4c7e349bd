"""The real agent's process with verbs and limits of a test's choosing: no option of the real one can set these."""

import asyncio
import json
import os
import sys
from pathlib import Path

from runners.agent.main import serve
from runners.agent.settings import AgentSettings, Limits
from runners.agent.token import AdmissionToken
from runners.contract.requests import VERBS

TINY_VERB = (sys.executable, "-I", "-S", str(Path(__file__).with_name("tiny_verb.py")))


def main() -> int:
    order = json.loads(sys.argv[1])
    settings = AgentSettings(
        listen="127.0.0.1",
        port=order["port"],
        home=Path(order["home"]),
        run_root=Path(order["run_root"]),
        model_dir=Path(order["home"]) / "model",
        backend="torch",
        authorized_keys=tuple(order["authorized_keys"]),
        idle_exit_s=order["idle_exit_s"],
        dial=tuple(order["dial"]) if order["dial"] else None,
        limits=Limits(**order["limits"]),
        programs=dict.fromkeys(VERBS, TINY_VERB),
    )
    token = AdmissionToken.take(os.environ, stdin_fd=0 if order["token"] else None)
    return asyncio.run(serve(settings, token))


if __name__ == "__main__":
    sys.exit(main())
