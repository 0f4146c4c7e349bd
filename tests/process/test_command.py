"""`python -m runners`: its output, its exit codes, its settings, its lines."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runners.contract.errors import MalformedBytes
from runners.contract.jobs import JOBS
from runners.contract.requests import VERBS, RunnerRequest
from runners.process.errors import SettingsError, StreamEnded
from runners.process.settings import read_settings
from runners.process.wire import Wire
from tests.patience import PATIENCE_S
from tests.process.node import Node, runner_request

LINE = b'{"node_id":"linux","revision":0,"run_id":"run-1"}'


def run(*arguments: str, environment: dict[str, str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *arguments], input=stdin, env=environment, capture_output=True, timeout=PATIENCE_S, check=False
    )


def test_help_names_every_verb_and_job(node: Node) -> None:
    done = run("-m", "runners", "--help", environment=node.environment())
    assert done.returncode == 0
    assert [name for name in (*VERBS, *JOBS, "agent") if f"    {name}" not in done.stdout.decode()] == []


def test_an_unknown_verb_is_a_usage_error_with_nothing_on_stdout(node: Node) -> None:
    done = run("-m", "runners", "format-disk", environment=node.environment())
    assert (done.returncode, done.stdout) == (2, b"")


def test_a_host_setting_that_is_wrong_is_a_refusal(node: Node) -> None:
    done = run("-m", "runners", "status", environment=node.environment(SWARM_BACKEND="abacus"), stdin=LINE + b"\n")
    assert done.returncode == 1
    assert b'"refused":"host_settings"' in done.stdout


def test_what_a_library_prints_never_reaches_the_answers(node: Node) -> None:
    noisy = (
        "import os, sys; from runners.process import verbs; quiet = verbs.HANDLERS['status'];"
        "verbs.HANDLERS['status'] = lambda *given: (os.write(1, b'noise'), print('noise'), quiet(*given))[2];"
        "from runners.__main__ import main; sys.exit(main(['status']))"
    )
    node.settings.make_run_root()
    line = b'{"node_id":"linux","revision":0,"run_id":"run-1"}\n'
    done = run("-c", noisy, environment=node.environment(), stdin=line)
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 1
    assert b"noise" not in done.stdout
    assert done.stderr.count(b"noise") == 2


def test_an_option_wins_over_the_environment(tmp_path: Path) -> None:
    options = argparse.Namespace(run_root=str(tmp_path / "option"))
    settings = read_settings(options, {"SWARM_RUN_ROOT": "/elsewhere", "SWARM_BACKEND": "mlx", "SWARM_TOKEN_FD": "7"})
    assert settings.run_root == tmp_path / "option"
    assert (settings.backend, settings.token_fd) == ("mlx", 7)
    assert settings.host_key_fingerprints == ("local",)


@pytest.mark.parametrize(
    "environ",
    [{"SWARM_CONTRACT_DIGEST": "short"}, {"SWARM_TOKEN_FD": "-1"}, {"SWARM_ORPHAN_MS": "soon"}],
    ids=lambda environ: next(iter(environ)),
)
def test_a_setting_of_another_form_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(environ))):
        read_settings(argparse.Namespace(), environ)


def test_a_run_root_that_was_not_set_is_named(node: Node) -> None:
    with pytest.raises(SettingsError, match="SWARM_RUN_ROOT"):
        _ = read_settings(argparse.Namespace(), {}).run_root
    assert node.ask("status", runner_request(), SWARM_RUN_ROOT="")[1][-1]["refused"] == "host_settings"


def wire_of(data: bytes) -> Wire:
    read_end, write_end = os.pipe()
    os.write(write_end, data)
    os.close(write_end)
    return Wire(read_end, write_end, silence_s=1)


def test_a_line_and_the_bytes_behind_it_are_kept_apart() -> None:
    wire = wire_of(LINE + b"\n\0\1\2tail")
    assert wire.read(RunnerRequest).run_id == "run-1"
    assert b"".join(wire.chunks(3)) == b"\0\1\2"
    assert wire.has_more()


@pytest.mark.parametrize(
    "line",
    [b'{"run_id":"run-1","node_id":"linux","revision":0}', LINE + b" ", LINE.replace(b"0", b"0.0"), b"\xff", b"[]"],
    ids=["order", "white_space", "number", "not_utf8", "list"],
)
def test_a_line_in_another_spelling_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedBytes):
        wire_of(line + b"\n").read(RunnerRequest)


def test_a_torn_line_is_named_as_the_end_of_the_stream() -> None:
    with pytest.raises(StreamEnded, match="end of the stream"):
        wire_of(LINE[:-1]).read(RunnerRequest)


def test_silence_ends_the_conversation() -> None:
    read_end, write_end = os.pipe()
    try:
        with pytest.raises(StreamEnded, match="silence"):
            Wire(read_end, write_end, silence_s=0.05).read(RunnerRequest)
    finally:
        os.close(read_end)
        os.close(write_end)
