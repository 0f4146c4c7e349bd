"""`swarm token new`: the admission token that the operator exports on both sides."""

import argparse

from runners.records.admission import new_token


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "token",
        help="make an admission token (32 random bytes and a checksum)",
        description="Prints a new admission token. Operator and contributor prove to each other that they hold the "
        "same one, without showing it; it is read from the environment and from no argument.",
    )
    parser.add_argument("what", metavar="new", choices=("new",), help="make one and print it")
    parser.set_defaults(act=new)


def new(_: argparse.Namespace) -> int:
    """The one secret that is ever printed, on purpose: `export PSIONIC_SWARM_ADMISSION_TOKEN=$(swarm token new)`."""
    print(new_token())
    return 0
