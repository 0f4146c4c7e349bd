"""Hostile records one by one: each refused by its name, with what was expected and got, and nothing told of it."""

import errno
import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runners.contract.canonical import canonical_bytes
from runners.contract.errors import BadSignature, BrokenChain, ContractError, MalformedBytes
from runners.contract.journal import Writer, parse_line, signed_bytes
from runners.contract.node_records import Began
from runners.records import journal_file
from runners.records.durable import read_regular, write_durable
from runners.records.errors import UnsafePath
from runners.records.journal_file import JournalFile, JournalReader
from runners.records.keys import SigningKey
from tests.hostile.golden import golden

WHOLE = golden("contributor")
LINE = WHOLE.lines[0]
DEEP = b'{"a":' * 40 + b"1" + b"}" * 40


def with_body(raw: bytes) -> bytes:
    """The line with those bytes as its body."""
    body = json.loads(LINE)["body"]
    return LINE.replace(b'"body":' + canonical_bytes(body), b'"body":' + raw)


SPELLED: dict[str, tuple[bytes, str]] = {
    "not_utf8": (LINE.replace(b'"role"', b'"r\xffle"'), "expected UTF-8, got an invalid byte at offset"),
    "byte_order_mark": (b"\xef\xbb\xbf" + LINE, "expected JSON"),
    "nan": (with_body(b'{"x":NaN}'), "expected a finite number, got NaN"),
    "infinity": (with_body(b'{"x":-Infinity}'), "expected a finite number, got -Infinity"),
    "past_a_double": (with_body(b'{"x":1e999}'), "expected a finite number, got one beyond"),
    "duplicate_key": (LINE.replace(b'"seq":0', b'"seq":0,"seq":0'), "expected unique keys, got 'seq' twice"),
    "duplicate_key_in_body": (with_body(b'{"x":1,"x":2}'), "expected unique keys, got 'x' twice"),
    "deep_nesting": (with_body(DEEP), "nested at most 32 deep"),
    "deepest_nesting": (b"[" * 60_000, "nested at most 32 deep"),
    "huge_int": (with_body(b'{"x":%d}' % 2**53), r"expected an integer below 2\^53"),
    "huger_int": (with_body(b'{"x":' + b"9" * 5000 + b"}"), r"expected an integer below 2\^53, got one of 5000 digits"),
    "lone_surrogate": (with_body(b'{"x":"\\ud800"}'), "expected Unicode text, got a lone surrogate"),
    "nul": (LINE + b"\0", "expected JSON"),
    "nul_in_text": (LINE.replace(b'"role":"c', b'"role":"\0c'), "expected JSON"),
    "crlf": (LINE + b"\r", "expected a journal line in canonical form"),
    "white_space": (LINE.replace(b'"seq":0', b'"seq": 0'), "expected a journal line in canonical form"),
    "keys_in_another_order": (json.dumps(dict(reversed(json.loads(LINE).items())), separators=(",", ":")).encode(),
                              "expected a journal line in canonical form"),
    "escapes_of_plain_letters": (LINE.replace(b'"role"', b'"\\u0072ole"'), "expected a journal line in canonical form"),
    "a_field_more": (canonical_bytes({**json.loads(LINE), "x": 1}), "JournalRecord.x: Extra inputs are not permitted"),
    "a_field_less": (canonical_bytes({k: v for k, v in json.loads(LINE).items() if k != "prev"}), "JournalRecord.prev"),
    "no_schema_version": (canonical_bytes({k: v for k, v in json.loads(LINE).items() if k != "schema_version"}),
                          "with its schema_version"),
    "another_type": (canonical_bytes({**json.loads(LINE), "seq": "0"}), "JournalRecord.seq"),
    "no_object": (b"[]", "expected a journal line in canonical form"),
    "too_long": (with_body(b'{"x":"' + b"y" * 70_000 + b'"}'), "expected at most 65536 bytes of JSON"),
    "empty": (b"", "expected JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPELLED)
def test_a_line_in_no_true_spelling_is_malformed(case: str) -> None:
    raw, message = SPELLED[case]
    assert raw != LINE
    with pytest.raises(MalformedBytes, match=message):
        parse_line(raw)
    reader = JournalReader(WHOLE.writer, WHOLE.public_key)
    with pytest.raises(MalformedBytes, match=message):
        reader.feed(raw + b"\n" + LINE + b"\n")
    assert reader.head.next_seq == 0, "nothing was believed, and what follows isn't read"


A, B, C = WHOLE.lines[:3]
OTHER = SigningKey.generate()


def signed_again(raw: bytes, **changes: object) -> bytes:
    body = {**json.loads(raw), **changes}
    return canonical_bytes({**body, "sig": OTHER.sign(signed_bytes(body))})


IN_A_CHAIN: dict[str, tuple[list[bytes], int, type[ContractError], str]] = {
    "reordered": ([A, C, B], 1, BrokenChain, "expected seq 1, got 2"),
    "skipped": ([A, C], 1, BrokenChain, "expected seq 1, got 2"),
    "replayed": ([A, B, B], 2, BrokenChain, "expected seq 2, got 1"),
    "begun_again": ([A, B, A], 2, BrokenChain, "expected seq 2, got 0"),
    "forked": ([A, signed_again(B, prev="0" * 64)], 1, BrokenChain, "expected prev"),
    "of_another_run": ([signed_again(A, run_id="another")], 0, BrokenChain, "expected a record of"),
    "of_another_node": ([signed_again(A, node_id="swarm-mac-a")], 0, BrokenChain, "expected a record of"),
    "of_another_revision": ([signed_again(A, revision=1)], 0, BrokenChain, "expected a record of"),
    "of_another_epoch": ([signed_again(A, epoch=7)], 0, BrokenChain, "expected a record of"),
    "right_chain_wrong_key": ([A, signed_again(B)], 1, BadSignature, "expected a signature by key"),
    "changed_after_signing": ([A, B.replace(b'"mono_ms":', b'"mono_ms":1')], 1, BadSignature, "expected a signature"),
    "signature_of_another_line": ([A, canonical_bytes({**json.loads(B), "sig": json.loads(C)["sig"]})], 1, BadSignature,
                                  "expected a signature"),
}  # fmt: skip


@pytest.mark.parametrize("case", IN_A_CHAIN)
def test_a_line_that_does_not_follow_is_refused_and_those_before_it_stand(case: str) -> None:
    lines, true, error, message = IN_A_CHAIN[case]
    reader = JournalReader(WHOLE.writer, WHOLE.public_key)
    with pytest.raises(error, match=message):
        reader.feed(b"".join(line + b"\n" for line in lines))
    assert reader.head.next_seq == true


# --- the machine itself ---------------------------------------------------------------------------------------------

NODE = Writer(run_id="run-1", node_id="swarm-linux-a", role="contributor", revision=0, epoch=0)


@pytest.mark.parametrize(
    "number", [errno.EROFS, errno.ENOSPC, errno.EIO], ids=["read_only_disk", "full_disk", "bad_disk"]
)
def test_a_line_that_the_disk_refuses_is_not_there_and_the_next_one_is(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is simulated: a process of root is refused nothing by a mode."""
    journal = JournalFile(tmp_path / NODE.file_name, NODE, SigningKey.generate())
    first = journal.append("began", Began(begin_digest="a" * 64))

    def half(fd: int, line: bytes) -> None:
        os.write(fd, line[:50])
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(journal_file, "write_all", half)
        with pytest.raises(OSError, match=os.strerror(number)):
            journal.append("began", Began(begin_digest="b" * 64))
    third = journal.append("began", Began(begin_digest="c" * 64))
    journal.close()
    assert journal.path.read_bytes() == first.raw + b"\n" + third.raw + b"\n"
    assert third.record.seq == 1


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    top = max(int(path.name) for path in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, top + 1), hard))
    taken: list[int] = []
    try:
        while True:
            try:
                taken.append(os.dup(0))
            except OSError:
                break
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)


def reading(path: Path) -> None:
    read_regular(path, limit=10)


def writing(path: Path) -> None:
    write_durable(path, b"new")


@pytest.mark.parametrize(("act", "error"), [(reading, UnsafePath), (writing, OSError)])
def test_at_the_limit_of_open_files_the_limit_is_named_and_the_file_is_as_it_was(
    act: Callable[[Path], None], error: type[Exception], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with no_descriptor_left(), pytest.raises(error, match="Too many open files"):
        act(path)
    assert (path.read_bytes(), [one.name for one in tmp_path.iterdir()]) == (b"old", ["file"])
