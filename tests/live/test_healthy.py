"""A whole window on this machine, as an operator starts it."""

import json
import os
import threading
from pathlib import Path

import psutil
import pytest

from console.evidence.checks.real_run import check_real_run
from tests.live.conftest import MakeRun
from tests.live.rig import LiveRun, assert_gone, finish, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
TOKEN_MARK = b"swarm1-"
HOOK = """
import sys
def hook(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.link", "os.chmod"):
        LOG.write(f"{event} {arguments[0]!r}\\n"); LOG.flush()
LOG = open(sys.argv[1], "a")
sys.addaudithook(hook)
"""


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> LiveRun:
    """One healthy run for all who look at its result; the coordinator's opens are logged by an audit hook."""
    from tests.live.rig import fast_lane

    folder = tmp_path_factory.mktemp("healthy")
    site = folder / "site"
    site.mkdir()
    body = HOOK.replace("sys.argv[1]", repr(str(folder / "opened.txt")))
    guard = 'import sys\nif "console.cli.coordinate" in sys.orig_argv:\n'
    (site / "sitecustomize.py").write_text(guard + "".join(f"    {line}\n" for line in body.splitlines()))
    run = LiveRun(folder, prepared, fast_lane(folder))
    path = os.pathsep.join([str(site), run.env()["PYTHONPATH"]])
    process = run.start("--json", PYTHONPATH=path)
    found: list[str] = []
    watcher = threading.Thread(target=_look_for_token, args=(run, process.pid, found))
    watcher.start()
    try:
        code, out, err = finish(process)
    finally:
        watcher.join()
        run.end()
    (folder / "out.json").write_text(out)
    (folder / "err.txt").write_text(err)
    (folder / "code").write_text(str(code))
    (folder / "token_seen").write_text("\n".join(found))
    return run


def _look_for_token(run: LiveRun, pid: int, found: list[str]) -> None:
    """argv and environment of every process of the run, again and again while it goes on."""
    until("the run to end", lambda: _looked(run, found) and _ended(pid), patience_s=200)


def _ended(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _looked(run: LiveRun, found: list[str]) -> bool:
    for process in run.left():
        try:
            said = " ".join([*process.cmdline(), *process.environ().values()])
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if TOKEN_MARK.decode() in said:
            found.append(said)
    return True


def test_a_healthy_run_exits_zero_with_a_verified_bundle(healthy: LiveRun) -> None:
    assert (healthy.folder / "code").read_text() == "0", (healthy.folder / "err.txt").read_text()[-3000:]
    said = json.loads((healthy.folder / "out.json").read_text())
    assert said["result"]["result_classification"] == "bounded_success"
    assert check_real_run(healthy.bundle).findings == ()


def test_the_merge_beats_the_base_and_the_worse_contributor(healthy: LiveRun) -> None:
    said = json.loads((healthy.folder / "out.json").read_text())
    loss = {score["subject"]: score["mean_loss"] for score in said["result"]["held_out_scores"]}
    assert loss["merge"] < loss["base"] - 0.05
    assert loss["merge"] <= max(loss["swarm-mac-a"], loss["swarm-linux-a"])


def test_the_coordinator_opens_nothing_under_the_remote_run_root(healthy: LiveRun) -> None:
    opened = (healthy.folder / "opened.txt").read_text().splitlines()
    remote = str(healthy.root / "linux")
    assert (healthy.root / "linux" / "outbox").is_dir()
    assert [line for line in opened if str(healthy.own / "journals") in line], "the hook saw nothing: no proof"
    assert [line for line in opened if str(healthy.root / "mac" / "runner") in line], "the local runner's files count"
    assert [line for line in opened if remote in line] == []
    assert [line for line in opened if str(healthy.runs / ".hosts") in line] == []


def test_the_token_is_in_no_file_no_argv_and_no_environment(healthy: LiveRun) -> None:
    assert (healthy.folder / "token_seen").read_text() == ""
    files = [path for top in (healthy.runs, healthy.home) for path in top.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert [path for path in files if TOKEN_MARK in path.read_bytes()] == []


def test_no_process_is_left_after_a_healthy_run(healthy: LiveRun) -> None:
    assert_gone(healthy)


def test_every_path_in_the_bundle_is_relative(healthy: LiveRun) -> None:
    for path in healthy.bundle.rglob("*"):
        if path.is_file():
            assert str(healthy.folder).encode() not in path.read_bytes(), path.name


def test_a_changed_byte_in_any_journal_of_the_bundle_is_found(healthy: LiveRun, make_run: MakeRun) -> None:
    import shutil

    copy = make_run().folder / "bundle"
    shutil.copytree(healthy.bundle, copy)
    path = next((copy / "journals").glob("*.contributor.*"))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert not check_real_run(copy).consistent
