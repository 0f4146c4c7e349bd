"""Every command says what it is for, shows how it is typed, and an error says what to do next."""

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

from console.cli.examples import EXAMPLES
from console.cli.main import main, parser


def commands(of: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Those that can be typed: the leaves."""
    below = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield of
    for action in below:
        for one in dict.fromkeys(action.choices.values()):
            yield from commands(one)


EVERY = {one.prog.removeprefix("swarm "): one for one in commands(parser())}
LINES = [line for lines in EXAMPLES.values() for line in lines]


def test_every_command_has_examples_and_no_example_is_of_none() -> None:
    assert set(EXAMPLES) == set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_a_commands_page_says_what_it_is_for_what_each_argument_is_and_how_it_is_typed(name: str) -> None:
    one = EVERY[name]
    page = one.format_help()

    assert one.description
    assert [action.dest for action in one._actions if not action.help] == []
    assert [line for line in EXAMPLES[name] if f"  {line}\n" not in page] == []


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_what_its_command_takes(line: str) -> None:
    found = re.search(r"\$\((.*)\)", line)
    words = shlex.split(found[1] if found else line, comments=True)[1:] or ["console"]

    assert callable(parser(words[0]).parse_args(words).act)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("runn", "expected console, run, "),
        ("runn", "got 'runn' (did you mean run?)"),
        ("run --lan loopback", "swarm run: expected one of its arguments, got --lan loopback (did you mean --lane?)"),
        ("run --coordinator-port x", "argument --coordinator-port: expected a whole number, got 'x'"),
        ("check", "swarm check: expected WHAT, got none"),
        ("drill contributor-loss", "got 'contributor-loss' (did you mean contributor_loss?)"),
        ("host ad box", "expected add, list, doctor, forget or agent, got 'ad' (did you mean add?)"),
        ("host doctor box --deep", "swarm host doctor: expected one of its arguments, got --deep"),
    ],
)
def test_a_wrong_argument_is_told_with_what_was_expected_and_where_to_read_on(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(line.split())

    told = capsys.readouterr().err
    assert left.value.code == 2
    assert said in told
    assert re.search(r"`swarm[a-z ]* --help` has what it takes, with examples\n$", told)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run --lane nosuch", "lane 'nosuch': expected one of"),
        ("host doctor nosuch", "host: nosuch: expected a host of `swarm host list` ("),
        ("drill contributor_loss --case another_shape", "expected --case with upload_disagreement only"),
        ("lane new a/b", "expected a name of up to 64 letters"),
        ("bench lmhead --only torch", "--only: expected cpu, cuda, mlx or some of"),
        ("bench lmhead --tokens 0", "at least 1, got 0"),
        ("bench heartbeats --minutes 0", "got 0 and "),
    ],
)
def test_what_makes_no_sense_ends_with_2_and_says_what_came(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2
    assert said in capsys.readouterr().err


def test_ctrl_c_is_said_with_what_is_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def pressed(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("console.cli.bringup._gate_lane", pressed)

    assert main(["bringup", "lane"]) == 130
    assert capsys.readouterr().err == "swarm: left by Ctrl-C; no report was written, and its runner is gone\n"
