"""`python -m runners VERB`: what a host does for the swarm, one process per request."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from runners.contract.jobs import JOBS
from runners.contract.requests import VERBS

HELP = {
    "bringup": "measure this host and run the training gate; the answer is a signed report",
    "admit": "prove the admission token to each other, and leave a signed receipt",
    "receive": "take one archive of inputs, byte for byte as announced",
    "launch": "start the runner, detached, once per revision",
    "begin": "hand the coordinator's signed permission to train to the runner",
    "status": "is the runner alive, or proven dead",
    "release": "let the runner go once its work was fetched",
    "stop": "end the runner: SIGTERM, five seconds, SIGKILL",
    "reach": "try the way back to the coordinator, at one port of where it came from",
    "capture": "run the decoder once per sample and keep the hidden states",
    "cut": "cut a captured shard into slices, and make the initial adapter",
    "replay": "do an assignment again, without seeing the contribution",
    "score": "held-out loss of the base and of adapters",
    "smoke": "load an adapter through PEFT, compare its logits with base plus delta, and generate",
    "identify": "which sources, Python and packages run here; the answer is one JSON line",
    "bench_lmhead": "time steps over a random LM head, by PEFT and by our own backend",
    "work": "the runner itself; `launch` starts it",
    "agent": "the SSH endpoint of a host without sshd (its own options: `agent --help`)",
}
EPILOG = """\
A verb or job reads canonical JSON lines on standard input and writes one JSON line (jobs: progress lines before it) on
standard output. When it refuses, that line is {"detail": ..., "refused": ...} and the exit code is 1. Standard error is
for people. What a host decides for itself comes from the options of a verb or from SWARM_... in the environment, never
from standard input; the admission token comes by an inherited pipe, never by a variable or an option.

  echo '{"node_id":"linux","revision":0,"run_id":"run-1"}' | SWARM_RUN_ROOT=~/swarm-runs/run-1/linux \\
      python -m runners status
"""


def main(argv: Sequence[str]) -> int:
    if argv[:1] == ["agent"]:
        from runners.agent.main import main as agent

        return agent(argv[1:])
    options = _parser().parse_args(argv)
    return _run(options)


def _parser() -> argparse.ArgumentParser:
    from runners.process.settings import add_options

    parser = argparse.ArgumentParser(
        prog="python -m runners",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in (*VERBS, *JOBS, "identify", "work", "agent"):
        verb = verbs.add_parser(name, help=HELP[name], description=HELP[name])
        add_options(verb)
        if name == "work":
            verb.add_argument("--revision", type=int, required=True, help="the launched revision of the window")
    return parser


def _run(options: argparse.Namespace) -> int:
    from runners.process.errors import SettingsError
    from runners.process.settings import read_settings
    from runners.process.unheard import end_when_unheard
    from runners.process.verbs import answer, refuse
    from runners.process.wire import Wire
    from runners.process.work import work

    # Only answers leave by the real standard output; what a library prints goes to standard error.
    sink = os.dup(1)
    os.dup2(2, 1)
    wire = Wire(0, sink)
    try:
        settings = read_settings(options, os.environ)
    except SettingsError as error:
        refuse(wire, error, None)
        return 1
    if options.verb == "identify":
        from runners.process.identify import identify

        wire.write(identify())
        return 0
    if options.verb == "work":
        return work(settings, options.revision)
    if options.verb in JOBS:
        end_when_unheard(sink)
    return answer(options.verb, settings, wire)


def _leave(code: int) -> NoReturn:
    """What had to be written is synced. Accelerator libraries take over a second to tear down, and somebody waits."""
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:2] == ["agent"]:
        sys.exit(main(sys.argv[1:]))
    _leave(main(sys.argv[1:]))
