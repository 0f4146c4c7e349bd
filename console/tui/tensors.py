"""The tensors of one file: its header at once, its norms when they are asked for, from a process of their own."""

import asyncio
import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.evidence.kept_file import open_kept
from console.observation.figures import size
from console.observation.kept_json import part
from console.observation.plain import plain
from console.tui.drawing.text import Row, clip_front, pad, width_of, wrap
from console.tui.key_names import KeyNames
from runners.records.errors import RecordsError

MAX_HEADER = 1024 * 1024
LONGEST_S = 120.0
SHOWN = 100  # tensors of one file: an adapter of the head has two, its checkpoint seven


@dataclass(frozen=True, slots=True)
class Tensor:
    """As the header has it, made harmless."""

    key: str
    name: str
    dtype: str
    shape: str


class AdapterTable:
    """Reads the header when it is made. `rows` never computes; a header that isn't one is said in its place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.began_s: float | None = None  # while it computes
        self.norms: dict[str, Any] = {}
        self.tensors, self.problem = _read_tensors(path)

    @property
    def state(self) -> str:
        if self.began_s is not None:
            spent = time.monotonic() - self.began_s
            return f"computing for {spent:.0f} s of at most {LONGEST_S:.0f}"
        return "" if self.norms or self.problem else "<lines.open> computes norms"

    def rows(self, name: str, keys: KeyNames, width: int) -> tuple[Row, ...]:
        state = f"  {keys.told(self.state)}" if self.state else ""
        shown = clip_front(plain(name, 400), max(5, width - width_of(state)))
        rows: list[Row] = [((shown, "bright*"), (state, "muted"))]
        if self.problem:
            return (*rows, *_told(self.problem, width), ())
        for tensor in self.tensors[:SHOWN]:
            rows += self._tensor(tensor, width)
        if len(self.tensors) > SHOWN:
            rows.append(((f"  and {len(self.tensors) - SHOWN} more", "muted"),))
        delta = self.norms.get("delta")
        if delta:
            values = "  ".join(f"{one:.3g}" for one in delta["singular"][:8])
            more = f" and {len(delta['singular']) - 8} more" if len(delta["singular"]) > 8 else ""
            told: Row = ((f"singular {values}{more}", "accent"),)
            rank: Row = ((f"  effective rank {delta['effective_rank']:.1f}", "text"),)
            label: Row = (("  delta B A ", "muted"),)
            rows += [(*label, *told, *rank)] if width >= 96 else [(*label, *told), ((" " * 10, ""), *rank)]
        if "problem" in self.norms:
            rows += _told(plain(str(self.norms["problem"])), width)
        return (*rows, ())

    def _tensor(self, tensor: Tensor, width: int) -> list[Row]:
        """Name, type and shape; what was computed stands beside it, or under it where there is no room."""
        figures = self.norms.get("tensors", {}).get(tensor.key)
        left: Row = (
            (f"  {pad(tensor.name, 28)} ", "text"),
            (f"{pad(tensor.dtype, 5)} ", "muted"),
            (f"{tensor.shape:<16}", "text"),
        )
        if figures is None:
            return [left]
        bad = f"  {figures['not_finite']} not finite" if figures["not_finite"] else ""
        told: Row = ((f"norm {figures['norm']:.5g}  largest {figures['largest']:.3g}", "accent"), (bad, "bad"))
        return [(*left, *told)] if width >= 96 else [left, ((" " * 31, ""), *told)]

    async def compute(self) -> None:
        """Once; what went wrong is kept as a line of the table."""
        if self.began_s is not None or self.norms or self.problem:
            return
        self.began_s = time.monotonic()
        try:
            self.norms = await self._ask()
        except TimeoutError:
            self.norms = {"problem": f"the norms were not computed: it took longer than {LONGEST_S:.0f} s"}
        except (OSError, ValueError) as error:
            self.norms = {"problem": f"the norms were not computed: {error or type(error).__name__}"}
        finally:
            self.began_s = None

    async def _ask(self) -> dict[str, Any]:
        """Raises TimeoutError, OSError, or ValueError when the process says nothing. Cancelling ends it."""
        argv = (sys.executable, "-m", "console.evidence.norms_process", str(self.path))
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), LONGEST_S)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        if not said.strip():
            raise ValueError(f"its process ended with code {process.returncode}")
        found = json.loads(said)
        return found if isinstance(found, dict) else {}


def _told(problem: str, width: int) -> tuple[Row, ...]:
    return tuple(((f"  {line}", "bad"),) for line in wrap(problem, width - 2, 4))


def _read_tensors(path: Path) -> tuple[tuple[Tensor, ...], str]:
    """What the header names, or why there is none."""
    try:
        fd = open_kept(path)
        try:
            length, whole = int.from_bytes(os.pread(fd, 8, 0), "little"), os.fstat(fd).st_size
            if not 0 < length <= min(MAX_HEADER, whole - 8):
                most = f"expected a safetensors header of at most {size(MAX_HEADER)}"
                return (), f"{most}, got one of {length} bytes in a file of {whole}"
            body = json.loads(os.pread(fd, length, 8))
        finally:
            os.close(fd)
    except RecordsError as error:
        return (), plain(str(error))
    except (OSError, ValueError, RecursionError) as error:
        return (), f"expected a safetensors header, got {type(error).__name__}"
    if not isinstance(body, dict):
        return (), f"expected a safetensors header, got a list or a value in a file of {size(whole)}"
    return tuple(_tensor(name, said) for name, said in body.items() if name != "__metadata__"), ""


def _tensor(key: str, said: object) -> Tensor:
    """A stranger's: whatever is no type or no list of sizes shows as `?`."""
    dtype, shape = part(said, "dtype"), part(said, "shape")
    sizes = isinstance(shape, list) and all(type(one) is int for one in shape)
    return Tensor(
        key,
        plain(key.removeprefix("base_model.model."), 80),
        plain(dtype, 8) if isinstance(dtype, str) else "?",
        plain(" x ".join(str(one) for one in shape), 60) if isinstance(shape, list) and sizes else "?",
    )
