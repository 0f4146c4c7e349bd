"""The real verb behind the real agent: the token by its pipe, the host key by its environment."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.hosts.errors import HostRefused
from console.hosts.keys import client_key, pinned_key, public_line
from console.hosts.loopback import AgentPlan, start_agent, stop_agent
from console.hosts.ssh_host import SshHost
from console.hosts.ssh_target import SshTarget
from runners.contract.receipts import AdmissionReceipt
from runners.contract.requests import AdmitAnswer, AdmitResponse
from runners.records import admission
from runners.records.errors import AdmissionRefused
from runners.records.keys import SigningKey

pytestmark = pytest.mark.ssh

TOKEN = admission.new_token()
CONTRACT = "c" * 64


@pytest.fixture
def node_key(tmp_path: Path) -> SigningKey:
    """As bring-up makes it."""
    return SigningKey.load_or_create(tmp_path / "home" / "keys" / "linux.pem")


@pytest.fixture
async def host(tmp_path: Path, node_key: SigningKey) -> AsyncIterator[SshHost]:
    key = client_key(tmp_path / "client.pem")
    plan = AgentPlan(
        home=tmp_path / "home",
        run_root=tmp_path / "linux",
        model_dir=tmp_path / "model",
        backend="torch",
        authorized_key=public_line(key),
        log_path=tmp_path / "agent.log",
        port=0,
        contract_digest=CONTRACT,
    )
    handle = await start_agent(plan, token=TOKEN)
    host = await SshHost.connect("linux", SshTarget("127.0.0.1", handle.port, pinned_key(handle.host_key), key))
    try:
        yield host
    finally:
        await host.close()
        await stop_agent(handle)


async def admit(
    host: SshHost, node_key: SigningKey, *, token: str = TOKEN, seen_key: str | None = None, contract: str = CONTRACT
) -> AdmissionReceipt:
    """The coordinator's side, with custody `proved`: the token does not go over the link."""
    secret = admission.check_token(token)
    asked = admission.challenge(
        run_id="run-1",
        node_id="linux",
        contract_digest=contract,
        coordinator_public_key=SigningKey.generate().public_hex,
        host_key_fingerprint=seen_key or host.host_key_fingerprint,
        handed_over=False,
    )
    async with host.open("admit") as conversation:
        await conversation.send(asked)
        given = await conversation.receive(AdmitAnswer)
        admission.verify_answer(secret, asked, given, expected_node_key=node_key.public_hex)
        confirmed = admission.confirmation(secret, asked, given, admitted_wall_ms=1)
        await conversation.send(confirmed)
        response = await conversation.receive(AdmitResponse)
        assert (await conversation.finish()).exit_code == 0
    return admission.verify_receipt(asked, given, confirmed, response)


async def test_both_sides_prove_the_token_that_only_the_agents_pipe_carried(
    host: SshHost, node_key: SigningKey
) -> None:
    receipt = await admit(host, node_key)
    assert receipt.token_custody == "proved"
    assert receipt.host_key_fingerprint == host.host_key_fingerprint


async def test_another_token_proves_nothing(host: SshHost, node_key: SigningKey) -> None:
    with pytest.raises(AdmissionRefused):
        await admit(host, node_key, token=admission.new_token())


async def test_a_coordinator_that_saw_another_host_key_is_refused_by_the_host(
    host: SshHost, node_key: SigningKey
) -> None:
    with pytest.raises(HostRefused, match="host_key_mismatch"):
        await admit(host, node_key, seen_key="SHA256:" + "A" * 43)


async def test_another_contract_than_the_agents_is_refused_by_the_host(host: SshHost, node_key: SigningKey) -> None:
    with pytest.raises(HostRefused, match="contract_digest_mismatch"):
        await admit(host, node_key, contract="d" * 64)
