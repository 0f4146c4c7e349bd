"""Files that macOS leaves in folders without being asked: nobody's evidence, and nobody's lie."""

FOUND_BY_FINDER = ".DS_Store"  # how a folder was last shown; written when Finder opens it
ATTRIBUTES = "._"  # before a file's name: its attributes, on a disk or in an archive that has no place for them


def whose(path: str) -> str:
    """What to add to a finding about that file; empty where it isn't macOS' own.

    It stays a finding. What nobody listed could hold anything, and whoever gets the folder next would get that too.
    """
    name = path.rpartition("/")[2]
    if name == FOUND_BY_FINDER or name.startswith(ATTRIBUTES):
        return "; macOS leaves such files: remove it, and check again"
    return ""
