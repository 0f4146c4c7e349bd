"""The coordinator's loop: arrivals in, decisions journaled, due work started. All judgement is in pure functions."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable

from console.coordination.arrivals import arrive
from console.coordination.bounds import longest_ms, unreached_ms
from console.coordination.decide import decide
from console.coordination.desk import Desk
from console.coordination.due import Command, due
from console.coordination.errors import ContractDrift
from console.coordination.inbox import read_commands
from console.coordination.observer import ObserverClock
from console.coordination.telling import admit
from console.coordination.trouble import as_record, is_refused_here, reason_of
from console.coordination.works import (
    admitting,
    aggregating,
    bound_documents,
    checkpoints,
    collecting,
    inputs,
    preparing,
    releasing,
    scoring,
    validating,
)
from console.hosts.errors import HostError, HostUnreachable, LinkDown
from console.hosts.follower import JournalFollower
from runners.contract import coordinator_records as rec
from runners.contract.errors import ContractError
from runners.contract.journal import Writer, start_of
from runners.records.journal_file import VerifiedLine

TICK_S = 0.1
FOLLOW_EVERY_S = 0.1
DRAIN_S = 1.0  # how long a late coordinator listens before it judges
RETRY_MS = 500
AGAIN_MS = {"begin": 1000, "check_alive": 500}  # their effect is seen in a journal, not in their answer

RUN_WORKS: dict[str, Callable[[Desk], Awaitable[None]]] = {
    "inputs": inputs.prepare_inputs,
    "bind_plan": preparing.bind_plan,
    "open_window": preparing.open_window,
    "merge": aggregating.merge_contributions,
    "score": scoring.score,
    "promote": aggregating.promote,
}
NODE_WORKS: dict[str, Callable[[Desk, str], Awaitable[None]]] = {
    "admit_host": admitting.admit_host,
    "prepare_host": preparing.prepare_host,
    "begin": preparing.begin,
    "keep_checkpoints": checkpoints.keep,
    "fetch": collecting.fetch,
    "replay": validating.replay,
    "release": releasing.release,
}


class Engine:
    """Runs one window to its end. Everything it knows is on the desk; it can be killed at any line."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._tasks: dict[Command, asyncio.Task[None]] = {}
        self._not_before: dict[Command, int] = {}
        self._first_try_ms: dict[Command, int] = {}
        self._following: dict[str, asyncio.Task[None]] = {}
        self._followers: dict[str, JournalFollower] = {}
        self._polling: dict[str, asyncio.Lock] = {}  # one per host: a silent link must not deafen us to the others
        self._observer = ObserverClock(desk.clock, tick_ms=int(TICK_S * 1000))
        self._refused_here: Exception | None = None

    async def run(self) -> None:
        """Until `closed` is journaled and every task of ours has ended. Raises OSError for what this machine refuses:
        whoever takes over goes on from the journal, once there is room."""
        try:
            while not self.desk.state.closed:
                if self._refused_here is not None:
                    raise self._refused_here
                if self._was_late():
                    await self._listen()
                self.desk.changed.clear()
                read_commands(self.desk)
                bound_documents.watch(self.desk)
                self._follow_launched()
                self._decide()
                if self.desk.state.closed:
                    break  # at once: nothing may follow the last record
                self._start_due()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self.desk.changed.wait()
        finally:
            await self._end_tasks([*self._tasks.values(), *self._following.values()])

    def _was_late(self) -> bool:
        """Our own lateness is credited to everyone before anyone is judged: `fold` does it."""
        gaps = self._observer.tick()
        for gap in gaps:
            self.desk.note(rec.ObserverGap(gap_ms=gap.gap_ms, cause=gap.cause))
        return bool(gaps)

    async def _listen(self) -> None:
        """What was said while we didn't listen is heard before anything is decided."""
        drains = [asyncio.create_task(self._drain_quietly(node_id)) for node_id in self._followers]
        if drains:
            _, unheard = await asyncio.wait(drains, timeout=DRAIN_S)
            await self._end_tasks(list(unheard))

    async def _drain_quietly(self, node_id: str) -> None:
        """Whatever is wrong with a journal is told by the task that follows it."""
        with contextlib.suppress(HostError, ContractError):
            await self.drain(node_id)

    def _decide(self) -> None:
        while (decision := decide(self.desk.state, self.desk.clock.mono_ms())) is not None:
            self.desk.note(decision)

    def _start_due(self) -> None:
        now = self.desk.clock.mono_ms()
        wanted = due(self.desk.state, now)
        for command, task in list(self._tasks.items()):
            if command not in wanted and self.desk.state.ended and not self._must_finish(command):
                task.cancel()  # the attempt is over: what was still under way has no purpose
        for command in sorted(wanted, key=lambda c: (c.kind, c.node_id or "")):
            if command not in self._tasks and now >= self._not_before.get(command, 0) and not self._blocked(command):
                self._first_try_ms.setdefault(command, now)
                self._tasks[command] = asyncio.create_task(self._do(command))

    def _must_finish(self, command: Command) -> bool:
        """A launch that is cut short leaves a process that nobody knows of."""
        launching = command.kind == "prepare_host" and command.node_id is not None
        return command.kind == "release" or (launching and self.desk.node(command.node_id or "").shipped)

    def _blocked(self, command: Command) -> bool:
        """Nothing is ended while it may still be starting."""
        return command.kind == "release" and Command("prepare_host", command.node_id) in self._tasks

    async def _do(self, command: Command) -> None:
        """One piece of work. What this machine refused it, or the record of what went wrong, ends the coordinator."""
        try:
            await self._try(command)
        except OSError as error:
            self._refused_here = error
        finally:
            self._tasks.pop(command, None)
            self._not_before[command] = self.desk.clock.mono_ms() + AGAIN_MS.get(command.kind, RETRY_MS)
            self.desk.changed.set()

    async def _try(self, command: Command) -> None:
        """Whatever goes wrong becomes a record, or another try. Raises OSError for what this machine refused."""
        try:
            async with asyncio.timeout(longest_ms(command.kind, self.desk.contract.policies) / 1000):
                await self._work(command)
            self._first_try_ms.pop(command, None)  # the next time it is due is another matter
        except (LinkDown, HostUnreachable) as error:
            self._give_up_if_overdue(command, error)
        except ContractDrift as error:
            if not self.desk.state.ended:
                bound_documents.tell(self.desk, error)
        except Exception as error:  # the loop must live on to close the run with this as its reason
            _narrate(f"{command}: {type(error).__name__}: {error}")
            if is_refused_here(error):
                raise
            self.desk.note(as_record(command, error))

    async def _work(self, command: Command) -> None:
        if command.node_id is None:
            await RUN_WORKS[command.kind](self.desk)
        elif command.kind == "check_alive":
            await self._check_alive(command.node_id)
        else:
            await NODE_WORKS[command.kind](self.desk, command.node_id)

    async def _check_alive(self, node_id: str) -> None:
        """Dead is believed only after its last words are read: they may say why."""
        if (death := await releasing.death_of(self.desk, node_id)) is not None:
            await self._drain_quietly(node_id)
            self.desk.state = self.desk.state.with_node(node_id, proven_dead=True, death=death)

    def _give_up_if_overdue(self, command: Command, error: Exception) -> None:
        """Unreachable is not dead, so work is tried again; but nobody waits for a host for ever."""
        waited = self.desk.clock.mono_ms() - self._first_try_ms.get(command, 0)
        bound = unreached_ms(command.kind, self.desk.contract.policies)
        if bound is not None and waited > bound:
            self.desk.note(as_record(command, error))

    def _follow_launched(self) -> None:
        for node in self.desk.state.nodes.values():
            if node.launched is not None and node.node_id not in self._following and not node.released:
                self._following[node.node_id] = asyncio.create_task(self._follow(node.node_id))

    async def _follow(self, node_id: str) -> None:
        """Poll until the journal breaks or the run ends."""
        while True:
            try:
                await self.drain(node_id)
            except (LinkDown, HostUnreachable):
                pass  # the link names itself; the age of the last heartbeat decides
            except (ContractError, HostError, OSError) as error:
                if is_refused_here(error):
                    self._refused_here = error
                    self.desk.changed.set()
                else:
                    self._note_broken(node_id, error)
                return
            await asyncio.sleep(FOLLOW_EVERY_S)

    def _note_broken(self, node_id: str, error: Exception) -> None:
        follower = self._followers.get(node_id)
        head = follower.head if follower is not None else start_of(self._writer(node_id))
        _narrate(f"journal of {node_id}: {type(error).__name__}: {error}")
        reason = reason_of(error)
        self.desk.note(rec.JournalBroken(node_id=node_id, reason=reason, detail=str(error)[:4000], head=head))

    async def drain(self, node_id: str) -> None:
        """Everything that the contributor has journaled up to now. Raises ContractError at the first bad line."""
        async with self._polling.setdefault(node_id, asyncio.Lock()):
            follower = await self._follower(node_id)
            while lines := await follower.poll():
                self._arrived(node_id, lines, self.desk.clock.mono_ms())

    def _writer(self, node_id: str) -> Writer:
        launched = self.desk.node(node_id).launched
        assert launched is not None
        return Writer(
            run_id=self.desk.spec.run_id,
            node_id=node_id,
            role="contributor",
            revision=launched.revision,
            epoch=launched.epoch,
        )

    async def _follower(self, node_id: str) -> JournalFollower:
        if node_id in self._followers:
            return self._followers[node_id]
        node, host, writer = self.desk.node(node_id), await self.desk.host(node_id), self._writer(node_id)
        assert node.bringup is not None
        mirror = self.desk.paths.mirror / writer.file_name
        follower = JournalFollower(host, writer, node.bringup.node_public_key, mirror, admit=admit)
        self._followers[node_id] = follower
        # Heartbeats of before the restart are no sign of life now.
        heard_ms = node.last_beat_ms if node.last_beat_ms is not None else self.desk.clock.mono_ms()
        self._arrived(node_id, list(follower.restored), heard_ms)
        return follower

    def _arrived(self, node_id: str, lines: list[VerifiedLine], at_ms: int) -> None:
        for line in lines:
            self.desk.state, records = arrive(self.desk.state, node_id, line.record, line.head, at_ms)
            for body in records:
                self.desk.note(body)
        if lines:
            self.desk.changed.set()

    async def _end_tasks(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _narrate(text: str) -> None:
    """For whoever reads the log. Where it lies on a full disk too, that is no other failure."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)
