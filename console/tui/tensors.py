"""The tensors of one file: its header at once, its norms when they are asked for, from a process of their own."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from console.observation.figures import size
from console.observation.plain import plain
from console.tui.drawing.text import Row, pad
from runners.records.durable import open_regular
from runners.records.errors import RecordsError

MAX_HEADER = 1024 * 1024
LONGEST_S = 120.0


class AdapterTable:
    """`rows` never computes; a header that isn't one is said in its place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.computing = False
        self.norms: dict[str, Any] = {}
        self.header, self.problem = _header(path)

    def rows(self, name: str, width: int) -> tuple[Row, ...]:
        state = "  computing" if self.computing else "" if self.norms else "  enter computes norms"
        rows: list[Row] = [((name, "bright*"), (state, "muted"))]
        if self.problem:
            return (*rows, ((f"  {self.problem}", "bad"),))
        for tensor, said in self.header.items():
            if tensor == "__metadata__" or not isinstance(said, dict):
                continue
            rows += self._tensor(tensor, said, width)
        delta = self.norms.get("delta")
        if delta:
            values = "  ".join(f"{one:.3g}" for one in delta["singular"][:8])
            more = f" and {len(delta['singular']) - 8} more" if len(delta["singular"]) > 8 else ""
            rows.append((("  delta B A ", "muted"), (f"singular {values}{more}", "accent"),
                         (f"  effective rank {delta['effective_rank']:.1f}", "text")))  # fmt: skip
        if "problem" in self.norms:
            rows.append(((f"  {plain(str(self.norms['problem']))}", "bad"),))
        return (*rows, ())

    def _tensor(self, name: str, said: dict[str, Any], width: int) -> list[Row]:
        """Name, type and shape; what was computed stands beside it, or under it where there is no room."""
        figures = self.norms.get("tensors", {}).get(name)
        shape = " x ".join(str(one) for one in said.get("shape", ()))
        left: Row = (
            (f"  {pad(plain(name.removeprefix('base_model.model.'), 80), 28)} ", "text"),
            (f"{said.get('dtype', '?')!s:<6}", "muted"),
            (f"{shape:<16}", "text"),
        )
        if figures is None:
            return [left]
        bad = f"  {figures['not_finite']} not finite" if figures["not_finite"] else ""
        told: Row = ((f"norm {figures['norm']:.5g}  largest {figures['largest']:.3g}", "accent"), (bad, "bad"))
        return [(*left, *told)] if width >= 96 else [left, ((" " * 31, ""), *told)]

    async def compute(self) -> None:
        """Once; what went wrong is kept as a line of the table."""
        if self.computing or self.norms:
            return
        self.computing = True
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
            self.norms = json.loads(said)
        except (TimeoutError, ValueError):
            self.norms = {"problem": f"the norms could not be computed (code {process.returncode})"}
        finally:
            self.computing = False
            if process.returncode is None:
                process.kill()


def _header(path: Path) -> tuple[dict[str, Any], str]:
    """The header's object, or why there is none."""
    try:
        fd = open_regular(path)
        try:
            length = int.from_bytes(os.pread(fd, 8, 0), "little")
            raw = os.pread(fd, length, 8) if length <= MAX_HEADER else b""
            whole = os.fstat(fd).st_size
        finally:
            os.close(fd)
        body = json.loads(raw)
    except (RecordsError, OSError, ValueError, RecursionError) as error:
        return {}, f"expected a safetensors header, got {type(error).__name__}"
    return (body, "") if isinstance(body, dict) else ({}, f"expected an object as header of {size(whole)}")
