"""How a later document names what it rests on: by digest, never by path, so that both may be moved."""

from runners.contract.document import Word
from runners.contract.names import RunId, Sha256


class RunCitation(Word):
    run_id: RunId
    bundle_digest: Sha256  # of the bundle's first document, over its canonical body
    bundle_sha256: Sha256  # of that file's bytes, the ones that the operator signed
