"""What the command line can refuse, by exit status."""

OK, FAILED, USAGE, MISSING, INTERRUPTED = 0, 1, 2, 3, 130


class UsageError(Exception):
    """The command makes no sense as given: exit 2."""


class MissingTool(Exception):
    """Something that the command needs isn't on this machine: exit 3."""
