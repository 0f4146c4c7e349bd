"""The screen; the only room that imports Textual."""

import os

# Textual reads it when it is imported. A lone escape waits so long for the rest of a sequence: 100 ms would be felt.
os.environ.setdefault("ESCDELAY", "25")
