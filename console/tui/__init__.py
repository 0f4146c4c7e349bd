"""The screen; the only room that imports Textual."""

import os

# Textual reads it on import: so long a lone escape waits for the rest of a sequence. Its own 100 ms would be felt.
os.environ.setdefault("ESCDELAY", "15")
