import asyncio
import json

import psutil
import pytest

from console.hosts.errors import HostRefused, VerbFailed
from console.hosts.host import Host, LinkState
from console.hosts.line_conversation import MAX_LINE_BYTES
from runners.contract.document import Word
from runners.contract.errors import DigestMismatch, MalformedBytes
from runners.contract.receipts import AdmissionReceipt
from runners.contract.requests import Done, LaunchResponse
from tests.agent.rig import AgentRig
from tests.hosts.conftest import Order, Told, connected
from tests.patience import meanwhile_until

pytestmark = pytest.mark.ssh

DONE = b'{"done":true}\n'


def answering(raw: bytes, *, code: int = 0, stderr: str = "") -> Order:
    return Order(act="answer", hex=raw.hex(), code=code, stderr=stderr)


async def test_a_request_gets_its_answer(host: Host) -> None:
    assert await host.ask("stop", answering(DONE), Done) == Done()


async def test_lines_and_bytes_go_out_and_come_back(host: Host) -> None:
    answer = LaunchResponse(pid=7, process_started_ms=8, revision=0, epoch=0, journal="x.jsonl")
    async with host.open("receive") as conversation:
        await conversation.send(Order(act="echo", code=5))
        await conversation.send(answer)
        await conversation.send_bytes([json.dumps(Done().to_json(), separators=(",", ":")).encode(), b"\n"])
        await conversation.end_input()
        assert await conversation.receive(LaunchResponse) == answer
        assert await conversation.receive(Done) == Done()
        ending = await conversation.finish()
    assert ending.exit_code == 5
    assert ending.stderr == ("heard 90 bytes",)


async def test_a_refusal_is_raised_with_its_reason(host: Host) -> None:
    raw = b'{"detail":"expected a, got b\xe2\x80\xae","refused":"wrong_contract"}\n'
    with pytest.raises(HostRefused) as caught:
        await host.ask("launch", answering(raw, code=1), LaunchResponse)
    assert caught.value.refused == "wrong_contract"
    assert caught.value.detail == "expected a, got b\\x202e"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b'{"done": true}\n', "canonical form"),
        (b'{"done":true}\r\n', "canonical form"),
        (b'{"done":true,"done":true}\n', "unique keys"),
        (b'{"done":NaN}\n', "finite number"),
        (b'{"done":true,"more":1}\n', "Extra inputs"),
        (b'{"done":false}\n', "Done.done"),
        (b"[1]\n", "Done"),
        (b"\xff\n", "UTF-8"),
        (b'"\0"\n', "expected JSON"),
        (b"\n", "expected JSON"),
        (b'{"refused":"x"}\n', "Refusal.detail"),
        (b'{"done":true}', "ends in LF"),
        (b'{"done":true}\n{"done":true}\n', "nothing after its answer"),
        (b"[" * 100_000 + b"\n", "nested"),
    ],
)
async def test_an_answer_in_another_spelling_is_refused(host: Host, raw: bytes, problem: str) -> None:
    with pytest.raises(MalformedBytes, match=problem):
        await host.ask("stop", answering(raw), Done)


class Holder(Word):
    receipt: AdmissionReceipt


async def test_a_document_in_an_answer_with_another_digest_is_refused(host: Host) -> None:
    receipt = AdmissionReceipt.seal(
        run_id="r", node_id="n", role="contributor", contract_digest="a" * 64, coordinator_public_key="a" * 64,
        node_public_key="a" * 64, host_key_fingerprint="local", coordinator_nonce="a" * 64, node_nonce="a" * 64,
        token_custody="proved", admitted_wall_ms=1,
    )  # fmt: skip
    raw = json.dumps({"receipt": {**receipt.to_json(), "run_id": "s"}}, separators=(",", ":"), sort_keys=True)
    with pytest.raises(DigestMismatch):
        await host.ask("admit", answering(raw.encode() + b"\n"), Holder)


async def test_sixteen_mebibytes_without_a_newline_are_refused(host: Host) -> None:
    async with host.open("bringup") as conversation:
        await conversation.send(Order(act="flood", blocks=MAX_LINE_BYTES // 65536 + 2))
        with pytest.raises(MalformedBytes, match="a line of at most"):
            await conversation.receive(Done)


@pytest.mark.parametrize("verb", ["status", "stop"])
async def test_a_verb_that_fails_is_told_with_its_status_and_last_words_made_printable(host: Host, verb: str) -> None:
    with pytest.raises(VerbFailed) as caught:
        await host.ask(verb, answering(b"", code=9, stderr="one\ntwo \x1b[31mred\n"), Done)
    assert caught.value.exit_code == 9
    assert caught.value.stderr == ("one", "two \\x1b[31mred")


async def test_an_answer_with_a_bad_exit_status_after_it_is_a_failure(host: Host) -> None:
    with pytest.raises(VerbFailed, match="got exit status 4"):
        await host.ask("stop", answering(DONE, code=4), Done)


async def test_a_killed_verb_is_told_by_its_signal(host: Host) -> None:
    with pytest.raises(VerbFailed, match="got exit status -9"):
        await host.ask("stop", Order(act="die"), Done)


async def test_a_refusal_before_all_input_was_taken_is_heard(host: Host) -> None:
    raw = b'{"detail":"too much","refused":"archive_too_large"}\n'
    async with host.open("receive") as conversation:
        await conversation.send(answering(raw, code=1))
        await conversation.send_bytes(b"x" * 65536 for _ in range(64))
        with pytest.raises(HostRefused, match="archive_too_large"):
            await conversation.receive(Done)


async def test_much_standard_error_does_not_stop_the_verb(host: Host) -> None:
    async with host.open("stop") as conversation:
        await conversation.send(answering(DONE, stderr="line\n" * 100_000))
        assert await conversation.receive(Done) == Done()
        ending = await conversation.finish()
    assert ending.stderr == ("line",) * len(ending.stderr)
    assert 0 < len(ending.stderr) <= 40


async def test_leaving_a_conversation_ends_its_process(host: Host) -> None:
    async with host.open("bringup") as conversation:
        await conversation.send(Order(act="wait"))
        pid = (await conversation.receive(Told)).pid
        assert psutil.pid_exists(pid)
    await gone(pid)


async def test_a_cancelled_conversation_ends_its_process(host: Host) -> None:
    told = asyncio.get_running_loop().create_future()

    async def talk() -> None:
        async with host.open("bringup") as conversation:
            await conversation.send(Order(act="wait"))
            told.set_result((await conversation.receive(Told)).pid)
            await conversation.receive(Done)

    talking = asyncio.create_task(talk())
    pid = await told
    talking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await talking
    await gone(pid)


async def test_a_verb_left_midway_costs_nobody_the_link(agent: AgentRig) -> None:
    """The channel is closed while the process runs; the same connection goes on answering."""
    changes: list[LinkState] = []
    async with connected(agent, changes.append) as ssh:
        for _ in range(3):
            async with ssh.open("status") as left:
                await left.send(Order(act="wait"))
                pid = (await left.receive(Told)).pid
            assert await ssh.ask("status", answering(DONE), Done) == Done()
            await gone(pid)
        assert [change.up for change in changes] == [True]


async def test_a_verb_cancelled_midway_costs_nobody_the_link(agent: AgentRig) -> None:
    changes: list[LinkState] = []
    async with connected(agent, changes.append) as ssh:
        asking = asyncio.create_task(ssh.ask("status", Order(act="echo"), Done))
        await asyncio.sleep(0)
        for _ in range(3):
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            asking = asyncio.create_task(ssh.ask("status", Order(act="wait"), Done))
            await asyncio.sleep(0.02)  # anywhere between open, started and answered
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert await ssh.ask("status", answering(DONE), Done) == Done()
        assert [change.up for change in changes] == [True]


async def gone(pid: int) -> None:
    await meanwhile_until(f"process {pid} to be gone", lambda: not psutil.pid_exists(pid))
