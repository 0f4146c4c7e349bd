"""One node of the lane on this disk, with real verbs, and the little of a coordinator that it needs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from runners.contract.canonical import canonical_bytes
from runners.contract.document import Word
from runners.contract.jobs import BackendName
from runners.contract.journal import Writer
from runners.contract.lane import RunContract
from runners.contract.requests import Begin, BeginRequest, LaunchRequest, LaunchResponse, RunnerRequest
from runners.process.control import BEGIN_PREFIX
from runners.process.run_root import RunRoot
from runners.process.settings import HostSettings
from runners.process.verbs import answer as answer_verb
from runners.process.wire import Wire
from runners.records.admission import answer, challenge, confirmation, new_token, receipt_of, sign_receipt
from runners.records.admission import check_token as secret_of
from runners.records.journal_file import JournalReader, VerifiedLine
from runners.records.keys import SigningKey
from runners.records.process_identity import ProcessIdentity
from tests.patience import PATIENCE_S, until
from tests.process.inputs import BASE, NODE, RUN, WINDOW, Shipment

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Node:
    folder: Path
    lane: RunContract
    backend: BackendName = "reference"
    coordinator: SigningKey = field(default_factory=SigningKey.generate)

    @property
    def settings(self) -> HostSettings:
        return HostSettings(
            home=self.folder / "home",
            run_root_setting=self.folder / "run",
            model_dir_setting=BASE,
            backend=self.backend,
        )

    @property
    def root(self) -> RunRoot:
        return RunRoot(self.settings.run_root)

    @property
    def key(self) -> SigningKey:
        return SigningKey.load_or_create(self.settings.key_path(NODE))

    def environment(self, **more: str) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("SWARM_")},
            "PYTHONPATH": str(REPOSITORY),
            "SWARM_RUN_ROOT": str(self.settings.run_root),
            "SWARM_HOST_HOME": str(self.settings.home),
            "SWARM_MODEL_DIR": str(BASE),
            "SWARM_BACKEND": self.backend,
            **more,
        }

    def ask(self, verb: str, *words: Word, tail: bytes = b"", **environment: str) -> tuple[int, list[dict[str, Any]]]:
        """The verb as its own process. Exit code and output lines."""
        done = subprocess.run(
            [sys.executable, "-m", "runners", verb],
            input=_lines(words) + tail,
            env=self.environment(**environment),
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return done.returncode, _parsed(done.stdout)

    def ask_here(
        self, verb: str, *words: Word, tail: bytes = b"", settings: HostSettings | None = None
    ) -> tuple[int, dict[str, Any]]:
        """The same handler on real files, without a process of its own. Exit code and last line."""
        with TemporaryFile() as source, TemporaryFile() as sink:
            source.write(_lines(words) + tail)
            source.seek(0)
            code = answer_verb(verb, settings or self.settings, Wire(source.fileno(), sink.fileno()))
            sink.seek(0)
            return code, _parsed(sink.read())[-1]

    def admit(self) -> None:
        """An admission by the pure halves; the conversation itself is tested elsewhere."""
        self.settings.make_run_root()
        secret = secret_of(new_token())
        asked = challenge(
            run_id=RUN,
            node_id=NODE,
            contract_digest=self.lane.digest,
            coordinator_public_key=self.coordinator.public_hex,
            host_key_fingerprint="local",
            handed_over=True,
        )
        given = answer(secret, asked, self.key.public_hex)
        receipt = receipt_of(asked, given, confirmation(secret, asked, given, admitted_wall_ms=1))
        self.root.keep_admission(receipt, sign_receipt(receipt, self.key))

    def ship(self, shipment: Shipment) -> None:
        code, line = self.ask_here("receive", shipment.request(), tail=shipment.archive)
        assert code == 0, line

    def launch_request(self, shipment: Shipment) -> LaunchRequest:
        return LaunchRequest(
            run_id=RUN,
            node_id=NODE,
            archive_sha256=shipment.sha256,
            assignment=shipment.assignment,
            contract=self.lane,
            coordinator_public_key=self.coordinator.public_hex,
        )

    def launch(self, shipment: Shipment, **environment: str) -> LaunchResponse:
        """Everything up to a launched runner."""
        self.admit()
        self.ship(shipment)
        code, lines = self.ask("launch", self.launch_request(shipment), tail=b"", **environment)
        assert code == 0, lines
        return LaunchResponse.model_validate_json(json.dumps(lines[-1]))

    def begin_request(self, shipment: Shipment, **changes: object) -> BeginRequest:
        begin = Begin(
            run_id=RUN,
            window_id=WINDOW,
            revision=shipment.assignment.revision,
            contract_digest=self.lane.digest,
            assignment_digests=(shipment.assignment.digest,),
        ).model_copy(update=changes)
        signature = self.coordinator.sign(BEGIN_PREFIX + canonical_bytes(begin.to_json()))
        return BeginRequest(node_id=NODE, begin=begin, signature=signature)

    def records(self, launched: LaunchResponse) -> list[VerifiedLine]:
        """Every whole line so far, verified."""
        writer = Writer(run_id=RUN, node_id=NODE, role="contributor", revision=launched.revision, epoch=launched.epoch)
        reader = JournalReader(writer, self.key.public_hex)
        return reader.feed((self.root.folder / launched.journal).read_bytes())

    def kinds(self, launched: LaunchResponse) -> list[str]:
        """In order, without the heartbeats."""
        kinds = [line.record.kind for line in self.records(launched)]
        return [kind for kind in kinds if kind != "heartbeat"]

    def body(self, launched: LaunchResponse, kind: str) -> dict[str, Any]:
        """Of the last record of that kind."""
        return [line.record.body for line in self.records(launched) if line.record.kind == kind][-1]

    def await_record(self, launched: LaunchResponse, kind: str) -> None:
        until(f"{kind} in {launched.journal}", lambda: kind in self.kinds(launched))

    def await_step(self, launched: LaunchResponse) -> None:
        until("a heartbeat with a finished step", lambda: self.body(launched, "heartbeat")["step"] > 0)

    def status(self, revision: int = 0) -> dict[str, Any]:
        return self.ask_here("status", runner_request(revision))[1]

    def await_death(self) -> None:
        until("death of the runner", lambda: self.status()["proven_dead"])

    def beat_gaps_ms(self, launched: LaunchResponse) -> list[int]:
        times = [line.record.mono_ms for line in self.records(launched) if line.record.kind == "heartbeat"]
        return [after - before for before, after in pairwise(times)]

    def on(self, backend: BackendName) -> "Node":
        return replace(self, backend=backend)


def runner_request(revision: int = 0, **changes: str) -> RunnerRequest:
    return RunnerRequest(run_id=RUN, node_id=NODE, revision=revision).model_copy(update=changes)


@contextmanager
def ended_runners(node: Node) -> Iterator[Node]:
    """Leaves no runner behind, whatever a test did."""
    try:
        yield node
    finally:
        if node.settings.run_root.exists():
            for path in node.settings.run_root.glob("launch-r*.json"):
                launched = LaunchResponse.model_validate_json(path.read_bytes())
                ProcessIdentity(launched.pid, launched.process_started_ms).send(signal.SIGKILL)


def _lines(words: tuple[Word, ...]) -> bytes:
    return b"".join(canonical_bytes(word.to_json()) + b"\n" for word in words)


def _parsed(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]
