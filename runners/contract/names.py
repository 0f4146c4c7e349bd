"""Constrained strings that both sides use: node names, digests, file names."""

import re
from typing import Annotated

from pydantic import StringConstraints

# A name becomes a path part and a screen label, so its alphabet is the portable one, with no leading dot.
NodeId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,95}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PublicKey = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]  # raw Ed25519 public key, hex
Signature = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]  # raw Ed25519 signature, hex
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,159}$")]
Text = Annotated[str, StringConstraints(max_length=4000)]


def as_label(text: str) -> str:
    """`text` in the alphabet of a Label: anything else becomes `@`."""
    return re.sub(r"[^A-Za-z0-9._:/@+-]+", "@", text).strip("@")[:160] or "unknown"
