"""Commands of the operator: signed files that appear once in the run's inbox."""

import secrets
import sys
from pathlib import Path
from typing import Literal

from console.coordination.desk import Desk
from runners.contract import coordinator_records as rec
from runners.contract.canonical import canonical_bytes
from runners.contract.errors import ContractError
from runners.contract.receipts import OperatorCommand
from runners.records.durable import create_once, read_regular
from runners.records.errors import RecordsError
from runners.records.keys import SigningKey, verify

COMMAND_PREFIX = b"swarm.operator_command.v1\0"
MAX_COMMAND_BYTES = 64 * 1024


def signed_part(command: OperatorCommand) -> bytes:
    body = {name: value for name, value in command.to_json().items() if name not in ("signature", "digest")}
    return COMMAND_PREFIX + canonical_bytes(body)


def leave_command(
    inbox: Path, key: SigningKey, run_id: str, command: Literal["stop"], reason: str, wall_ms: int
) -> str:
    """Sign a command and leave it in the run's inbox; its id. Durable before this returns."""
    draft = OperatorCommand(
        command_id=f"{command}-{wall_ms}-{secrets.token_hex(4)}",
        run_id=run_id,
        command=command,
        reason=reason,
        created_wall_ms=wall_ms,
        operator_public_key=key.public_hex,
        signature="",
    )
    signature = key.sign(signed_part(draft))
    fields = {**draft.to_json(), "signature": signature}
    sealed = OperatorCommand.seal(**fields)
    create_once(inbox / f"{sealed.command_id}.json", sealed.to_bytes())
    return sealed.command_id


def read_commands(desk: Desk) -> None:
    """Note every new, well-signed command. A bad file is named once in the log and otherwise ignored."""
    for path in sorted(desk.paths.inbox.glob("*.json")):
        if path.name in desk.read_inbox:
            continue
        desk.read_inbox.add(path.name)
        try:
            command = OperatorCommand.read(read_regular(path, limit=MAX_COMMAND_BYTES))
            check_command(command, desk.spec.run_id, desk.spec.operator_public_key, path.name)
        except (ContractError, RecordsError) as error:
            print(f"inbox: {path.name}: refused: {error}", file=sys.stderr)
            continue
        if command.command_id not in desk.state.commands:
            desk.note(
                rec.OperatorActed(
                    command_id=command.command_id,
                    command=command.command,
                    command_digest=command.digest,
                    reason=command.reason,
                )
            )


def check_command(command: OperatorCommand, run_id: str, operator_public_key: str, file_name: str) -> None:
    """For this run, by this operator, under its own name. Raises ContractError."""
    pairs = ((run_id, command.run_id), (operator_public_key, command.operator_public_key))
    for expected, got in (*pairs, (f"{command.command_id}.json", file_name)):
        if expected != got:
            raise ContractError(f"operator command: expected {expected}, got {got}")
    verify(command.operator_public_key, command.signature, signed_part(command))
