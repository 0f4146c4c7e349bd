"""The BLAS under MLX on a processor: its Linux wheel carries the reference BLAS, and a system may have a faster one.

The loader asks the process's own scope for a name before it asks the libraries that a library was linked with. So an
OpenBLAS that is in that scope when MLX is loaded does MLX's products; and torch's too, where torch is loaded later.
"""

import ctypes
import platform
import re
import sys
from contextlib import suppress
from pathlib import Path

from runners.contract.names import Label, as_label
from runners.training.hardware import loaded_files

OPENBLAS = "libopenblas.so.0"  # as Debian's libopenblas0-pthread calls it
ROUTINE = "cblas_sgemm"


class _Found(ctypes.Structure):
    """Dl_info of dladdr."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


def prefer_openblas() -> None:
    """Where one is installed, and MLX isn't imported yet: after that its names are bound. Not beside torch, whose
    products would be other ones from then on."""
    if platform.system() == "Linux" and not {"mlx.core", "torch"} & sys.modules.keys():
        with suppress(OSError):  # none is installed
            ctypes.CDLL(OPENBLAS, mode=ctypes.RTLD_GLOBAL)


def blas_of(library: str) -> Label:
    """What does the products of a loaded library (its file's name): `openblas@0.3.21+Zen`, or the file they lie in."""
    if platform.system() == "Darwin":
        return as_label("accelerate")
    file = preferred_blas() or _linked_blas(library)
    return as_label("unknown" if file is None else _named(file))


def preferred_blas() -> str | None:
    """File of the BLAS in the process's own scope, if there is one: it stands before those that libraries bring."""
    return _file_of(ctypes.CDLL(None)) if platform.system() == "Linux" else None


def reference_blas() -> bool:
    """Whether MLX's own BLAS does its products on this processor."""
    return platform.system() == "Linux" and preferred_blas() is None


def set_blas_threads(threads: int) -> int:
    """Ask the OpenBLAS in the process's own scope; the number it then says. The reference BLAS has one thread."""
    own = ctypes.CDLL(None)
    if platform.system() == "Linux" and hasattr(own, "openblas_set_num_threads"):
        own.openblas_set_num_threads(ctypes.c_int(threads))
        return int(own.openblas_get_num_threads())
    return 1


def _linked_blas(library: str) -> str | None:
    files = [path for path in loaded_files() if Path(path).name == library]
    return _file_of(ctypes.CDLL(files[0])) if len(files) == 1 else None


def _file_of(scope: ctypes.CDLL) -> str | None:
    """Which file the routine lies in that this scope finds first."""
    routine = getattr(scope, ROUTINE, None)
    found = _Found()
    if routine is None or not ctypes.CDLL(None).dladdr(ctypes.cast(routine, ctypes.c_void_p), ctypes.byref(found)):
        return None
    return Path(found.file.decode(errors="replace")).name if found.file else None


def _named(file: str) -> str:
    """OpenBLAS by the version and the processor's kernels that it says, which decide its bits; others by their file."""
    own = ctypes.CDLL(None)
    if "openblas" not in file or not hasattr(own, "openblas_get_config"):
        return file
    own.openblas_get_config.restype = own.openblas_get_corename.restype = ctypes.c_char_p
    version = re.search(r"OpenBLAS (\S+)", own.openblas_get_config().decode(errors="replace"))
    return f"openblas@{version[1]}+{own.openblas_get_corename().decode(errors='replace')}" if version else file
