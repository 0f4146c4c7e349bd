"""What a line's signature is over: the canonical record without it, however a stranger spells its body."""

from runners.contract.canonical import canonical_bytes
from runners.contract.journal import GENESIS, SIGNING_PREFIX, parse_line, signed_bytes

SIG = "ab" * 64
TEXTS = (
    "",
    f'"sig":"{SIG}","wall_ms":5}}',
    f'","sig":"{SIG}","wall_ms":5',
    "é\u2028\U0001f600\x7f\x00\\",
)


def test_the_signed_bytes_cut_from_a_line_are_those_of_the_record_made_anew() -> None:
    for text in TEXTS:
        for wall_ms in (0, 5, 2**53 - 1):
            record = {
                "schema_version": "swarm.journal_record.v1", "run_id": "run-1", "node_id": "swarm-mac-a",
                "role": "contributor", "revision": 1, "epoch": 1, "seq": 0, "kind": "log", "wall_ms": wall_ms,
                "mono_ms": 1, "body": {"text": text, "sig": SIG, "wall_ms": 5, "zzz": [1.5, {"sig": text}]},
                "prev": GENESIS, "sig": SIG,
            }  # fmt: skip
            raw = canonical_bytes(record)
            got = parse_line(raw).signed_bytes(raw)
            assert got == signed_bytes(record)
            assert got == SIGNING_PREFIX + canonical_bytes({n: v for n, v in record.items() if n != "sig"})
