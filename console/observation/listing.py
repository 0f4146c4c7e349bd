"""What lies in a folder that others change meanwhile."""

from glob import glob
from pathlib import Path


def listed(folder: Path, pattern: str) -> list[Path]:
    """Paths below the folder that match, none of a hidden folder. `Path.glob` ends with an error at a folder that was
    renamed since it was seen, as a bundle's draft is once it is whole; this finds the others."""
    return [folder / name for name in glob(pattern, root_dir=folder)]  # noqa: PTH207
