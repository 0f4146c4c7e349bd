"""What can be wrong with words that crossed a host boundary."""


class ContractError(Exception):
    """Base of everything that a document, a record or a request can be refused for."""


class MalformedBytes(ContractError):
    """The bytes are not the one form that this kind of document is kept in."""


class DigestMismatch(ContractError):
    """A digest does not belong to the bytes it names."""


class BrokenChain(ContractError):
    """A journal line does not follow the line before it."""


class BadSignature(ContractError):
    """A signature was not made by the key that the record names."""
