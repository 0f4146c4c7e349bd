"""A line that no checker reads never gets into a mirror."""

from pathlib import Path
from typing import Any

import pytest

from console.coordination.telling import admit
from console.evidence.checks.journals import read_journal
from console.hosts import follower
from console.hosts.follower import JournalFollower
from console.hosts.local_host import LocalHost
from runners.contract.canonical import canonical_bytes, sha256_hex
from runners.contract.errors import MalformedBytes
from runners.contract.journal import GENESIS, Writer, signed_bytes
from runners.records.keys import SigningKey
from runners.records.verb_process import VerbEnvironment

KEY = SigningKey.generate()
WRITER = Writer(run_id="run-1", node_id="linux", role="contributor", revision=0, epoch=0)
LOG = {"level": "info", "text": "hello"}
BEAT = {"beat": 1, "phase": "training", "step": 1, "steps": 4, "samples": 4, "loss": 1.5, "step_ms": 2.0,
        "memory_bytes": 1, "memory_total_bytes": 2}  # fmt: skip
EXITED = {"reason": "failed", "code": -9}


def _lines(*said: tuple[str, dict[str, Any], dict[str, Any]]) -> bytes:
    """Chained and signed with the right key, whatever they say."""
    raw, previous = b"", GENESIS
    for seq, (kind, body, more) in enumerate(said):
        unsigned: dict[str, Any] = {
            "schema_version": "swarm.journal_record.v1", **WRITER.to_json(), "seq": seq, "kind": kind,
            "wall_ms": 5, "mono_ms": 5, "body": body, "prev": previous, **more,
        }  # fmt: skip
        line = canonical_bytes({**unsigned, "sig": KEY.sign(signed_bytes(unsigned))})
        raw, previous = raw + line + b"\n", sha256_hex(line)
    return raw


async def _told(tmp_path: Path, raw: bytes) -> tuple[int, bytes, str]:
    """Lines that came through, what the mirror holds, and why the journal ended."""
    root = tmp_path / "root"
    root.mkdir()
    (root / WRITER.file_name).write_bytes(raw)
    host = LocalHost("linux", VerbEnvironment(root / "home", root, root / "model", "mlx"))
    mirror = tmp_path / WRITER.file_name
    following = JournalFollower(host, WRITER, KEY.public_hex, mirror, admit=admit)
    count, why = 0, ""
    try:
        while lines := await following.poll():
            count += len(lines)
    except MalformedBytes as error:
        why = str(error)
    following.close()
    return count, mirror.read_bytes(), why


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("confession", {}, {}), "a kind of record that a contributor writes"),
        (("log", {**LOG, "more": 1}, {}), "more"),
        (("log", LOG, {"wall_ms": -1}), "0"),
        (("log", LOG, {"mono_ms": -1}), "0"),
        (("heartbeat", {**BEAT, "memory_bytes": -(2**50)}, {}), "0"),
        (("heartbeat", {**BEAT, "step": -1}, {}), "0"),
    ],
    ids=[
        "unknown_kind",
        "unknown_field",
        "wall_below_zero",
        "clock_below_zero",
        "memory_below_zero",
        "step_below_zero",
    ],
)
async def test_a_signed_line_that_a_checker_would_refuse_ends_the_journal_before_it(
    tmp_path: Path, said: tuple[str, dict[str, Any], dict[str, Any]], why: str
) -> None:
    good = _lines(("log", LOG, {}), ("heartbeat", BEAT, {}))
    raw = _lines(("log", LOG, {}), ("heartbeat", BEAT, {}), said)

    count, kept, ended = await _told(tmp_path, raw)

    assert (count, kept) == (2, good)
    assert why in ended
    theirs, ours = read_journal(WRITER.file_name, raw), read_journal(WRITER.file_name, kept)
    assert theirs is not None and theirs.problem is not None
    assert ours is not None and ours.problem is None


async def test_an_exit_code_may_be_below_zero(tmp_path: Path) -> None:
    assert (await _told(tmp_path, _lines(("exited", EXITED, {}))))[0] == 1


async def test_a_journal_without_end_does_not_fill_the_coordinators_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "MAX_MIRROR_BYTES", 10_000)

    _, kept, ended = await _told(tmp_path, _lines(*[("log", LOG, {})] * 100))

    assert 9000 < len(kept) <= 10_000
    assert "a journal of at most 10000 bytes" in ended
