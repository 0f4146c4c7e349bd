"""What a rule of the coordinator found."""

from runners.contract.document import Word
from runners.contract.names import Label, Text


class Finding(Word):
    """One failed rule."""

    rule: Label
    expected: Text
    got: Text
