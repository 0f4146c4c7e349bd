"""What can be wrong with words that crossed a host boundary."""


class ContractError(Exception):
    """Base of everything that a document, a record or a request can be refused for."""


class MalformedBytes(ContractError):  # noqa: N818 - the noun is what the bytes are
    """The bytes are not the one form that this kind of document is kept in."""


class DigestMismatch(ContractError):  # noqa: N818
    """A digest does not belong to the bytes it names."""


class BrokenChain(ContractError):  # noqa: N818
    """A journal line does not follow the line before it."""


class BadSignature(ContractError):  # noqa: N818
    """A signature was not made by the key that the record names."""
